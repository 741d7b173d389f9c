//! The file in which buildx says what it has built.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, flock, fstat, openat, unlinkat};

/// What folders for reports are called, up to what is drawn by lot.
const PREFIX: &str = ".docker-shim-report-";

/// The report.
const FILE: &str = "report.json";

/// How long a folder may be there before its lock, and how many names are looked at for old ones.
const YOUNG: Duration = Duration::from_secs(60);
const LOOKED_AT: usize = 20_000;

/// How much is removed of a folder.
const MOST: usize = 64;

/// A folder of one build's own, gone when this is dropped.
///
/// Its lock is held as long as its build runs. Who is killed cannot remove it, and the next build does.
#[derive(Debug)]
pub(crate) struct Report {
    folder: tempfile::TempDir,
    _lock: OwnedFd,
}

impl Report {
    /// A place for a report. buildx writes another file beside it first, so that it needs a folder.
    ///
    /// # Errors
    /// If there is no room for it.
    pub(crate) fn new() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let locked = folder_at(folder.path()).and_then(|lock| {
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            Ok(lock)
        });
        match locked {
            Ok(lock) => Ok(Self {
                folder,
                _lock: lock,
            }),
            Err(e) => {
                // Where nothing can be opened any more, the folder itself could not remove what is in it.
                let _ = std::fs::remove_dir(folder.path());
                Err(e.into())
            }
        }
    }

    /// A name in the folder for what stdin brings, which so is never on disk. The name's end says what it
    /// is: bake looks at that.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn stdin_as(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::os::unix::fs::symlink("/proc/self/fd/0", &path)?;
        Ok(path)
    }

    /// The folder, for whatever else the build needs for a while.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Where buildx is to write it.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }
}

impl Drop for Report {
    /// Without opening anything, so that also who may open no more files leaves none. What else is in the
    /// folder goes with it.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path());
        let _ = std::fs::remove_dir(self.folder.path());
    }
}

/// A folder itself, and not what a link leads to.
fn folder_at(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

/// Removes the folders of this user's builds that were killed.
fn sweep(parent: &Path) {
    let Ok(names) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in names.take(LOOKED_AT).flatten() {
        if entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            // Whatever keeps it from going is tried again by the next build.
            let _ = remove_if_left(&entry.path());
        }
    }
}

fn remove_if_left(path: &Path) -> io::Result<()> {
    let folder = folder_at(path)?;
    let stat = fstat(&folder)?;
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(stat.st_mtime.unsigned_abs());
    let is_young = SystemTime::now()
        .duration_since(changed)
        .is_ok_and(|age| age < YOUNG);
    if stat.st_uid != rustix::process::geteuid().as_raw() || is_young {
        return Ok(());
    }
    flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
    // Nothing that lies deeper is a build's.
    for entry in Dir::read_from(&folder)?.take(MOST) {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            unlinkat(&folder, entry.file_name(), AtFlags::empty())?;
        }
    }
    std::fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};

    use super::*;

    #[test]
    fn only_what_killed_builds_left_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let make = |name: &str, files: &[&str], age: u64| {
            let folder = parent.join(name);
            fs::create_dir(&folder).unwrap();
            for file in files {
                fs::write(folder.join(file), "{}").unwrap();
            }
            let then = SystemTime::now() - Duration::from_secs(age);
            let file = File::open(&folder).unwrap();
            file.set_times(FileTimes::new().set_modified(then)).unwrap();
            folder
        };
        let left = make(
            ".docker-shim-report-a",
            &["report.json", ".tmp-report.json123"],
            90,
        );
        let empty = make(".docker-shim-report-b", &[], 90);
        let kept = [
            make(".docker-shim-report-young", &["report.json"], 5),
            make("docker-shim-report-c", &["report.json"], 90),
            make(".docker-shim-report-locked", &["report.json"], 90),
        ];
        let deep = make(".docker-shim-report-deep", &[], 90);
        fs::create_dir(deep.join("of mine")).unwrap();
        let lock = folder_at(&kept[2]).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        std::os::unix::fs::symlink(&kept[1], parent.join(".docker-shim-report-link")).unwrap();
        sweep(parent);
        assert!(!left.exists() && !empty.exists());
        assert!(deep.join("of mine").exists());
        for folder in kept {
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "{folder:?}");
        }
    }
}
