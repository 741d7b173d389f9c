//! Folders by descriptor: every step into a data root goes from an open folder to a name in it, and
//! no step follows a symlink.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::interleave;

/// An open folder, with the path that messages name it by.
#[derive(Debug)]
pub(crate) struct Handle {
    fd: OwnedFd,
    path: PathBuf,
}

/// A small file, as far as it could be read.
pub(crate) enum Small {
    Missing,
    Bytes(Vec<u8>),
    Unreadable,
}

/// A regular file, as far as there is one.
pub(crate) enum Regular {
    Missing,
    File(File),
    Other,
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How often a path is looked up again that a rename has disturbed.
const RETRIES: u32 = 1000;

impl Handle {
    /// Opens a folder by its path. The last component must not be a symlink.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let fd =
            rustix::fs::open(path, FOLDER, Mode::empty()).map_err(|e| folder_error(path, e))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// Opens a folder in this one.
    pub(crate) fn folder(&self, name: impl AsRef<OsStr>) -> Result<Self, StoreError> {
        interleave::point();
        let path = self.path.join(name.as_ref());
        let fd = rustix::fs::openat(&self.fd, name.as_ref(), FOLDER, Mode::empty())
            .map_err(|e| folder_error(&path, e))?;
        Ok(Self { fd, path })
    }

    /// Opens a folder in this one, if there is something by that name.
    pub(crate) fn folder_if_there(
        &self,
        name: impl AsRef<OsStr>,
    ) -> Result<Option<Self>, StoreError> {
        match self.folder(name) {
            Ok(folder) => Ok(Some(folder)),
            Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Opens a folder below this one, if all of the way is there.
    pub(crate) fn descend(&self, path: &[u8]) -> Result<Option<Self>, StoreError> {
        let mut here: Option<Self> = None;
        for name in path.split(|b| *b == b'/') {
            match here
                .as_ref()
                .unwrap_or(self)
                .folder_if_there(OsStr::from_bytes(name))?
            {
                Some(next) => here = Some(next),
                None => return Ok(None),
            }
        }
        Ok(here)
    }

    /// Opens the folder at a path of names below this one, in one step where the kernel can do that.
    /// `None` if it is not there, or anything on the way is no folder. Nothing leads out: no symlink
    /// is followed and no mount point crossed.
    pub(crate) fn beneath(&self, path: &[u8]) -> Result<Option<Self>, StoreError> {
        let path = if path.is_empty() { b"." } else { path };
        let name = OsStr::from_bytes(path);
        let inside = ResolveFlags::BENEATH
            .union(ResolveFlags::NO_SYMLINKS)
            .union(ResolveFlags::NO_XDEV);
        let open = || rustix::fs::openat2(&self.fd, name, FOLDER, Mode::empty(), inside);
        let mut opened = open();
        // The kernel gives up where something was renamed meanwhile, anywhere on the machine.
        for _ in 0..RETRIES {
            if !matches!(opened, Err(Errno::AGAIN)) {
                break;
            }
            opened = open();
        }
        match opened {
            Ok(fd) => Ok(Some(Self {
                fd,
                path: self.path.join(name),
            })),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
            // Old kernels, and the filters of container runtimes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => match self.descend(path) {
                Err(StoreError::Unexpected { .. }) => Ok(None),
                other => other,
            },
            Err(e) => Err(StoreError::io("open", self.path.join(name), e)),
        }
    }

    /// The path for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names in this folder, at most `limit`.
    pub(crate) fn names(&self, limit: usize) -> Result<Vec<OsString>, StoreError> {
        interleave::point();
        let failed = |e: Errno| StoreError::io("list", &self.path, e);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == limit {
                return Err(StoreError::TooLarge {
                    path: self.path.clone(),
                    limit: format!("{limit} entries in a folder"),
                });
            }
            names.push(OsString::from_vec(name.to_vec()));
        }
        Ok(names)
    }

    /// What lies under a name; `None` if nothing does.
    pub(crate) fn stat(&self, name: impl AsRef<OsStr>) -> Result<Option<Stat>, StoreError> {
        interleave::point();
        match rustix::fs::statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(StoreError::io("look at", self.path.join(name.as_ref()), e)),
        }
    }

