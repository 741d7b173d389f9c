//! Which file is another. The digest says only that one is; the engine noted a checksum of each.

use std::io::Read;

use cachecore::tarsplit::crc64::Crc64;
use cachecore::tarsplit::{Entry, Parser, Step, What};
use rustix::fs::OFlags;
use treeclone::Observer;

use super::super::description::Lines;
use super::node::shown_path;
use super::place::{Place, split};
use super::progress::Progress;
use crate::error::StoreError;
use crate::handle::{Handle, Regular};

/// Bytes of a file that are read at once.
const BLOCK: usize = 128 << 10;

/// The first file that has another checksum than its description says. It is read once more: only
/// where the digest is wrong, which is seldom, the checksums are looked at.
pub(super) fn find(
    folder: &Handle,
    mut lines: Lines,
    observer: &dyn Observer,
) -> Result<Option<String>, StoreError> {
    let mut place = Place::new(folder);
    let mut progress = Progress::new(observer);
    let mut parser = Parser::default();
    let mut block = vec![0; BLOCK];
    while let Ok(Some(line)) = lines.next() {
        let Ok(step) = parser.line(line) else {
            break;
        };
        if let Step::Entry(
            entry @ Entry {
                what: What::File,
                checksum: Some(noted),
                ..
            },
        ) = step
            && let Some(found) = checksum(&mut place, &entry, &mut block, &mut progress)?
            && found != noted
        {
            return Ok(Some(shown_path(&entry.path)));
        }
        progress.entry()?;
    }
    Ok(None)
}

fn checksum(
    place: &mut Place<'_>,
    entry: &Entry,
    block: &mut [u8],
    progress: &mut Progress<'_>,
) -> Result<Option<u64>, StoreError> {
    let (parent, name) = split(&entry.path);
    let Some((parent, _)) = place.enter(parent)? else {
        return Ok(None);
    };
    let Regular::File(mut file) = parent.regular(name, OFlags::RDONLY)? else {
        return Ok(None);
    };
    let mut crc = Crc64::default();
    let mut left = entry.size;
    while left > 0 {
        let read = file
            .read(block)
            .map_err(|e| StoreError::io("read", parent.path().join(name), e))?;
        if read == 0 {
            break;
        }
        crc.update(&block[..read]);
        left = left.saturating_sub(read as u64);
        progress.bytes(read as u64)?;
    }
    Ok(Some(crc.value()))
}
