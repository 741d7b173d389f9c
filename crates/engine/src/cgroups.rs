//! The control groups of an enclosure's containers.
//!
//! They are the one thing that outlives the namespaces: a group without processes stays until
//! somebody removes its directory. So every daemon keeps its containers below a parent named after
//! the instance, which can be removed as a whole.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::enclosure::mountinfo;
use crate::instance::Instance;

/// Our folder in every hierarchy.
const FOLDER: &str = "cachecore";

/// How long the kernel may need to see that a group has become empty.
const PATIENCE: Duration = Duration::from_secs(2);

/// The parent for a daemon's containers, as dockerd wants it.
pub(crate) fn parent(instance: &Instance) -> String {
    format!("/{FOLDER}/{instance}")
}

/// Removes what is left of an instance whose processes have all ended.
pub(crate) fn remove(instance: &Instance) {
    for folder in folders() {
        let group = folder.join(instance.to_string());
        let until = Instant::now() + PATIENCE;
        while let Err(error) = remove_tree(&group) {
            if error.kind() != io::ErrorKind::ResourceBusy || Instant::now() > until {
                tracing::warn!(group = %group.display(), %error, "cannot remove a control group");
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Removes the control groups of instances whose owner was killed. Returns how many directories of
/// instances went away. A group that still has processes stays: the kernel refuses.
pub fn sweep_cgroups() -> usize {
    let mut removed = 0;
    for entry in folders()
        .into_iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
    {
        let Ok(entry) = entry else { continue };
        let instance = entry.file_name().to_str().and_then(Instance::parse);
        if instance.is_some_and(|instance| !instance.owner_lives()) {
            match remove_tree(&entry.path()) {
                Ok(()) => removed += 1,
                Err(error) => {
                    tracing::debug!(group = %entry.path().display(), %error, "not swept");
                }
            }
        }
    }
    removed
}

/// Our folder in each hierarchy of this machine: one in cgroup v2, one per controller in v1.
fn folders() -> Vec<PathBuf> {
    let mounts = mountinfo::of_this_thread().unwrap_or_default();
    mounts
        .into_iter()
        .filter(|mount| matches!(mount.file_system.as_str(), "cgroup" | "cgroup2"))
        .map(|mount| mount.point.join(FOLDER))
        .collect()
}

/// Removes directories from the leaves up. The files in them are the kernel's and go along.
fn remove_tree(group: &Path) -> io::Result<()> {
    let entries = match group.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    match std::fs::remove_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
