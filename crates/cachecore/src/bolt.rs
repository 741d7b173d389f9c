//! Reads bolt databases, which daemons keep their books in, without trusting them.
//!
//! The file is read through [`ReadAt`], a page at a time, so a database of gigabytes costs no more
//! memory than its largest page. Whatever the bytes are, a read ends: with entries, or with a
//! [`BoltError`] that names the page. No page is visited twice in one walk over a bucket, a bucket
//! never lies inside itself, elements of a page never overlap, and [`Limits`] bound what is read.
//!
//! The format is that of go.etcd.io/bbolt (version 2), as little-endian machines write it:
//!
//! ```text
//! page 0, 1      a meta page each; the one with the higher transaction that is sound counts
//! page header    id u64, flags u16 (1 branch, 2 leaf, 4 meta), count u16, overflow u32
//! branch element position u32, key size u32, page u64
//! leaf element   flags u32 (1: a bucket), position u32, key size u32, value size u32
//! bucket         root page u64, sequence u64; root page 0: a leaf page follows in the value itself
//! ```
//!
//! ```
//! use cachecore::bolt::{Bolt, BoltError, Limits};
//!
//! let nothing = Bolt::open(&[0_u8; 8192][..], Limits::default());
//! assert!(matches!(nothing, Err(BoltError::NoMeta)));
//! ```

mod bucket;
mod entries;
mod error;
mod meta;
mod page;

use std::cell::Cell;
use std::io;

pub use bucket::{Bucket, Entry};
pub use entries::Entries;
pub use error::{BoltError, Malformed};

use meta::Meta;
use page::Page;

/// Where a database's bytes come from.
pub trait ReadAt {
    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Whatever the source says; [`io::ErrorKind::UnexpectedEof`] where it ends before.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok();
        let bytes = from
            .and_then(|from| self.get(from..)?.get(..into.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, into)
    }
}

/// How much of a database is read before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one page with what it overflows into: what is held in memory for each level.
    pub page_bytes: u64,
    /// Most bytes that are read in all, pages that are read again included.
    pub bytes: u64,
    /// Most pages above each other from a bucket's root to its leaves, and most buckets in buckets.
    pub depth: usize,
}

impl Default for Limits {
    /// Ample for every daemon that is known: 256 KiB a page, 512 MiB in all, 24 levels. A tree of 24
    /// levels of at least two children has more pages than any disk.
    fn default() -> Self {
        Self {
            page_bytes: 256 << 10,
            bytes: 512 << 20,
            depth: 24,
        }
    }
}

/// A bolt database that is read.
#[derive(Debug)]
pub struct Bolt<R> {
    source: R,
    meta: Meta,
    limits: Limits,
    bytes_left: Cell<u64>,
}

impl<R: ReadAt> Bolt<R> {
    /// Opens a database: finds the meta page that counts.
    ///
    /// # Errors
    /// [`BoltError`] if neither meta page is sound, or the source cannot be read.
    pub fn open(source: R, limits: Limits) -> Result<Self, BoltError> {
        Ok(Self {
            meta: meta::find(&source)?,
            source,
            limits,
            bytes_left: Cell::new(limits.bytes),
        })
    }

    /// The bucket that holds all others.
    pub fn root(&self) -> Bucket<'_, R> {
        Bucket::at_page(self, self.meta.root)
    }

    /// The bucket that this path of names leads to; `None` if there is none.
    ///
    /// # Errors
    /// [`BoltError`] if what is on the way is damaged or beyond the limits.
    pub fn bucket<N: AsRef<[u8]>>(
        &self,
        path: impl IntoIterator<Item = N>,
    ) -> Result<Option<Bucket<'_, R>>, BoltError> {
        let mut here = self.root();
        for name in path {
            match here.get(name.as_ref())? {
                Some(Entry::Bucket(next)) => here = next,
                Some(Entry::Value(_)) | None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// Reads a page whole, and makes sure that it is one.
    fn page(&self, number: u64) -> Result<Page, BoltError> {
        let malformed = |problem| BoltError::Page {
            page: number,
            problem,
        };
        let size = u64::from(self.meta.page_size);
        // The first two are the meta pages.
        if number < 2 || number >= self.meta.end {
            return Err(malformed(Malformed::OutsideTheFile));
        }
        let offset = number.checked_mul(size);
        let offset = offset.ok_or_else(|| malformed(Malformed::OutsideTheFile))?;
        let mut bytes = self.read(number, offset, size)?;
        let more = u64::from(page::overflow(&bytes).unwrap_or_default());
        if more > 0 {
            if more >= self.meta.end - number {
                return Err(malformed(Malformed::OutsideTheFile));
            }
            // Both factors have 32 bits at most.
            let length = more * size;
            if length > self.limits.page_bytes.saturating_sub(size) {
                return Err(BoltError::TooLarge {
                    page: number,
                    limit: "bytes of one page",
                });
            }
            bytes.extend(self.read(number, offset.saturating_add(size), length)?);
        }
        Page::parse(number, bytes)
    }

    fn read(&self, page: u64, offset: u64, length: u64) -> Result<Vec<u8>, BoltError> {
        let left = self.bytes_left.get().checked_sub(length);
        let (Some(left), Ok(length)) = (left, usize::try_from(length)) else {
            return Err(BoltError::TooLarge {
                page,
                limit: "bytes read in all",
            });
        };
        self.bytes_left.set(left);
        let mut bytes = vec![0; length];
        self.source
            .read_at(offset, &mut bytes)
            .map_err(|source| BoltError::Read { offset, source })?;
        Ok(bytes)
    }
}
