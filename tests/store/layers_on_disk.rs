//! What lies in `layers/`, and how much room things take.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::keeper::Keeper;

/// An inode and when anything about it was last changed: the same again means untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untouched {
    inode: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

fn stamp(path: &Path) -> Untouched {
    let meta = path.symlink_metadata().unwrap();
    Untouched {
        inode: meta.ino(),
        mtime: (meta.mtime(), meta.mtime_nsec()),
        ctime: (meta.ctime(), meta.ctime_nsec()),
    }
}

/// Each layer by name: its folder and its contents' folder. What a killed promotion had only begun
/// to bring is no layer.
pub(crate) fn stamps(keeper: &Keeper) -> BTreeMap<String, [Untouched; 2]> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(keeper.root().join("layers")).unwrap() {
        let path = entry.unwrap().path();
        if !path
            .join("diff")
            .symlink_metadata()
            .is_ok_and(|diff| diff.is_dir())
        {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        found.insert(name, [stamp(&path), stamp(&path.join("diff"))]);
    }
    found
}

/// Bytes that a tree takes on disk, as `du` counts.
pub(crate) fn allocated(root: impl AsRef<Path>) -> u64 {
    let mut seen = HashSet::new();
    let mut waiting = vec![root.as_ref().to_owned()];
    let mut bytes = 0;
    while let Some(path) = waiting.pop() {
        let meta = path.symlink_metadata().unwrap();
        if seen.insert(meta.ino()) {
            bytes += meta.blocks() * 512;
        }
        if meta.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    bytes
}
