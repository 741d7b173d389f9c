//! Whether files can share their blocks.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{During, Error, Failure, Operation};
use crate::path::TreePath;

/// Says whether a file in the folder `to` can share the blocks of a file in the folder `from`, as
/// [`Sharing::Always`](crate::Sharing::Always) demands.
///
/// It is tried out with a file of one block in each, which have no names where the filesystem can
/// do without and are gone afterwards in any case; nothing else tells, not even two folders being
/// on the same device. Both folders must be writable; the descriptors may be `O_PATH`.
///
/// # Errors
/// The files cannot be made, because a folder is read-only or the disk full, for example.
pub fn shares_blocks(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<bool, Error> {
    probe(from, to).map_err(|failure| failure.at(TreePath::default()))
}

fn probe(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<bool, Failure> {
    let (source, target) = (scratch(from)?, scratch(to)?);
    let mut block = &[1_u8; 4096][..];
    while !block.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&source, block));
        block = &block[written.during(Operation::Write)?..];
    }
    match rustix::io::retry_on_intr(|| rustix::fs::ioctl_ficlone(&target, &source)) {
        Ok(()) => Ok(true),
        Err(errno) if never_between_them(errno) || not_this_file(errno) => Ok(false),
        Err(errno) => Err(Failure::Refused(Operation::Share, errno)),
    }
}

/// The answers to sharing that hold for all files of the two filesystems.
pub(crate) fn never_between_them(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY | Errno::NOSYS
    )
}

/// The answers that hold for the one file: it is swapped to, has other checksums than the target,
/// or is not yet written to a disk that must have it first.
pub(crate) fn not_this_file(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::INVAL | Errno::TXTBSY | Errno::PERM | Errno::AGAIN
    )
}

/// A new file that nobody else finds.
fn scratch(folder: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let private = Mode::RUSR | Mode::WUSR;
    match rustix::fs::openat(folder, c".", flags | OFlags::TMPFILE, private) {
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {}
        opened => return opened.during(Operation::Create),
    }
    let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let process = rustix::process::getpid().as_raw_nonzero();
    for number in 0_u32.. {
        let name = CString::new(format!(".treeclone-probe-{process}-{number}"));
        let name = name.map_err(|_| Failure::Changed)?;
        match rustix::fs::openat(folder, &name, flags, private) {
            Err(Errno::EXIST) => {}
            opened => {
                let file = opened.during(Operation::Create)?;
                rustix::fs::unlinkat(folder, &name, AtFlags::empty()).during(Operation::Remove)?;
                return Ok(file);
            }
        }
    }
    Err(Failure::Changed)
}
