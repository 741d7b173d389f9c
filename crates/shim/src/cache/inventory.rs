//! What is in a cache.

use std::io;

use cachecore::cache::{Found, Inventory, Key};
use cachecore::id::BlobId;
use cachecore::record::{self, RecordError};
use jiff::Timestamp;
use rustix::fs::{FileType, FlockOperation, flock};

use super::store::{LARGEST_MANIFEST, LARGEST_RECORD, Store};

/// More names in one folder are somebody's mischief.
const MOST: usize = 1_000_000;

/// A cache, looked at.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) inventory: Inventory,
    /// Records that make no sense, by the names of their files.
    pub(super) senseless: Vec<String>,
}

/// Looks at everything in a cache.
///
/// # Errors
/// If it cannot be listed, or a newer version has written in it.
pub(super) fn look(store: &Store) -> io::Result<Looked> {
    let mut inventory = Inventory::default();
    let mut senseless = Vec::new();
    for name in store.keys.names(MOST)? {
        // What a killed writer has left aside.
        let Some(key) = name.strip_suffix(".json").and_then(Key::of_record) else {
            continue;
        };
        let parsed = store
            .keys
            .read(&name, LARGEST_RECORD)
            .map(|bytes| record::parse(&bytes));
        match parsed {
            Ok(Ok(record)) => drop(inventory.records.insert(key, record)),
            Ok(Err(newer @ RecordError::Newer { .. })) => return Err(io::Error::other(newer)),
            Ok(Err(_)) => senseless.push(name),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(e),
            Err(_) => senseless.push(name),
        }
    }
    for name in store.blobs.names(MOST)? {
        let (Ok(id), Ok(stat)) = (BlobId::new(&name), store.blobs.stat(&name)) else {
            continue;
        };
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            continue;
        }
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let written = Timestamp::from_second(stat.st_mtime).unwrap_or(Timestamp::MIN);
        // Builds lock the manifests that they import, also those that no record names any more.
        let is_used = size <= LARGEST_MANIFEST
            && store
                .blobs
                .file(&name)
                .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err());
        if is_used {
            inventory.in_use.insert(id.clone());
        }
        inventory.blobs.insert(id, Found { size, written });
    }
    let named = inventory.records.values();
    let named = named.flat_map(|record| record.exports.iter().map(|export| &export.manifest));
    for id in named.chain(&inventory.in_use) {
        if let Ok(whole) = store.whole(id) {
            inventory.whole.insert(id.clone(), whole.contents);
        }
    }
    if let Ok(exports) = store.root.folder("exports") {
        let is_live = |name: &String| {
            exports.folder(name).is_ok_and(|export| {
                flock(export.fd(), FlockOperation::NonBlockingLockExclusive).is_err()
            })
        };
        inventory.exporting = exports
            .names(MOST)?
            .iter()
            .filter(|name| is_live(name))
            .count();
    }
    Ok(Looked {
        inventory,
        senseless,
    })
}
