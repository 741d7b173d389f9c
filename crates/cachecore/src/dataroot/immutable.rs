//! How a layer is judged immutable. **The one place**: whoever wants another rule changes
//! [`judge`], and the table in `dataroot/tests/immutable.rs` says what it means for each case.
//!
//! A folder under `overlay2/` whose contents can never change again is shared by every session as a
//! link; every other one is copied for each session. Judging a mutable folder immutable would break
//! a session (its daemon writes into a read-only layer); judging an immutable one mutable only
//! costs a copy. So a folder is mutable unless one of these holds:
//!
//! 1. **Committed**: some chain id in `layerdb` names it. Docker never writes into a registered
//!    layer again.
//! 2. **Below another**: its short id stands in the `lower` of a folder. An overlay mount reads its
//!    lower folders and never writes them.
//! 3. **Finished**: BuildKit's books say that nothing writes it again
//!    ([`BuildKit::finished`](super::buildkit::BuildKit::finished)).
//! 4. **In the store**: its `diff` is a link into `layers/` already. It was judged before; Docker
//!    may have dropped the image since and kept the folder for its build cache.
//!
//! A container's own folders are mutable whatever else holds: an init folder stands in the `lower`
//! of its container's, and Docker still writes into it when the container starts.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{Diff, Overlay2};
use crate::id::{CacheId, ChainId};

/// Whether a folder's contents can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Never again, because of this.
    Immutable(Immutable),
    /// They can, because of this.
    Mutable(Mutable),
}

/// Why a folder's contents can never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Immutable {
    /// `layerdb` names the folder by this chain id (the first in order where several do).
    Committed {
        /// The chain id.
        chain: ChainId,
    },
    /// The folder stands in the `lower` of this one.
    BelowAnother {
        /// The folder above.
        above: CacheId,
    },
    /// BuildKit is done with it: the last step of a stage, which nothing stands on.
    Finished,
    /// The folder's `diff` is a link into the store.
    InTheStore,
}

/// Why a folder's contents may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutable {
    /// A container writes into it.
    Container,
    /// It is the init folder of a container.
    ContainerInit,
    /// Nothing says that it is finished: a build context, a cache mount, a step in progress.
    NotKnownFinished,
}

/// The suffix of a container's init folder (moby `layer.initMountID`).
const INIT_SUFFIX: &str = "-init";

/// Judges every folder whose name is allowed. `chains` says which chain ids name which folder, and
/// `finished` which folders BuildKit is done with.
pub fn judge(
    overlay2: &Overlay2,
    chains: &BTreeMap<CacheId, BTreeSet<ChainId>>,
    finished: &BTreeSet<CacheId>,
) -> BTreeMap<CacheId, Judgement> {
    let containers = container_folders(overlay2);
    let below = folders_below_another(overlay2, &containers);
    overlay2
        .folders
        .iter()
        .filter_map(|(name, folder)| {
            let id = CacheId::new(std::str::from_utf8(name).ok()?).ok()?;
            let judgement = if let Some(mutable) = containers.get(&id) {
                Judgement::Mutable(mutable.clone())
            } else if id.as_str().ends_with(INIT_SUFFIX) {
                Judgement::Mutable(Mutable::ContainerInit)
            } else if let Some(chain) = chains.get(&id).and_then(BTreeSet::first) {
                Judgement::Immutable(Immutable::Committed {
                    chain: chain.clone(),
                })
            } else if let Some(above) = below.get(&id) {
                Judgement::Immutable(Immutable::BelowAnother {
                    above: above.clone(),
                })
            } else if finished.contains(&id) {
                Judgement::Immutable(Immutable::Finished)
            } else if matches!(folder.diff, Diff::Symlink(_)) {
                Judgement::Immutable(Immutable::InTheStore)
            } else {
                Judgement::Mutable(Mutable::NotKnownFinished)
            };
            Some((id, judgement))
        })
        .collect()
}

/// The folders that `layerdb/mounts` gives to containers.
fn container_folders(overlay2: &Overlay2) -> BTreeMap<CacheId, Mutable> {
    let mut folders = BTreeMap::new();
    for mount in overlay2.mounts.values() {
        if let Some(id) = super::cache_id(&mount.init_id) {
            folders.insert(id, Mutable::ContainerInit);
        }
        if let Some(id) = super::cache_id(&mount.mount_id) {
            folders.insert(id, Mutable::Container);
        }
    }
    folders
}

/// Each folder that stands in the `lower` of another, with the first such other. What a container's
/// folders stand on is shared too: only the init folder itself is the container's own.
fn folders_below_another(
    overlay2: &Overlay2,
    containers: &BTreeMap<CacheId, Mutable>,
) -> BTreeMap<CacheId, CacheId> {
    let by_short_id: BTreeMap<&str, CacheId> = overlay2
        .folders
        .iter()
        .filter_map(|(name, folder)| {
            let id = CacheId::new(std::str::from_utf8(name).ok()?).ok()?;
            Some((folder.link.line()?, id))
        })
        .collect();
    let mut below = BTreeMap::new();
    for (name, folder) in &overlay2.folders {
        let Some(above) = std::str::from_utf8(name)
            .ok()
            .and_then(|n| CacheId::new(n).ok())
        else {
            continue;
        };
        for short_id in lower_short_ids(folder.lower.line().unwrap_or_default()) {
            if let Some(id) = by_short_id.get(short_id)
                && !containers.contains_key(id)
                && *id != above
            {
                below.entry(id.clone()).or_insert_with(|| above.clone());
            }
        }
    }
    below
}

/// The short ids in a `lower` file: `l/A:l/B`, nearest first. What has another form is left out
/// here and reported by the integrity check.
pub(super) fn lower_short_ids(lower: &str) -> impl Iterator<Item = &str> {
    lower
        .split(':')
        .filter_map(|entry| entry.strip_prefix("l/"))
        .filter(|id| is_short_id(id))
}

/// Short ids are 26 letters and digits (moby `overlay2.idLength`); other lengths are let through.
pub(super) fn is_short_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric())
}
