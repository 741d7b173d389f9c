//! One build's export while it lasts.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use cachecore::cache::{Exported, exported};
use rustix::fs::FlockOperation;

use super::folder::Folder;

/// The largest `index.json`, in bytes.
const LARGEST_INDEX: u64 = 1 << 20;

/// How often a folder is made again that somebody has swept away before it was locked.
const TURNS: u32 = 10;

/// How many leftovers one build sweeps at most.
const SWEPT: usize = 1000;

/// `exports/<random>/`, gone when this is dropped.
#[derive(Debug)]
pub(super) struct Aside {
    folder: Folder,
}

impl Aside {
    /// Makes one in `exports/`.
    pub(super) fn new(exports: &Folder) -> io::Result<Self> {
        for _ in 0..TURNS {
            let name = Self::name();
            let folder = exports.made(&name)?;
            // Who sweeps locks first. Then the folder is gone, or will be.
            let is_ours = rustix::fs::flock(folder.fd(), FlockOperation::NonBlockingLockExclusive)
                .is_ok()
                && rustix::fs::fstat(folder.fd())?.st_nlink > 0;
            if is_ours {
                let aside = Self { folder };
                aside.folder.made("ingest")?;
                symlink("../../blobs", aside.path().join("blobs"))?;
                return Ok(aside);
            }
        }
        Err(io::Error::other(
            "what is made in exports/ is swept away at once",
        ))
    }

    fn name() -> String {
        let now = jiff::Timestamp::now().as_nanosecond();
        format!("{}-{now:x}", std::process::id())
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What was exported; `None` if nothing was, or not all of it.
    pub(super) fn exported(&self) -> Option<Exported> {
        exported(&self.folder.read("index.json", LARGEST_INDEX).ok()?)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.path());
    }
}

/// Removes what killed builds have left in `exports/`. Gives how many there were.
pub(super) fn sweep(exports: &Folder) -> usize {
    let names = exports.names(SWEPT).unwrap_or_default();
    let is_left = |name: &String| {
        let folder = exports.folder(name).ok()?;
        rustix::fs::flock(folder.fd(), FlockOperation::NonBlockingLockExclusive).ok()?;
        // Locked while it goes, so that nobody takes it for theirs.
        std::fs::remove_dir_all(folder.path()).ok()
    };
    names.iter().filter_map(is_left).count()
}

/// Lets programs that are started from now on hold a lock as well, so that it lasts as long as they do.
pub(super) fn share_with_programs(fd: impl std::os::fd::AsFd) {
    let _ = rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty());
}
