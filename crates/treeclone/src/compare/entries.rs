//! Compares two entries that have the same path.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;

use rustix::fs::FileType;

use super::{Aspect, CompareOptions};
use crate::entry::{Entry, Id};
use crate::error::{During, Failure, Operation};
use crate::xattrs::{Holder, Reader, Xattr};

/// For reading files.
const BUFFER: usize = 128 << 10;

/// What must be remembered and kept from entry to entry.
pub(super) struct Facts<'a> {
    options: &'a CompareOptions<'a>,
    reader: Reader,
    buffers: (Vec<u8>, Vec<u8>),
    /// For the files with several names, the number of the entry where each was met first.
    met: (HashMap<Id, u64>, HashMap<Id, u64>),
    number: u64,
}

/// An open entry.
type Opened<'a> = (BorrowedFd<'a>, &'a Entry);

impl<'a> Facts<'a> {
    pub(super) fn new(options: &'a CompareOptions<'a>) -> Self {
        Self {
            options,
            reader: Reader::new(),
            buffers: Default::default(),
            met: Default::default(),
            number: 0,
        }
    }

    /// In what the two differ; what lies in folders is not looked at.
    pub(super) fn differ(
        &mut self,
        (a, x): Opened<'_>,
        (b, y): Opened<'_>,
    ) -> Result<Option<Aspect>, Failure> {
        let kind = x.kind;
        let file = kind == FileType::RegularFile;
        let device = matches!(kind, FileType::CharacterDevice | FileType::BlockDevice);
        let timed = file || matches!(kind, FileType::Directory | FileType::Symlink);
        // From what costs nothing to what takes reading.
        Ok(if kind != y.kind {
            Some(Aspect::Kind)
        } else if x.mode != y.mode {
            Some(Aspect::Mode)
        } else if (x.owner, x.group) != (y.owner, y.group) {
            Some(Aspect::Owner)
        } else if device && x.device != y.device {
            Some(Aspect::Device)
        } else if file && x.size != y.size {
            Some(Aspect::Size)
        } else if self.options.times
            && timed
            && x.times.last_modification != y.times.last_modification
        {
            Some(Aspect::Time)
        } else if self.options.hard_links && !self.linked_alike(x, y) {
            Some(Aspect::HardLinks)
        } else if kind == FileType::Symlink && target(a)? != target(b)? {
            Some(Aspect::Target)
        } else if let Some(name) = self.xattrs(kind, a, b)? {
            Some(Aspect::Xattr(name))
        } else if file && self.options.content && !self.same_content(a, b, x.size)? {
            Some(Aspect::Content)
        } else {
            None
        })
    }

    fn linked_alike(&mut self, x: &Entry, y: &Entry) -> bool {
        if x.kind == FileType::Directory || (x.names < 2 && y.names < 2) {
            return true;
        }
        // Which number is new does not matter, only that it is the same on both sides. One name
        // is enough to have met a file: the others may be outside the tree.
        self.number += 1;
        let first = *self.met.0.entry(x.id).or_insert(self.number);
        let second = *self.met.1.entry(y.id).or_insert(self.number);
        first == second
    }

    /// The first attribute that is not the same.
    fn xattrs(
        &mut self,
        kind: FileType,
        a: BorrowedFd<'_>,
        b: BorrowedFd<'_>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let mut read = |fd| -> Result<Vec<Xattr>, Failure> {
            let open = matches!(kind, FileType::RegularFile | FileType::Directory);
            let holder = if open {
                Holder::Open(fd)
            } else {
                Holder::Node(fd)
            };
            let mut xattrs = self.reader.read(holder)?;
            xattrs.retain(|xattr| (self.options.xattrs)(xattr.name.to_bytes()));
            Ok(xattrs)
        };
        let (first, second) = (read(a)?, read(b)?);
        if first == second {
            return Ok(None);
        }
        let lacks = |xattr: &&Xattr, others: &[Xattr]| !others.contains(xattr);
        let odd = first
            .iter()
            .filter(|xattr| lacks(xattr, &second))
            .chain(second.iter().filter(|xattr| lacks(xattr, &first)));
        Ok(odd.map(|xattr| xattr.name.to_bytes().to_vec()).min())
    }

    fn same_content(
        &mut self,
        a: BorrowedFd<'_>,
        b: BorrowedFd<'_>,
        size: u64,
    ) -> Result<bool, Failure> {
        let (left, right) = &mut self.buffers;
        left.resize(BUFFER, 0);
        right.resize(BUFFER, 0);
        let mut position = 0;
        while position < size {
            let room = usize::try_from(size - position).map_or(BUFFER, |rest| rest.min(BUFFER));
            fill(a, position, &mut left[..room])?;
            fill(b, position, &mut right[..room])?;
            if left[..room] != right[..room] {
                return Ok(false);
            }
            position += room as u64;
        }
        Ok(true)
    }
}

fn fill(file: BorrowedFd<'_>, position: u64, buffer: &mut [u8]) -> Result<(), Failure> {
    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut buffer[filled..];
        let offset = position + filled as u64;
        match rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *rest, offset)) {
            Ok(0) => return Err(Failure::Changed),
            read => filled += read.during(Operation::Read)?,
        }
    }
    Ok(())
}

fn target(symlink: BorrowedFd<'_>) -> Result<std::ffi::CString, Failure> {
    rustix::fs::readlinkat(symlink, c"", Vec::new()).during(Operation::ReadLink)
}
