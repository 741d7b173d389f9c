//! The flags that keep an entry from being removed, whoever asks.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, IFlags, Mode, OFlags};

use crate::entry::Entry;
use crate::opening::Opener;
use crate::xattrs;

const IN_THE_WAY: IFlags = IFlags::IMMUTABLE.union(IFlags::APPEND);

/// A file or folder whose flags were taken away.
#[derive(Debug)]
pub(super) struct Lifted {
    fd: OwnedFd,
    flags: IFlags,
}

impl Lifted {
    /// If the file is still there, under a name that may be outside of the tree, it is as it was.
    pub(super) fn put_back(self) {
        if Entry::of(&self.fd).is_ok_and(|entry| entry.names > 0) {
            // To set them takes the same right as to take them away did.
            let _ = rustix::fs::ioctl_setflags(&self.fd, self.flags);
        }
    }
}

/// Takes away the flags of `name` itself that keep it from being removed, if it has some. What cannot
/// be taken away stays, for the removal to tell.
pub(super) fn lift(opener: &Opener, at: BorrowedFd<'_>, name: &CStr) -> Option<Lifted> {
    let node = opener.node(at, name).ok()?;
    // No device: it would be the driver that is asked, and opening one may do things.
    let kind = Entry::of(&node).ok()?.kind;
    if !matches!(kind, FileType::RegularFile | FileType::Directory) {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let path = xattrs::in_proc(node.as_fd());
    let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
    clear(fd.as_fd()).map(|flags| Lifted { fd, flags })
}

/// Takes away the flags that keep a folder's entries, or a file itself, from being removed. Returns
/// all flags as they were, if some were in the way.
pub(super) fn clear(fd: BorrowedFd<'_>) -> Option<IFlags> {
    let flags = rustix::fs::ioctl_getflags(fd).ok()?;
    let set = flags.intersects(IN_THE_WAY);
    (set && rustix::fs::ioctl_setflags(fd, flags - IN_THE_WAY).is_ok()).then_some(flags)
}
