//! A second opinion: what is in a tree, found out with paths and the standard library, sharing
//! nothing with the crate.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr};

/// Each path with a line of all that is known about it. Sockets are left out.
pub(crate) fn facts(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut facts = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        if found.file_type().is_socket() {
            continue;
        }
        let relative = path.strip_prefix(root).unwrap().to_path_buf();
        let content = if found.is_file() {
            let bytes = fs::read(&path).unwrap();
            // Long contents as length and sum, so that a failure can be read.
            let mut sum = 0xcbf2_9ce4_8422_2325_u64;
            for chunk in bytes.chunks(8) {
                for byte in chunk {
                    sum = (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
                }
            }
            format!("{} bytes {sum:x}", bytes.len())
        } else if found.is_symlink() {
            format!("to {:?}", fs::read_link(&path).unwrap())
        } else {
            String::new()
        };
        if found.is_dir() {
            waiting.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            inodes
                .entry(found.ino())
                .or_insert_with(Vec::new)
                .push(relative.clone());
        }
        let line = format!(
            "mode {:o} owner {}:{} device {:x} time {}.{} {content} {}",
            found.mode(),
            found.uid(),
            found.gid(),
            found.rdev(),
            found.mtime(),
            found.mtime_nsec(),
            xattrs(&path),
        );
        facts.insert(relative, line);
    }
    for mut names in inodes.into_values() {
        names.sort();
        let group = format!(" names {names:?}");
        for name in names {
            facts.get_mut(&name).unwrap().push_str(&group);
        }
    }
    facts
}

fn xattrs(path: &Path) -> String {
    let mut names = vec![0; 65_536];
    let length = llistxattr(path, names.as_mut_slice()).unwrap();
    let mut lines = BTreeMap::new();
    for name in names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 65_536];
        let length = lgetxattr(path, name, value.as_mut_slice()).unwrap();
        lines.insert(
            String::from_utf8_lossy(name).into_owned(),
            value[..length].to_vec(),
        );
    }
    format!("{lines:?}")
}