    /// The type of what lies under a name.
    pub(crate) fn kind(&self, name: impl AsRef<OsStr>) -> Result<Option<FileType>, StoreError> {
        Ok(self
            .stat(name)?
            .map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }

    /// This folder's own attributes.
    pub(crate) fn own_stat(&self) -> Result<Stat, StoreError> {
        rustix::fs::fstat(&self.fd).map_err(|e| StoreError::io("look at", &self.path, e))
    }

    /// Where a symlink points.
    pub(crate) fn link(&self, name: impl AsRef<OsStr>) -> Result<Vec<u8>, StoreError> {
        interleave::point();
        rustix::fs::readlinkat(&self.fd, name.as_ref(), Vec::new())
            .map(std::ffi::CString::into_bytes)
            .map_err(|e| StoreError::io("read the link", self.path.join(name.as_ref()), e))
    }

    /// Opens a regular file. What is none is not opened at all: a fifo would wait for a partner, and
    /// a device would do whatever its driver does, a watchdog restart the host.
    pub(crate) fn regular(
        &self,
        name: impl AsRef<OsStr>,
        access: OFlags,
    ) -> Result<Regular, StoreError> {
        interleave::point();
        let failed = |e: Errno| StoreError::io("open", self.path.join(name.as_ref()), e);
        let only_look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, name.as_ref(), only_look, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Regular::Missing),
            Err(e) => return Err(failed(e)),
        };
        let mode = rustix::fs::fstat(&fd).map_err(failed)?.st_mode;
        if FileType::from_raw_mode(mode) != FileType::RegularFile {
            return Ok(Regular::Other);
        }
        // The very file that was looked at, whatever has its name by now.
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        rustix::fs::open(path, access | OFlags::CLOEXEC, Mode::empty())
            .map(|fd| Regular::File(File::from(fd)))
            .map_err(failed)
    }

    /// Reads a regular file of at most `limit` bytes. What is none, or longer, is `Unreadable`.
    pub(crate) fn small(&self, name: impl AsRef<OsStr>, limit: usize) -> Result<Small, StoreError> {
        let failed = |e: std::io::Error| StoreError::io("read", self.path.join(name.as_ref()), e);
        let file = match self.regular(name.as_ref(), OFlags::RDONLY)? {
            Regular::File(file) => file,
            Regular::Missing => return Ok(Small::Missing),
            Regular::Other => return Ok(Small::Unreadable),
        };
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Ok(if bytes.len() > limit {
            Small::Unreadable
        } else {
            Small::Bytes(bytes)
        })
    }

    /// Renames a name here to a name there.
    pub(crate) fn rename(
        &self,
        name: impl AsRef<OsStr>,
        to: &Self,
        to_name: impl AsRef<OsStr>,
        flags: RenameFlags,
    ) -> Result<(), Errno> {
        interleave::point();
        rustix::fs::renameat_with(&self.fd, name.as_ref(), &to.fd, to_name.as_ref(), flags)
    }

    /// Makes a folder here.
    pub(crate) fn make_folder(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<(), Errno> {
        interleave::point();
        rustix::fs::mkdirat(&self.fd, name.as_ref(), Mode::from_raw_mode(mode))
    }

    /// Makes a symlink here.
    pub(crate) fn make_link(&self, name: impl AsRef<OsStr>, target: &Path) -> Result<(), Errno> {
        interleave::point();
        rustix::fs::symlinkat(target, &self.fd, name.as_ref())
    }

    /// Flushes this folder's own entries to disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        rustix::fs::fsync(&self.fd).map_err(|e| StoreError::io("flush", &self.path, e))
    }

    /// Flushes the whole filesystem that this folder lies on.
    pub(crate) fn sync_filesystem(&self) -> Result<(), StoreError> {
        rustix::fs::syncfs(&self.fd).map_err(|e| StoreError::io("flush", &self.path, e))
    }

    /// The folder as a file, to hold a lock on it.
    pub(crate) fn into_file(self) -> File {
        File::from(self.fd)
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn folder_error(path: &Path, errno: Errno) -> StoreError {
    match errno {
        Errno::LOOP | Errno::NOTDIR => StoreError::Unexpected {
            path: path.to_owned(),
            expected: "a folder",
        },
        errno => StoreError::io("open", path, errno),
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use rustix::fs::{CWD, inotify, mknodat};

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_not_even_opened() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
        let fifo = dir.path().join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let folder = Handle::open(dir.path()).unwrap();
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&watch, dir.path(), inotify::WatchFlags::OPEN).unwrap();
        for (name, opened) in [("fifo", false), ("link", false), ("file", true)] {
            let read = folder.small(name, 10).unwrap();
            assert_eq!(matches!(read, Small::Bytes(_)), opened, "{name}");
            let mut buffer = [MaybeUninit::uninit(); 512];
            let event = inotify::Reader::new(&watch, &mut buffer).next().is_ok();
            assert_eq!(event, opened, "{name}");
        }
    }
}
