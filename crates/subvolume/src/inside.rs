//! Subvolumes that lie somewhere inside a folder.
//!
//! The filesystem lists, for each subvolume, those directly in it, with the folder that has each
//! one's name. Folders are opened by subvolume and inode, so nothing is walked downwards; whether a
//! folder lies below another is found by going up from it.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::PATIENCE;
use crate::ioctl::{self, Child, ROOT_INODE};

/// Finds a subvolume somewhere inside a folder, not counting the folder itself. Gives its path as
/// the system shows it, for messages; `None` if there is none, or the folder is not on btrfs.
///
/// # Errors
/// What the system says.
pub fn find_inside(folder: BorrowedFd<'_>) -> Result<Option<PathBuf>, Errno> {
    if !crate::is_on_btrfs(folder)? {
        return Ok(None);
    }
    let outer = ioctl::id(folder)?;
    let Some(child) = first_below(folder, outer, 0)? else {
        return Ok(None);
    };
    let place = ioctl::open(folder, outer, child.folder)?;
    let shown = std::os::fd::AsRawFd::as_raw_fd(&place);
    let path = std::fs::read_link(format!("/proc/self/fd/{shown}")).unwrap_or_default();
    let name = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(child.name);
    Ok(Some(path.join(name)))
}

/// Destroys every subvolume somewhere inside a folder, but not the folder itself, and gives how many
/// there were. On other filesystems there are none.
///
/// # Errors
/// What the system says, for the first that cannot be destroyed; others may be left then too.
pub fn destroy_inside(folder: BorrowedFd<'_>) -> Result<u64, Errno> {
    if !crate::is_on_btrfs(folder)? {
        return Ok(0);
    }
    let outer = ioctl::id(folder)?;
    let mut destroyed = 0;
    let mut next = 0;
    while let Some(child) = first_below(folder, outer, next)? {
        next = child.id + 1;
        destroyed += destroy_with_all(folder, outer, child)?;
    }
    Ok(destroyed)
}

/// Destroys one subvolume, the innermost inside of it first. How deep they are nested costs memory
/// for their names, but neither stack nor descriptors.
fn destroy_with_all(any: BorrowedFd<'_>, outer: u64, child: Child) -> Result<u64, Errno> {
    let mut destroyed = 0;
    let mut failures = 0;
    let mut way = vec![child];
    while let Some(innermost) = way.last() {
        if let Some(deeper) = ioctl::children(any, innermost.id, 0)?.into_iter().next() {
            way.push(deeper);
            continue;
        }
        let above = way.len().checked_sub(2).map_or(outer, |at| way[at].id);
        match destroy_one(any, above, innermost) {
            Ok(()) => destroyed += 1,
            // Moved, or filled again: look again from above.
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::STALE) if failures < PATIENCE => {
                failures += 1;
            }
            Err(e) => return Err(e),
        }
        way.pop();
    }
    Ok(destroyed)
}

fn destroy_one(any: BorrowedFd<'_>, above: u64, child: &Child) -> Result<(), Errno> {
    let place = ioctl::open(any, above, child.folder)?;
    let name = CString::new(child.name.as_slice()).map_err(|_| Errno::INVAL)?;
    match crate::take_out(place.as_fd(), &name) {
        // A name cannot be taken out of a read-only subvolume.
        Err(Errno::ROFS) => {
            let root = ioctl::open(any, above, ROOT_INODE)?;
            ioctl::set_read_only(root.as_fd(), false)?;
            crate::take_out(place.as_fd(), &name)
        }
        done => done,
    }
}

/// The first subvolume directly in the subvolume `outer`, from the id `next` on, that lies below a
/// folder of it.
fn first_below(folder: BorrowedFd<'_>, outer: u64, next: u64) -> Result<Option<Child>, Errno> {
    let is_root = rustix::fs::fstat(folder)?.st_ino == ROOT_INODE;
    let mut next = next;
    loop {
        let some = ioctl::children(folder, outer, next)?;
        let Some(last) = some.last() else {
            return Ok(None);
        };
        next = last.id + 1;
        for child in some {
            if is_root || is_below(folder, outer, &child)? {
                return Ok(Some(child));
            }
        }
    }
}

/// Whether the name of a subvolume stands in a folder or below it: goes up from where it stands.
fn is_below(folder: BorrowedFd<'_>, outer: u64, child: &Child) -> Result<bool, Errno> {
    let wanted = rustix::fs::fstat(folder)?.st_ino;
    let mut here: OwnedFd = match ioctl::open(folder, outer, child.folder) {
        // Gone meanwhile.
        Err(Errno::NOENT | Errno::STALE) => return Ok(false),
        opened => opened?,
    };
    loop {
        // All of one subvolume, up to its root, so the number alone says which.
        let inode = rustix::fs::fstat(&here)?.st_ino;
        if inode == wanted || inode == ROOT_INODE {
            return Ok(inode == wanted);
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        here = rustix::fs::openat(&here, c"..", flags, Mode::empty())?;
    }
}
