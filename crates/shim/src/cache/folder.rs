//! Folders of the cache by descriptor. Sessions of others write there: no step follows a symlink, and what
//! is read is bounded.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// How often somebody who waits for a lock looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// An open folder, with the path that others are told.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Locked<'f>(&'f Folder);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.0.fd, FlockOperation::Unlock);
    }
}

impl Folder {
    /// Opens a folder by its path. A symlink there is its owner's.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let fd = rustix::fs::open(path, FOLDER, Mode::empty())?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// Opens a folder in this one.
    pub(super) fn folder(&self, name: &str) -> io::Result<Self> {
        let fd = rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self {
            fd,
            path: self.path.join(name),
        })
    }

    /// Opens a folder in this one, which is made like this one if it is missing: for the same users.
    pub(super) fn made(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) => {
                let folder = self.folder(name)?;
                self.share(&folder.fd, 0o2777)?;
                Ok(folder)
            }
            Err(Errno::EXIST) => self.folder(name),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives a file or a folder to who may use this folder, as far as these bits of a mode allow. In a
    /// sticky folder nobody could replace another's record, so that folders in it are not.
    pub(super) fn share(&self, fd: impl AsFd, allowed: u32) -> io::Result<()> {
        let own = rustix::fs::fstat(&self.fd)?;
        if rustix::fs::fstat(&fd)?.st_gid != own.st_gid {
            // Who is not in the group makes what others may use only if all may.
            let _ = rustix::fs::fchown(&fd, None, Some(rustix::fs::Gid::from_raw(own.st_gid)));
        }
        rustix::fs::fchmod(fd, Mode::from_raw_mode(own.st_mode & allowed))?;
        Ok(())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// What is there by a name, which may be a symlink.
    pub(super) fn stat(&self, name: &str) -> io::Result<Stat> {
        Ok(rustix::fs::statat(
            &self.fd,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Opens a regular file.
    pub(super) fn file(&self, name: &str) -> io::Result<File> {
        // A pipe that nobody writes to would keep us waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
        if !FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode).is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no regular file",
            ));
        }
        Ok(fd.into())
    }

    /// Reads a regular file of at most so many bytes.
    pub(super) fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        all(&self.file(name)?, most)
    }

    /// Writes a file aside and puts it in its place.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let aside = format!(".{name}.{}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let open = || {
            let flags = flags | OFlags::CLOEXEC;
            rustix::fs::openat(&self.fd, aside.as_str(), flags, Mode::RUSR | Mode::WUSR)
        };
        let fd = open()?;
        self.share(&fd, 0o666)?;
        let mut file = File::from(fd);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let done = written.and_then(|()| {
            Ok(rustix::fs::renameat(
                &self.fd,
                aside.as_str(),
                &self.fd,
                name,
            )?)
        });
        if done.is_err() {
            let _ = rustix::fs::unlinkat(&self.fd, aside.as_str(), AtFlags::empty());
        }
        done
    }

    /// Takes its lock, waiting so long for who has it. `None` if they do not let go of it.
    pub(super) fn lock(&self, is_shared: bool, patience: Duration) -> Option<Locked<'_>> {
        let until = Instant::now() + patience;
        let operation = if is_shared {
            FlockOperation::NonBlockingLockShared
        } else {
            FlockOperation::NonBlockingLockExclusive
        };
        while rustix::fs::flock(&self.fd, operation).is_err() {
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(INTERVAL);
        }
        Some(Locked(self))
    }

    /// The names in it, at most so many.
    pub(super) fn names(&self, most: usize) -> io::Result<Vec<String>> {
        let entries = rustix::fs::Dir::read_from(&self.fd)?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // No name that is ours is anything but ASCII.
            if let Ok(name) = entry.file_name().to_str()
                && ![".", ".."].contains(&name)
            {
                names.push(name.to_owned());
                if names.len() > most {
                    return Err(io::Error::other("more files than anybody could want"));
                }
            }
        }
        Ok(names)
    }
}

/// Reads an open file of at most so many bytes.
pub(super) fn all(mut file: &File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut file).take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    Ok(bytes)
}
