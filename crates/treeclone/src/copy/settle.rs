//! Gives a finished entry its metadata.
//!
//! The order matters: a change of owner clears setuid, setgid and capabilities; setting an access
//! control list may clear setgid; everything but setting the times moves the times.
//!
//! What a new entry has already is not set again: looking costs a tenth of what setting does.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode};

use crate::entry::Entry;
use crate::error::{During, Failure, Operation};
use crate::opening::Opener;
use crate::xattrs::{self, Holder, Xattr};

/// The mode to create an entry with: all but the bits that must not be there before the owner is.
pub(super) fn first_mode(entry: &Entry) -> Mode {
    entry.mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO)
}

/// Whether the mode must still be set on what was created as `fresh`.
fn mode_differs(fresh: &Entry, entry: &Entry, xattrs: &[Xattr]) -> bool {
    fresh.mode != entry.mode || owner_differs(fresh, entry) || !xattrs.is_empty()
}

fn owner_differs(fresh: &Entry, entry: &Entry) -> bool {
    (fresh.owner, fresh.group) != (entry.owner, entry.group)
}

/// A file or folder that is open, and was `fresh` when it was created.
pub(super) fn open(
    fd: BorrowedFd<'_>,
    fresh: &Entry,
    entry: &Entry,
    xattrs: &[Xattr],
) -> Result<(), Failure> {
    if owner_differs(fresh, entry) {
        rustix::fs::fchown(fd, Some(entry.owner), Some(entry.group)).during(Operation::SetOwner)?;
    }
    xattrs::write(Holder::Open(fd), xattrs)?;
    if mode_differs(fresh, entry, xattrs) {
        rustix::fs::fchmod(fd, entry.mode).during(Operation::SetMode)?;
    }
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
    let fresh = Entry::from(&rustix::fs::statat(folder, name, here).during(Operation::Stat)?);
    if fresh.kind != entry.kind {
        return Err(Failure::Changed);
    }
    if owner_differs(&fresh, entry) {
        let (owner, group) = (Some(entry.owner), Some(entry.group));
        rustix::fs::chownat(folder, name, owner, group, here).during(Operation::SetOwner)?;
    }
    // A symlink has no mode of its own.
    let set_mode = entry.kind != FileType::Symlink && mode_differs(&fresh, entry, xattrs);
    if set_mode || !xattrs.is_empty() {
        let fd = opener.node(folder, name)?;
        if Entry::of(&fd)?.kind != entry.kind {
            return Err(Failure::Changed);
        }
        xattrs::write(Holder::Node(fd.as_fd()), xattrs)?;
        if set_mode {
            let path = xattrs::in_proc(fd.as_fd());
            rustix::fs::chmodat(CWD, path, entry.mode, AtFlags::empty())
                .during(Operation::SetMode)?;
        }
    }
    rustix::fs::utimensat(folder, name, &entry.times, here).during(Operation::SetTimes)
}
