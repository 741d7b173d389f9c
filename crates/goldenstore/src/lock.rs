//! Locks: `flock(2)` on files and folders of the store, released by the kernel when their holder
//! ends, however it ends.
//!
//! | lock | shared | exclusive |
//! |---|---|---|
//! | `golden/`, the gate | for the instant in which somebody takes `lock` shared | by a collection or removal, while it waits for `lock`, a turn at a time, and then has it |
//! | `lock` | while anything is cloned, imported, verified or promoted | while a collection, also one that only says what it would do, or a removal decides and renames; not while it deletes |
//! | the root itself | | while a store is made |
//! | the folder that the root lies in | | while an image is made and mounted at the root |
//! | `golden/<project>/lock` | | while the project's generations or its state change |
//! | `golden/<project>/build.lock` | | while a golden build runs, and until no request for one waits; for an instant while a generation is removed |
//! | `layers/` | | while layers are adopted, or put in quarantine |
//! | `sessions/docker-data-<session>/` | | while the command that owns the session lives |
//! | `trash/` | | while it is emptied |
//!
//! Order: build, gate, store, session, project, layers. Nobody goes through the gate who has come
//! through it already; [`crate::gate`] says why it is there. Who has the store to himself waits for a build's
//! lock hardly at all. A lock is taken for as long as its row says and no
//! longer; waiting is bounded and ends in [`StoreError::Busy`].

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cachecore::mountinfo;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::interleave::{self, Patience};

/// How long a command waits for a lock that another holds for a short piece of work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(5);
/// How often the kernel's table is read for a holder. It is read in pieces, each found by counting:
/// a lock that goes in between takes another one's line with it.
const LOOKS: u32 = 20;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing the file is not enough: a process that another thread is starting this very moment
    /// has a copy of the descriptor until it runs its program, and would hold the lock as long.
    fn drop(&mut self) {
        let _ = flock(self.file.as_fd(), FlockOperation::NonBlockingUnlock);
    }
}

impl Lock {
    /// The lock as a program's standard input: it holds until the program has ended as well, also if
    /// this process is killed before.
    pub(crate) fn held_by_a_program_too(&self) -> std::io::Result<Stdio> {
        self.file.try_clone().map(Stdio::from)
    }
}

/// Shared or exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// Opens a lock file, making it where it is missing. On a filesystem that can only be read it is opened
/// to be read, which is enough to lock it.
pub(crate) fn open_file(path: &Path) -> Result<File, StoreError> {
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let opened = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nofollow)
        .open(path);
    match opened {
        Err(refused) if refused.kind() == ErrorKind::ReadOnlyFilesystem => File::options()
            .read(true)
            .custom_flags(nofollow)
            .open(path)
            .map_err(|_| refused),
        opened => opened,
    }
    .map_err(|e| StoreError::io("open", path, e))
}

/// Takes a lock now or not at all; `None` if another holds it.
pub(crate) fn try_lock(file: File, mode: Mode) -> Result<Option<Lock>, StoreError> {
    interleave::point();
    match flock(file.as_fd(), operation(mode)) {
        Ok(()) => Ok(Some(Lock { file })),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(StoreError::io("lock", "a lock file", e)),
    }
}

/// Takes a lock, waiting for it at most `patience`.
pub(crate) fn lock(
    file: File,
    mode: Mode,
    what: &str,
    patience: Duration,
) -> Result<Lock, StoreError> {
    lock_within(file, mode, what, Patience::of(patience))
}

pub(crate) fn lock_within(
    file: File,
    mode: Mode,
    what: &str,
    mut patience: Patience,
) -> Result<Lock, StoreError> {
    interleave::point();
    loop {
        match flock(file.as_fd(), operation(mode)) {
            Ok(()) => return Ok(Lock { file }),
            Err(Errno::WOULDBLOCK) if patience.is_left() => interleave::wait(INTERVAL),
            Err(Errno::WOULDBLOCK) => {
                return Err(StoreError::Busy {
                    what: what.to_owned(),
                    holder: holder(&file),
                });
            }
            Err(e) => return Err(StoreError::io("lock", what, e)),
        }
    }
}

