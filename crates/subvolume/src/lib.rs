//! Makes, snapshots and destroys btrfs subvolumes by descriptor.
//!
//! ```no_run
//! use std::fs::File;
//! use std::os::fd::AsFd;
//!
//! # fn main() -> std::io::Result<()> {
//! let folder = File::open("/srv/goldens")?;
//! let golden = File::open("/srv/goldens/golden")?;
//! subvolume::snapshot(golden.as_fd(), folder.as_fd(), "session".as_ref())?;
//! subvolume::destroy(folder.as_fd(), "session".as_ref())?;
//! # Ok(())
//! # }
//! ```
//!
//! A snapshot shares every block with its origin and costs the same at any size. What is in a
//! subvolume may have been written by somebody who means harm: names are looked up in open folders,
//! no symlink is followed, and subvolumes inside are found in the filesystem's own records, not by
//! walking. They may be many, lie as deep as they like, and be read-only.
//!
//! Needs `CAP_SYS_ADMIN` and `CAP_DAC_READ_SEARCH`, as root has them. Functions that read or change a
//! subvolume answer `ENOTTY` for what does not lie on btrfs, or `EINVAL` for what is no subvolume's
//! root.

mod inside;
mod ioctl;

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{FileType, IFlags, Mode, OFlags};
use rustix::io::Errno;

pub use inside::{destroy_inside, find_inside};

/// `BTRFS_SUPER_MAGIC` of `linux/magic.h`.
const BTRFS: i64 = 0x9123_683E;

/// How often something that is changed under our hands is tried again.
const PATIENCE: usize = 64;

/// Whether a file or folder lies on btrfs.
///
/// # Errors
/// What the system says.
pub fn is_on_btrfs(file: impl AsFd) -> Result<bool, Errno> {
    Ok(rustix::fs::fstatfs(file)?.f_type == BTRFS)
}

/// Whether a folder is the root of a subvolume. On other filesystems none is.
///
/// # Errors
/// What the system says.
pub fn is_subvolume(folder: impl AsFd) -> Result<bool, Errno> {
    let stat = rustix::fs::fstat(&folder)?;
    Ok(stat.st_ino == ioctl::ROOT_INODE
        && FileType::from_raw_mode(stat.st_mode) == FileType::Directory
        && is_on_btrfs(folder)?)
}

/// Makes the empty, writable subvolume `name` in a folder.
///
/// # Errors
/// What the system says; `ENOTTY` if the folder does not lie on btrfs.
pub fn create(parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    ioctl::create(parent, &entry(name)?)
}

/// Makes the subvolume `name` in a folder: a writable snapshot of the subvolume whose root is `of`,
/// which may be read-only. Subvolumes inside `of` are empty folders in the snapshot.
///
/// # Errors
/// What the system says; `EXDEV` if the two do not lie on one filesystem, `EINVAL` if `of` is no
/// subvolume's root.
pub fn snapshot(of: BorrowedFd<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    ioctl::snapshot(of, parent, &entry(name)?)
}

/// Whether the subvolume whose root this is refuses every change.
///
/// # Errors
/// What the system says.
pub fn is_read_only(root: impl AsFd) -> Result<bool, Errno> {
    ioctl::is_read_only(root.as_fd())
}

/// Makes the subvolume whose root this is read-only, or writable again.
///
/// # Errors
/// What the system says.
pub fn set_read_only(root: impl AsFd, read_only: bool) -> Result<(), Errno> {
    ioctl::set_read_only(root.as_fd(), read_only)
}

/// Destroys the subvolume `name` of a folder with everything in it, other subvolumes included. The
/// name is gone at once; the kernel frees the space in the background.
///
/// That it is read-only, immutable or append-only does not keep it. If it, or one inside, is the
/// subvolume that is mounted by default, the top of the filesystem is so afterwards.
///
/// # Errors
/// What the system says; `EINVAL` if `name` is a folder but no subvolume, `ENOTDIR` or `ELOOP` if it
/// is no folder at all. Subvolumes inside may be gone then.
pub fn destroy(parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    let entry = entry(name)?;
    for _ in 0..PATIENCE {
        let root = folder(parent, name)?;
        if !is_subvolume(&root)? {
            return Err(Errno::INVAL);
        }
        destroy_inside(root.as_fd())?;
        match take_out(parent, &entry) {
            // Somebody has made one more inside.
            Err(Errno::NOTEMPTY) => {}
            done => return done,
        }
    }
    Err(Errno::NOTEMPTY)
}

/// Destroys a subvolume that has no other inside, whatever somebody with root did to it so that it
/// resists.
fn take_out(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    match ioctl::destroy(parent, name) {
        Err(Errno::PERM) => {
            soften(parent, name)?;
            ioctl::destroy(parent, name)
        }
        done => done,
    }
}

/// Takes away what makes the kernel refuse to destroy a subvolume: flags of its folder and of the one
/// that has its name, and that it is the default one.
fn soften(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    let root = folder(parent, OsStr::from_bytes(name.to_bytes()))?;
    ioctl::set_read_only(root.as_fd(), false)?;
    for folder in [parent, root.as_fd()] {
        let hard = IFlags::IMMUTABLE | IFlags::APPEND;
        let flags = rustix::fs::ioctl_getflags(folder)?;
        if flags.intersects(hard) {
            rustix::fs::ioctl_setflags(folder, flags - hard)?;
        }
    }
    if ioctl::is_default(root.as_fd(), ioctl::id(root.as_fd())?)? {
        ioctl::reset_default(root.as_fd())?;
    }
    Ok(())
}

/// Opens a folder in a folder, following no symlink.
fn folder(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// The name of one entry, as the kernel wants it. With a `/` in it, it would be a path.
fn entry(name: &OsStr) -> Result<CString, Errno> {
    let bytes = name.as_bytes();
    if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    CString::new(bytes).map_err(|_| Errno::INVAL)
}
