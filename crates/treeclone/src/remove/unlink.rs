//! Removes one entry.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::flags;
use super::worker::Worker;
use crate::error::Failure;

/// How often an entry may turn from a folder to something else and back before we give up.
const PATIENCE: usize = 64;

impl Worker<'_> {
    /// Removes the entry, unless it is a folder, which is opened instead. `folder` is what it is
    /// believed to be; somebody may be changing it this very moment.
    pub(super) fn clear(
        &mut self,
        at: BorrowedFd<'_>,
        name: &CStr,
        mut folder: bool,
    ) -> Result<Option<OwnedFd>, Failure> {
        for _ in 0..PATIENCE {
            if folder {
                match self.removal.opener.folder(at, name) {
                    Ok(fd) => return Ok(Some(fd)),
                    Err(Failure::Changed) => folder = false,
                    Err(Failure::Refused(_, Errno::NOENT)) => return Ok(None),
                    Err(failure) => return Err(failure),
                }
            } else {
                match self.unlink(at, name, AtFlags::empty()) {
                    Err(Errno::ISDIR) => folder = true,
                    removed => return self.removed(removed).map(|()| None),
                }
            }
        }
        Err(Failure::Changed)
    }

    /// Takes the name away, and the flags that are in the way of that.
    pub(super) fn unlink(
        &self,
        at: BorrowedFd<'_>,
        name: &CStr,
        how: AtFlags,
    ) -> Result<(), Errno> {
        let unlink = || rustix::fs::unlinkat(at, name, how);
        match unlink() {
            Err(Errno::PERM) => {
                // The folder that the tree is in is not ours to change.
                if at.as_raw_fd() != self.removal.parent.as_raw_fd() {
                    flags::clear(at);
                }
                let lifted = flags::lift(&self.removal.opener, at, name);
                let removed = unlink();
                if let Some(lifted) = lifted {
                    lifted.put_back();
                }
                removed
            }
            other => other,
        }
    }
}
