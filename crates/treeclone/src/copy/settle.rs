//! Gives a finished entry its metadata.
//!
//! The order matters: a change of owner clears setuid, setgid and capabilities; setting an access
//! control list may clear setgid; everything but setting the times moves the times.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, CWD, FileType};

use crate::entry::Entry;
use crate::error::{During, Failure, Operation};
use crate::opening::Opener;
use crate::xattrs::{self, Holder, Xattr};

/// A file or folder that is open.
pub(super) fn open(fd: BorrowedFd<'_>, entry: &Entry, xattrs: &[Xattr]) -> Result<(), Failure> {
    rustix::fs::fchown(fd, Some(entry.owner), Some(entry.group)).during(Operation::SetOwner)?;
    xattrs::write(Holder::Open(fd), xattrs)?;
    rustix::fs::fchmod(fd, entry.mode).during(Operation::SetMode)?;
    rustix::fs::futimens(fd, &entry.times).during(Operation::SetTimes)
}

/// A symlink, device or fifo, which cannot be opened or must not be.
pub(super) fn node(
    opener: &Opener,
    folder: BorrowedFd<'_>,
    name: &CStr,
    entry: &Entry,
    xattrs: &[Xattr],
) -> Result<(), Failure> {
    let here = AtFlags::SYMLINK_NOFOLLOW;
    let (owner, group) = (Some(entry.owner), Some(entry.group));
    rustix::fs::chownat(folder, name, owner, group, here).during(Operation::SetOwner)?;
    // A symlink has no mode of its own.
    let has_mode = entry.kind != FileType::Symlink;
    if has_mode || !xattrs.is_empty() {
        let fd = opener.node(folder, name)?;
        if Entry::of(&fd)?.kind != entry.kind {
            return Err(Failure::Changed);
        }
        xattrs::write(Holder::Node(fd.as_fd()), xattrs)?;
        if has_mode {
            let path = xattrs::in_proc(fd.as_fd());
            rustix::fs::chmodat(CWD, path, entry.mode, AtFlags::empty())
                .during(Operation::SetMode)?;
        }
    }
    rustix::fs::utimensat(folder, name, &entry.times, here).during(Operation::SetTimes)
}
