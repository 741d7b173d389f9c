//! Everything that a database holds, and what reading it has cost.

use std::cell::Cell;
use std::io;

use cachecore::bolt::{Bolt, BoltError, Bucket, Entry, Limits, ReadAt};
use testbed::bolt::{Node, Tree};

/// A file that notes what is asked of it.
#[derive(Debug)]
pub(crate) struct Watched<'f> {
    file: &'f [u8],
    pub(crate) bytes: Cell<u64>,
    pub(crate) longest: Cell<usize>,
}

impl<'f> Watched<'f> {
    pub(crate) fn new(file: &'f [u8]) -> Self {
        Self {
            file,
            bytes: Cell::new(0),
            longest: Cell::new(0),
        }
    }
}

impl ReadAt for Watched<'_> {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.bytes.set(self.bytes.get() + into.len() as u64);
        self.longest.set(self.longest.get().max(into.len()));
        self.file.read_at(offset, into)
    }
}

/// Reads a whole database.
pub(crate) fn tree(file: &[u8]) -> Result<Tree, BoltError> {
    walk(&Bolt::open(file, Limits::default())?.root())
}

pub(crate) fn walk<R: ReadAt>(bucket: &Bucket<'_, R>) -> Result<Tree, BoltError> {
    bucket
        .entries()
        .map(|entry| {
            let (key, entry) = entry?;
            let node = match entry {
                Entry::Value(value) => Node::Value(value),
                Entry::Bucket(bucket) => Node::Bucket(walk(&bucket)?),
            };
            Ok((key, node))
        })
        .collect()
}
