//! The names in a folder.

use std::ffi::CString;
use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, RawDir, SeekFrom};

use crate::error::{During, Failure, Operation};

/// A name in a folder, and what the folder says is behind it: a hint that must be checked after
/// opening, and `FileType::Unknown` on filesystems that do not say.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: CString,
    pub(crate) kind: FileType,
}

/// Reads folders, keeping the memory for it.
#[derive(Debug, Default)]
pub(crate) struct Lister {
    buffer: Vec<u8>,
}

impl Lister {
    /// At most so many names but `.` and `..`, in the order of the filesystem, from a position on that
    /// the last part ended at, 0 at first. Returns where the next part begins, if there may be one.
    pub(crate) fn part(
        &mut self,
        folder: BorrowedFd<'_>,
        from: u64,
        most: usize,
        listed: &mut Vec<Listed>,
    ) -> Result<Option<u64>, Failure> {
        rustix::fs::seek(folder, SeekFrom::Start(from)).during(Operation::List)?;
        self.buffer.reserve(32 << 10);
        let mut entries = RawDir::new(folder, self.buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.during(Operation::List)?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                listed.push(Listed {
                    name: name.to_owned(),
                    kind: entry.file_type(),
                });
                if listed.len() >= most {
                    return Ok(Some(entry.next_entry_cookie()));
                }
            }
        }
        Ok(None)
    }
}
