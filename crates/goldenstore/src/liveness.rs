//! Whether a daemon still runs on a data root.
//!
//! dockerd and its containerd keep their bolt databases open and flocked for as long as they live
//! (bbolt takes an exclusive `flock(2)` on open). Free locks mean: no daemon. While this guard is
//! held, no daemon can start either, because it would wait for the same locks.

use std::fs::File;
use std::path::PathBuf;

use cachecore::dataroot::Part;
use rustix::fs::OFlags;

use crate::error::StoreError;
use crate::handle::{Handle, Regular};
use crate::lock;
use crate::mounts;
use crate::parts::Parts;

/// The databases that daemons of 20.10 to 29 hold open, by path in a data root in one folder.
pub(crate) const DATABASES: [&str; 11] = [
    "volumes/metadata.db",
    "network/files/local-kv.db",
    "buildkit/cache.db",
    "buildkit/snapshots.db",
    "buildkit/metadata.db",
    "buildkit/metadata_v2.db",
    "buildkit/containerdmeta.db",
    "buildkit/history.db",
    "containerd/daemon/io.containerd.metadata.v1.bolt/meta.db",
    "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/metadata.db",
    "containerd/daemon/io.containerd.snapshotter.v1.native/metadata.db",
];

/// What lies in this part of a data root, of these paths in one that is one folder.
fn within<'a>(part: Part, paths: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    paths.iter().filter_map(move |path| part.within(path))
}

/// Proof that no daemon runs on a data root, valid while it is held.
#[derive(Debug)]
pub(crate) struct NoDaemon {
    _locks: Vec<lock::Lock>,
}

/// Makes sure that no daemon runs on a data root, and that nobody has it mounted.
///
/// # Errors
/// [`StoreError::DaemonAlive`] names who holds which database, [`StoreError::Mounted`] and
/// [`StoreError::InUse`] the mount.
pub(crate) fn prove_stopped(parts: &Parts) -> Result<NoDaemon, StoreError> {
    let no_daemon = prove_no_daemon(parts)?;
    let paths: Vec<_> = parts.each().map(|(_, folder)| folder.path()).collect();
    mounts::prove_unmounted(&paths)?;
    Ok(no_daemon)
}

/// Makes sure that no daemon and no containerd runs on a data root, whoever has it mounted.
///
/// # Errors
/// [`StoreError::DaemonAlive`] names who holds which database.
pub(crate) fn prove_no_daemon(parts: &Parts) -> Result<NoDaemon, StoreError> {
    let mut locks = Vec::new();
    for (part, root) in parts.each() {
        for database in within(part, &DATABASES) {
            let Some(file) = open_database(root, database)? else {
                continue;
            };
            let spare = file
                .try_clone()
                .map_err(|e| StoreError::io("open", root.path(), e))?;
            match lock::try_lock(file, lock::Mode::Exclusive)? {
                Some(held) => locks.push(held),
                None => {
                    return Err(StoreError::DaemonAlive {
                        data_root: root.path().to_owned(),
                        holder: lock::holder(&spare),
                        file: PathBuf::from(database),
                    });
                }
            }
        }
    }
    Ok(NoDaemon { _locks: locks })
}

/// What a daemon changes besides its databases when it pulls, builds, runs or stops something.
const CHANGING: [&str; 5] = [
    "image/overlay2/repositories.json",
    "image/overlay2/layerdb/mounts",
    "overlay2",
    "containers",
    "tmp",
];

/// When a daemon last changed anything in a data root, in seconds since 1970. A clone carries the
/// times of its golden, so this may well lie before the session's start.
pub(crate) fn last_change(parts: &Parts) -> Result<i64, StoreError> {
    let mut last = parts.docker().own_stat()?.st_mtime;
    for (part, root) in parts.each() {
        for path in within(part, &DATABASES).chain(within(part, &CHANGING)) {
            let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
            let stat = match root.descend(folder.as_bytes()) {
                Ok(Some(folder)) => folder.stat(name)?,
                Ok(None) | Err(StoreError::Unexpected { .. }) => None,
                Err(e) => return Err(e),
            };
            last = stat.map_or(last, |stat| last.max(stat.st_mtime));
        }
    }
    Ok(last)
}

/// Opens a database as a regular file, reached without a symlink; `None` if there is none. What
/// stands in its place but is no database is no daemon's: a data root with such a thing is never
/// promoted, but it can be removed.
fn open_database(root: &Handle, path: &str) -> Result<Option<File>, StoreError> {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let folder = match root.descend(folder.as_bytes()) {
        Ok(Some(folder)) => folder,
        Ok(None) | Err(StoreError::Unexpected { .. }) => return Ok(None),
        Err(e) => return Err(e),
    };
    let opened = match folder.regular(name, OFlags::RDWR) {
        // A subvolume that is closed to changes; the lock can be tried all the same.
        Err(StoreError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem =>
        {
            folder.regular(name, OFlags::RDONLY)
        }
        opened => opened,
    };
    match opened? {
        Regular::File(file) => Ok(Some(file)),
        Regular::Missing | Regular::Other => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_database_is_a_live_daemon() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("buildkit")).unwrap();
        let database = dir.path().join("buildkit/cache.db");
        std::fs::write(&database, b"bolt").unwrap();
        let root = Parts::new(Handle::open(dir.path()).unwrap(), None);
        let free = prove_stopped(&root).unwrap();
        let again = prove_stopped(&root).unwrap_err();
        assert!(matches!(again, StoreError::DaemonAlive { .. }), "{again}");
        assert!(
            again.to_string().contains(&std::process::id().to_string()),
            "{again}"
        );
        drop(free);
        assert!(prove_stopped(&root).is_ok());
    }

    #[test]
    fn what_is_no_file_is_no_database() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("buildkit")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("buildkit/cache.db")).unwrap();
        std::fs::create_dir(dir.path().join("buildkit/history.db")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("volumes")).unwrap();
        let root = Parts::new(Handle::open(dir.path()).unwrap(), None);
        assert!(prove_stopped(&root).is_ok());
    }

    #[test]
    fn a_held_database_of_a_containerd_elsewhere_is_one_too() {
        let dir = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
            Handle::open(&dir.path().join(name)).unwrap()
        };
        folder("containerd/io.containerd.metadata.v1.bolt");
        let database = "containerd/io.containerd.metadata.v1.bolt/meta.db";
        let file = std::fs::File::create(dir.path().join(database)).unwrap();
        let parts = Parts::new(folder("docker"), Some(folder("containerd")));
        file.lock().unwrap();
        let alive = prove_stopped(&parts).unwrap_err().to_string();
        assert!(
            alive.contains("/containerd: ") && alive.contains("v1.bolt/meta.db"),
            "{alive}"
        );
        file.unlock().unwrap();
        assert!(prove_stopped(&parts).is_ok());
    }
}
