//! The one place that opens things in a tree: by folder descriptor and name, never through a
//! symlink, never across a mount point.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use crate::entry::Entry;
use crate::entry::Id;
use crate::error::{During, Failure, Operation};

#[cfg(test)]
mod tests;

/// Longest run of names handed to the kernel at once; `PATH_MAX` is 4096 with the NUL.
const RUN: usize = 4000;

/// How entries are opened on this kernel, found out once for each tree.
#[derive(Debug)]
pub(crate) struct Opener {
    openat2: bool,
    /// Reading must not move the access times of the source; only owners and root may ask so.
    noatime: AtomicBool,
}

impl Opener {
    /// The way to open things below `base`.
    pub(crate) fn new(base: BorrowedFd<'_>) -> Self {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        // EPERM is what container runtimes answer for calls that their filter does not know.
        let openat2 = !matches!(
            rustix::fs::openat2(base, c".", flags, Mode::empty(), INSIDE),
            Err(Errno::NOSYS | Errno::PERM)
        );
        Self {
            openat2,
            noatime: AtomicBool::new(true),
        }
    }

    /// An own descriptor of a tree's root. The caller's is left alone: its offset is not ours to
    /// move, and it may be `O_PATH`.
    pub(crate) fn root(&self, root: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
        self.quietly(FOLDER, |flags| {
            rustix::fs::openat(root, c".", flags, Mode::empty())
        })
        .map_err(refusal)
    }

    #[cfg(test)]
    pub(crate) fn without_openat2() -> Self {
        Self {
            openat2: false,
            noatime: AtomicBool::new(true),
        }
    }

    /// A folder, for listing and as a base of further calls.
    pub(crate) fn folder(&self, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Failure> {
        self.open(at, name, FOLDER)
    }

    /// A regular file for reading. What else may lie there is opened without waiting for a
    /// partner; look with [`Entry::of`] whether it is a file.
    pub(crate) fn file(&self, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Failure> {
        self.open(at, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
    }

    /// Whatever lies there as `O_PATH`: a device is not woken, a symlink is the symlink.
    pub(crate) fn node(&self, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Failure> {
        self.open(at, name, OFlags::PATH)
    }

    /// The folder that is reached through all of `names`, which must be the folder `id`.
    pub(crate) fn descend(
        &self,
        from: BorrowedFd<'_>,
        names: &[&CStr],
        id: Id,
    ) -> Result<OwnedFd, Failure> {
        let mut at: Option<OwnedFd> = None;
        let mut run = Vec::new();
        for (position, name) in names.iter().enumerate() {
            if !run.is_empty() {
                run.push(b'/');
            }
            run.extend_from_slice(name.to_bytes());
            let next = names
                .get(position + 1)
                .map_or(RUN, |name| name.count_bytes() + 1);
            // Without openat2 nothing but one name at a time is safe.
            if !self.openat2 || run.len() + next >= RUN {
                let base = at.as_ref().map_or(from, AsFd::as_fd);
                let path = CString::new(std::mem::take(&mut run)).map_err(|_| Failure::Changed)?;
                at = Some(self.open(base, &path, FOLDER)?);
            }
        }
        let Some(fd) = at else {
            return Err(Failure::Changed);
        };
        if Entry::of(&fd)?.id == id {
            Ok(fd)
        } else {
            Err(Failure::Changed)
        }
    }

    fn open(&self, at: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> Result<OwnedFd, Failure> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if self.openat2 {
            let open = |flags| rustix::fs::openat2(at, name, flags, Mode::empty(), INSIDE);
            return self.quietly(flags, open).map_err(refusal);
        }
        let open = |flags| rustix::fs::openat(at, name, flags, Mode::empty());
        let fd = self.quietly(flags, open).map_err(refusal)?;
        if is_mount_point(at, fd.as_fd())? {
            Err(Failure::MountPoint)
        } else {
            Ok(fd)
        }
    }

    fn quietly(
        &self,
        flags: OFlags,
        open: impl Fn(OFlags) -> Result<OwnedFd, Errno>,
    ) -> Result<OwnedFd, Errno> {
        let once = |flags| rustix::io::retry_on_intr(|| open(flags));
        if flags.contains(OFlags::PATH) || !self.noatime.load(Ordering::Relaxed) {
            return once(flags);
        }
        match once(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => {
                let fd = once(flags)?;
                self.noatime.store(false, Ordering::Relaxed);
                Ok(fd)
            }
            other => other,
        }
    }
}

/// The folder above `child`, which must be the folder `id`. Cheaper than a walk from the root, and
/// as safe: a folder that was moved elsewhere has another one above it.
pub(crate) fn parent(child: BorrowedFd<'_>, id: Id) -> Result<OwnedFd, Failure> {
    let flags = FOLDER | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(child, c"..", flags, Mode::empty()).map_err(refusal)?;
    if Entry::of(&fd)?.id == id {
        Ok(fd)
    } else {
        Err(Failure::Changed)
    }
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Not BENEATH: names from listings hold neither `/` nor `..`, so it adds nothing, and its answer
/// to a folder that is moved away under the walk is the same EXDEV that a mount point gets.
const INSIDE: ResolveFlags = ResolveFlags::NO_SYMLINKS
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// What the kernel means by refusing to open an entry that was listed a moment ago.
fn refusal(errno: Errno) -> Failure {
    match errno {
        Errno::XDEV => Failure::MountPoint,
        // A symlink, no folder, or a socket now: not what was listed.
        Errno::LOOP | Errno::NOTDIR | Errno::NXIO => Failure::Changed,
        errno => Failure::Refused(Operation::Open, errno),
    }
}

/// For kernels without openat2. Those that do not tell mount roots either leave the device number,
/// which does not see a folder of the same filesystem mounted in a second place.
fn is_mount_point(above: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> Result<bool, Failure> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT;
    if let Ok(stat) = rustix::fs::statx(fd, c"", flags, StatxFlags::BASIC_STATS)
        && stat
            .stx_attributes_mask
            .contains(StatxAttributes::MOUNT_ROOT)
    {
        return Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    }
    let above = rustix::fs::fstat(above).during(Operation::Stat)?;
    let here = rustix::fs::fstat(fd).during(Operation::Stat)?;
    Ok(above.st_dev != here.st_dev)
}
