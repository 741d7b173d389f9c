use std::io;

use super::page::{HEADER, u32_at, u64_at};
use super::{BoltError, ReadAt};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
/// From the magic number to the transaction; the checksum follows.
const CHECKED: usize = 56;
/// Smallest and largest page that a database can be made with on any machine that Docker runs on.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// What a meta page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// Bytes of a page.
    pub(super) page_size: u32,
    /// The root bucket's page.
    pub(super) root: u64,
    /// The first page that is not in use.
    pub(super) end: u64,
    /// The transaction that wrote it.
    transaction: u64,
}

/// The meta page that counts. Where the second one lies depends on the size of a page, which only a
/// meta page tells; if the first is torn, every size is tried.
pub(super) fn find(source: &impl ReadAt) -> Result<Meta, BoltError> {
    let sizes = || std::iter::successors(Some(*PAGE_SIZES.start()), |size| size.checked_mul(2));
    let first = at(source, 0)?;
    let second = match first {
        Some(first) => at(source, first.page_size)?.filter(|m| m.page_size == first.page_size),
        None => {
            let mut found = None;
            for size in sizes().take_while(|size| PAGE_SIZES.contains(size)) {
                found = found.or(at(source, size)?.filter(|meta| meta.page_size == size));
            }
            found
        }
    };
    // Of two, the later transaction; a torn one is the one that was being written.
    first
        .into_iter()
        .chain(second)
        .max_by_key(|meta| meta.transaction)
        .ok_or(BoltError::NoMeta)
}

fn at(source: &impl ReadAt, offset: u32) -> Result<Option<Meta>, BoltError> {
    let mut page = [0; HEADER + CHECKED + 8];
    match source.read_at(u64::from(offset), &mut page) {
        Ok(()) => Ok(parse(&page[HEADER..])),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(source) => Err(BoltError::Read {
            offset: u64::from(offset),
            source,
        }),
    }
}

fn parse(bytes: &[u8]) -> Option<Meta> {
    let page_size = u32_at(bytes, 8)?;
    let sound = u32_at(bytes, 0)? == MAGIC
        && u32_at(bytes, 4)? == VERSION
        && PAGE_SIZES.contains(&page_size)
        && page_size.is_power_of_two()
        && u64_at(bytes, CHECKED)? == fnv(bytes.get(..CHECKED)?);
    sound.then_some(Meta {
        page_size,
        root: u64_at(bytes, 16)?,
        end: u64_at(bytes, 40)?,
        transaction: u64_at(bytes, 48)?,
    })
}

/// FNV-1a of 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}
