//! Whether a data root is mounted anywhere on the host, in any mount namespace.
//!
//! A daemon that has ended proves little if the session around it still runs: its processes hold the
//! data root mounted and could go on writing into folders that have become layers. So a data root
//! must not be mounted in any namespace, and nothing may be mounted inside it in ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cachecore::mountinfo::{self, Mount};

use crate::error::StoreError;

/// Makes sure that nothing is mounted inside these folders of a data root, and that no process has one
/// of them mounted.
pub(crate) fn prove_unmounted(folders: &[&Path]) -> Result<(), StoreError> {
    let users = find_users(folders)?.into_iter().flatten();
    users.map(Err).next().unwrap_or(Ok(()))
}

/// What stands in the way of each of these data roots: a mount inside it, or a process that has it
/// mounted. The host's mount tables are read once, however many data roots there are.
pub(crate) fn find_users(data_roots: &[&Path]) -> Result<Vec<Option<StoreError>>, StoreError> {
    let own_table = Path::new("/proc/self/mountinfo");
    let own = std::fs::read(own_table).map_err(|e| StoreError::io("read", own_table, e))?;
    let mut found: Vec<Option<StoreError>> = data_roots
        .iter()
        .map(|data_root| {
            mounted_inside(&own, data_root).map(|mount| StoreError::Mounted {
                data_root: (*data_root).to_owned(),
                mount,
            })
        })
        .collect();
    let places: Vec<_> = data_roots
        .iter()
        .map(|data_root| mountinfo::place_of(&own, data_root))
        .collect();
    if data_roots.is_empty() {
        return Ok(found);
    }
    for (pid, table) in tables_of_other_namespaces() {
        for ((data_root, place), found) in data_roots.iter().zip(&places).zip(&mut found) {
            let used = |(device, place): &(String, PathBuf)| is_used(&own, &table, device, place);
            if found.is_none() && place.as_ref().is_some_and(used) {
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                *found = Some(StoreError::InUse {
                    data_root: (*data_root).to_owned(),
                    holder: format!("process {pid} ({})", name.trim()),
                });
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    Ok(found)
}

/// The mount tables of all mount namespaces but ours, each with a process that lives in it.
/// Processes come and go; one that ended meanwhile has nothing mounted.
fn tables_of_other_namespaces() -> impl Iterator<Item = (u32, Vec<u8>)> {
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    let mut seen: BTreeSet<PathBuf> = namespace("self").into_iter().collect();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(move |entry| {
        let name = entry.file_name();
        let name = name.to_str()?;
        let pid: u32 = name.parse().ok()?;
        if !seen.insert(namespace(name)?) {
            return None;
        }
        Some((pid, std::fs::read(format!("/proc/{pid}/mountinfo")).ok()?))
    })
}

/// Whether another namespace has made a mount of this place, or of something in it. A new namespace
/// starts with a copy of every mount that its parent had, the data root's own disk included: what
/// stands in our table at the same point was inherited so, and whoever lives there may not know of it.
fn is_used(own: &[u8], other: &[u8], device: &str, place: &Path) -> bool {
    let is_inherited = |mount: &Mount| {
        mountinfo::parse(own).any(|ours| {
            (&ours.device, &ours.root, &ours.point) == (&mount.device, &mount.root, &mount.point)
        })
    };
    mountinfo::parse(other)
        .filter(|mount| mount.device == device && mount.root.starts_with(place))
        .any(|mount| !is_inherited(&mount))
}

/// The first mount point below `folder`.
fn mounted_inside(table: &[u8], folder: &Path) -> Option<PathBuf> {
    mountinfo::parse(table)
        .map(|mount| mount.point)
        .find(|point| point != folder && point.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw - ext4 /dev/a rw\n\
        40 22 8:1 /volumes/x /data rw - ext4 /dev/b rw\n\
        41 22 0:41 / /data/docker-x/overlay2/m rw - overlay o rw\n\
        42 22 0:42 / /data/docker/over\\040lay/merged rw - overlay o rw\n";

    #[test]
    fn what_another_namespace_inherited_is_no_use_and_what_it_mounted_is() {
        let own = b"22 1 254:0 / / rw - ext4 /dev/a rw\n40 22 8:1 / /data rw - ext4 /dev/b rw\n";
        let used = |line: &str, place: &str| {
            let other = [own.as_slice(), line.as_bytes()].concat();
            is_used(own, &other, "8:1", Path::new(place))
        };
        assert!(!used("", "/"), "the disk's own mount, copied");
        assert!(!used(
            "50 22 8:1 /other /mnt rw - ext4 /dev/b rw\n",
            "/docker"
        ));
        assert!(used(
            "50 22 8:1 /docker /var/lib/docker rw - ext4 /dev/b rw\n",
            "/docker"
        ));
        assert!(used(
            "50 22 8:1 /docker/volumes/x /mnt rw - ext4 /dev/b rw\n",
            "/docker"
        ));
        assert!(used("50 22 8:1 / /elsewhere rw - ext4 /dev/b rw\n", "/"));
    }

    #[test]
    fn mounts_inside_a_data_root_are_found() {
        let inside = |path: &str| mounted_inside(TABLE, Path::new(path));
        assert_eq!(
            inside("/data/docker"),
            Some("/data/docker/over lay/merged".into())
        );
        assert_eq!(inside("/data/docker/volumes"), None);
        assert_eq!(inside("/nowhere"), None);
    }
}