fn operation(mode: Mode) -> FlockOperation {
    match mode {
        Mode::Shared => FlockOperation::NonBlockingLockShared,
        Mode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    }
}

/// Who holds a lock on this file: `process 123 (dockerd)`.
pub(crate) fn holder(file: &File) -> String {
    let found = file.metadata().ok().and_then(|meta| {
        let devices = [Some(meta.dev()), device_of_mount(file)];
        (0..LOOKS).find_map(|_| {
            let locks = std::fs::read_to_string("/proc/locks").ok()?;
            let mut devices = devices.iter().flatten();
            devices.find_map(|device| pid_in(&locks, *device, meta.ino()))
        })
    });
    match found {
        Some(pid) => {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let name = if name.is_empty() {
                "gone since"
            } else {
                name.trim()
            };
            format!("process {pid} ({name}) holds its lock")
        }
        None => "another process holds its lock".to_owned(),
    }
}

/// The device that the mount table names for a file. On btrfs it is another than `stat` gives, where
/// each subvolume has one of its own.
fn device_of_mount(file: &File) -> Option<u64> {
    let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let table = std::fs::read("/proc/self/mountinfo").ok()?;
    let (device, _) = mountinfo::place_of(&table, &path)?;
    let (major, minor) = device.split_once(':')?;
    Some(rustix::fs::makedev(
        major.parse().ok()?,
        minor.parse().ok()?,
    ))
}

/// The process that holds a lock on this inode, out of `/proc/locks` (proc_locks(5)):
/// `1: FLOCK  ADVISORY  WRITE 708 fe:00:1234 0 EOF`, device numbers in hex.
fn pid_in(locks: &str, dev: u64, ino: u64) -> Option<u32> {
    let place = format!(
        "{:02x}:{:02x}:{ino}",
        rustix::fs::major(dev),
        rustix::fs::minor(dev)
    );
    locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        // A waiter's line has an arrow before its kind; only holders count.
        if words.next()? == "->" {
            return None;
        }
        let pid = words.nth(2)?;
        (words.next()? == place).then(|| pid.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_by_device_and_inode() {
        let locks = "1: FLOCK  ADVISORY  WRITE 708 fe:00:1234 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 709 fe:00:1234 0 EOF\n\
                     2: POSIX  ADVISORY  READ 12 fe:00:99 0 EOF\n";
        let dev = rustix::fs::makedev(0xfe, 0);
        assert_eq!(pid_in(locks, dev, 1234), Some(708));
        assert_eq!(pid_in(locks, dev, 99), Some(12));
        assert_eq!(pid_in(locks, dev, 5), None);
    }

    #[test]
    fn a_lock_that_is_dropped_is_free_whoever_has_a_copy_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = open_file(&path).unwrap();
        // As a process has that was forked and does not run its program yet.
        let copy = file.try_clone().unwrap();
        let held = try_lock(file, Mode::Exclusive).unwrap().unwrap();
        drop(held);
        let again = try_lock(open_file(&path).unwrap(), Mode::Exclusive).unwrap();
        assert!(again.is_some());
        drop(copy);
    }

    #[test]
    fn an_exclusive_lock_excludes_and_names_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = try_lock(open_file(&path).unwrap(), Mode::Exclusive)
            .unwrap()
            .unwrap();
        assert!(
            try_lock(open_file(&path).unwrap(), Mode::Shared)
                .unwrap()
                .is_none()
        );
        let busy = lock(
            open_file(&path).unwrap(),
            Mode::Shared,
            "the store",
            Duration::ZERO,
        );
        let text = busy.unwrap_err().to_string();
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        drop(held);
        assert!(
            try_lock(open_file(&path).unwrap(), Mode::Shared)
                .unwrap()
                .is_some()
        );
    }
}
