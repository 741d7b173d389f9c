//! What a collection of the shared build cache removes: exports over a size, oldest first, and what no
//! export needs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Contents, Key, KeyRecord};
use crate::id::BlobId;

/// While somebody exports, what nobody needs stays so long: it may be part of that.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// A blob as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub written: Timestamp,
}

/// What is in a cache.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The records.
    pub records: BTreeMap<Key, KeyRecord>,
    /// All blobs.
    pub blobs: BTreeMap<BlobId, Found>,
    /// What the manifests name that are whole.
    pub whole: BTreeMap<BlobId, Contents>,
    /// The manifests that builds import at this moment.
    pub in_use: BTreeSet<BlobId>,
    /// How many builds export at this moment.
    pub exporting: usize,
}

/// Why an export goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Blobs that it needs are missing, so that nobody imports it.
    NotWhole,
    /// With what was used later, the cache would be larger than it may be.
    OverSize,
}

/// An export that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Whose it is.
    pub key: Key,
    /// Its manifest.
    pub manifest: BlobId,
    /// Why.
    pub reason: Reason,
}

/// What is removed, and what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// The exports that go.
    pub dropped: Vec<Dropped>,
    /// The blobs that go.
    pub blobs: Vec<BlobId>,
    /// How many exports stay.
    pub kept_exports: usize,
    /// The bytes that go.
    pub removed_bytes: u64,
    /// The bytes that stay.
    pub kept_bytes: u64,
}

impl Inventory {
    /// The blobs of an export, its manifest included; `None` if it is not whole.
    pub fn blobs_of<'i>(&'i self, manifest: &'i BlobId) -> Option<Vec<&'i BlobId>> {
        let contents = self.whole.get(manifest)?;
        let mut all = vec![manifest];
        all.extend(contents.blobs.iter().map(|blob| &blob.id));
        Some(all)
    }

    /// How many bytes these blobs have.
    pub fn bytes<'i>(&self, blobs: impl IntoIterator<Item = &'i BlobId>) -> u64 {
        let sizes = blobs.into_iter().filter_map(|id| self.blobs.get(id));
        sizes.map(|found| found.size).sum()
    }
}

/// Decides what goes. What is imported at this moment stays, whatever the size.
pub fn collection(inventory: &Inventory, max_size: Option<u64>, now: Timestamp) -> Collection {
    let mut exports: Vec<_> = inventory
        .records
        .iter()
        .flat_map(|(key, record)| record.exports.iter().map(move |export| (key, export)))
        .collect();
    let is_free = |manifest: &BlobId| !inventory.in_use.contains(manifest);
    exports.sort_by_key(|(_, export)| (is_free(&export.manifest), std::cmp::Reverse(export.used)));
    let mut needed: BTreeSet<&BlobId> = BTreeSet::new();
    let mut bytes = 0;
    let in_use = inventory.in_use.iter();
    for id in in_use
        .filter_map(|manifest| inventory.blobs_of(manifest))
        .flatten()
    {
        if needed.insert(id) {
            bytes += inventory.bytes([id]);
        }
    }
    let mut plan = Collection::default();
    for (key, export) in exports {
        let mut drop = |reason| {
            plan.dropped.push(Dropped {
                key: key.clone(),
                manifest: export.manifest.clone(),
                reason,
            });
        };
        let Some(blobs) = inventory.blobs_of(&export.manifest) else {
            drop(Reason::NotWhole);
            continue;
        };
        let more = inventory.bytes(blobs.iter().copied().filter(|id| !needed.contains(id)));
        if max_size.is_some_and(|most| bytes + more > most) && is_free(&export.manifest) {
            drop(Reason::OverSize);
            continue;
        }
        bytes += more;
        needed.extend(blobs);
        plan.kept_exports += 1;
    }
    for (id, found) in &inventory.blobs {
        let is_young = inventory.exporting > 0 && now.duration_since(found.written) < YOUNG;
        if needed.contains(id) || is_young {
            plan.kept_bytes += found.size;
        } else {
            plan.removed_bytes += found.size;
            plan.blobs.push(id.clone());
        }
    }
    plan
}
