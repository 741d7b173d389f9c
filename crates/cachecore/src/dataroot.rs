//! What a Docker data root is, decided on listings and bytes that someone else read.
//!
//! ```text
//! <data root>/
//!   image/overlay2/layerdb/sha256/<chain>/cache-id   chain id -> folder under overlay2/
//!   image/overlay2/layerdb/mounts/<container>/       mount-id, init-id: a container's own folders
//!   image/overlay2/imagedb/content/sha256/<image>    image config: diff ids in order
//!   overlay2/<cache id>/diff/                        a layer's contents
//!   overlay2/<cache id>/link                         its short id
//!   overlay2/<cache id>/lower                        short ids of what lies below, `l/A:l/B`
//!   overlay2/l/<short id>                            symlink -> ../<cache id>/diff
//!   volumes/<name>/_data/                            may hold a data root of its own
//! ```
//!
//! - [`buildkit`]: which of its folders BuildKit is done with
//! - [`containerd`]: what can never change again in containerd's image store
//! - [`images`]: which blob each layer of containerd's store was unpacked from
//! - [`listing`]: the facts, as they were read
//! - [`kind`]: which engine and store wrote it
//! - [`immutable`]: **which layers can never change again**, and why
//! - [`integrity`]: what is broken
//! - [`nested`]: data roots inside volumes
//! - [`Part`]: the two folders that a data root is where containerd is a service of its own
//! - [`place`]: where a daemon makes links, and where links are not its own
//!
//! The folder formats are those of moby's `daemon/graphdriver/overlay2` and `layer/filestore.go`.

pub mod buildkit;
pub mod chain;
pub mod containerd;
pub mod images;
pub mod immutable;
pub mod integrity;
pub mod kind;
pub mod listing;
pub mod nested;
mod part;
pub mod place;
mod seat;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use crate::id::{CacheId, ChainId, LayerName};
pub use immutable::{Immutable, Judgement, Mutable};
pub use integrity::Problem;
pub use kind::Kind;
pub use listing::{Diff, Folder, Layer, Listing, Overlay2, Stray, Text};
pub use part::Part;
pub use seat::Seat;

/// A data root, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRoot {
    /// Which engine and store wrote it.
    pub kind: Kind,
    /// The folders under `overlay2/`, judged. Empty for other kinds.
    pub folders: BTreeMap<CacheId, JudgedFolder>,
    /// The snapshots and blobs of containerd's image store, judged. Empty for other kinds.
    pub contained: BTreeMap<Seat, JudgedFolder>,
    /// Everything that is wrong with it. A root with problems is never promoted.
    pub problems: Vec<Problem>,
    /// Volumes that hold a data root of their own: they are copied, never linked.
    pub nested: Vec<nested::Nested>,
    /// What a person should know about it, besides problems.
    pub notes: Vec<String>,
}

/// One folder under `overlay2/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedFolder {
    /// Whether its contents can change, and why.
    pub judgement: Judgement,
    /// The layer in the store that its `diff` is a link to already.
    pub linked: Option<LayerName>,
    /// The name that its contents have, or would have, in the store. `None` where they are mutable.
    pub layer: Option<LayerName>,
}

impl DataRoot {
    /// Where contents lie that can never change again, with their layer names.
    pub fn immutable(&self) -> impl Iterator<Item = (Seat, &LayerName, &JudgedFolder)> {
        self.seats()
            .filter_map(|(seat, folder)| Some((seat, folder.layer.as_ref()?, folder)))
    }

    /// Every place where a layer could lie, with what lies there.
    pub fn seats(&self) -> impl Iterator<Item = (Seat, &JudgedFolder)> {
        let folders = self.folders.iter();
        let folders = folders.map(|(id, folder)| (Seat::Overlay2(id.clone()), folder));
        let contained = self.contained.iter();
        folders.chain(contained.map(|(seat, folder)| (seat.clone(), folder)))
    }
}

/// Understands a data root. `layers` is the absolute path of the store's `layers/`: the only place
/// that a layer of a data root may be a link to.
pub fn survey(listing: &Listing, layers: &Utf8Path) -> DataRoot {
    let kind = kind::recognise(listing);
    let mut root = DataRoot {
        nested: nested::find(listing),
        folders: BTreeMap::new(),
        contained: BTreeMap::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        kind,
    };
    let strays = listing.strays.iter();
    root.problems.extend(strays.map(integrity::stray));
    if root.kind == Kind::Containerd("overlayfs".to_owned()) {
        for (part, containerd) in listing.containerds() {
            let judged = containerd::judge(part, containerd, layers, &mut root.problems);
            root.contained.extend(judged);
            root.notes.extend(containerd.note());
        }
    } else {
        for (_, containerd) in listing.containerds() {
            let misplaced = containerd::misplaced_links(containerd);
            root.problems.extend(misplaced);
        }
    }
    root.notes.extend(kind::note(&root.kind, listing));
    let Some(overlay2) = &listing.overlay2 else {
        return root;
    };
    if root.kind != Kind::Overlay2 {
        // Such a root is copied whole, and a link into the store is not whole.
        let linked = overlay2
            .folders
            .iter()
            .filter(|(_, folder)| matches!(folder.diff, Diff::Symlink(_)));
        root.problems
            .extend(linked.map(|(name, _)| Problem::LinkedInAnotherStore {
                name: format!("overlay2/{}/diff", name.escape_ascii()),
            }));
        return root;
    }
    let chains = chains_by_folder(overlay2);
    root.notes.extend(listing.buildkit.notes());
    let finished = listing.buildkit.finished();
    let judgements = immutable::judge(overlay2, &chains, &finished);
    for (id, judgement) in judgements {
        let linked = match &overlay2.folders[id.as_str().as_bytes()].diff {
            Diff::Symlink(target) => match link_target(target, layers).filter(|l| !l.is_blob()) {
                Some(layer) => Some(layer),
                None => {
                    root.problems.push(Problem::LinkLeavesTheTree {
                        folder: Seat::Overlay2(id.clone()),
                        target: String::from_utf8_lossy(target).into_owned(),
                    });
                    None
                }
            },
            _ => None,
        };
        let layer = layer_name(&id, &judgement, linked.as_ref(), overlay2.owner_gid);
        if let (Some(found), Some(expected)) = (&linked, &layer)
            && found != expected
            && !other_names(&id, &chains, overlay2.owner_gid).any(|name| name == *found)
        {
            root.problems.push(Problem::LinkedToAnotherLayer {
                folder: Seat::Overlay2(id.clone()),
                expected: expected.clone(),
                found: found.clone(),
            });
        }
        if linked.is_some() && layer.is_none() {
            root.problems.push(Problem::MutableFolderLinked {
                folder: Seat::Overlay2(id.clone()),
            });
        }
        let layer = layer.map(|expected| linked.clone().unwrap_or(expected));
        root.folders.insert(
            id,
            JudgedFolder {
                judgement,
                linked,
                layer,
            },
        );
    }
    root.problems.extend(integrity::check(overlay2));
    root
}

/// Which chain ids name which folder. More than one chain can: BuildKit registers a snapshot again.
fn chains_by_folder(overlay2: &Overlay2) -> BTreeMap<CacheId, BTreeSet<ChainId>> {
    let mut chains: BTreeMap<CacheId, BTreeSet<ChainId>> = BTreeMap::new();
    for (name, layer) in &overlay2.layers {
        if let (Some(chain), Some(cache)) = (chain_id(name), cache_id(&layer.cache_id)) {
            chains.entry(cache).or_default().insert(chain);
        }
    }
    chains
}

/// The names under which a folder's contents may have come into the store: by any of its chain ids,
/// or before it had one.
fn other_names<'a>(
    id: &'a CacheId,
    chains: &'a BTreeMap<CacheId, BTreeSet<ChainId>>,
    shift: u32,
) -> impl Iterator<Item = LayerName> + 'a {
    let by_chain = chains.get(id).into_iter().flatten();
    by_chain
        .map(move |chain| LayerName::of_chain(chain, shift))
        .chain(std::iter::once(LayerName::of_snapshot(id, shift)))
}

fn layer_name(
    id: &CacheId,
    judgement: &Judgement,
    linked: Option<&LayerName>,
    shift: u32,
) -> Option<LayerName> {
    match judgement {
        Judgement::Immutable(Immutable::Committed { chain }) => {
            Some(LayerName::of_chain(chain, shift))
        }
        Judgement::Immutable(Immutable::BelowAnother { .. } | Immutable::Finished) => {
            // Docker may have forgotten the chain of a layer that the store already knows by it.
            Some(
                linked
                    .cloned()
                    .unwrap_or_else(|| LayerName::of_snapshot(id, shift)),
            )
        }
        Judgement::Immutable(
            Immutable::InTheStore | Immutable::CommittedSnapshot | Immutable::Blob,
        ) => linked.cloned(),
        Judgement::Mutable(_) => None,
    }
}

/// The layer that a `diff` link names, if the link is exactly `<layers>/<layer>/diff`.
pub fn link_target(target: &[u8], layers: &Utf8Path) -> Option<LayerName> {
    let target = std::str::from_utf8(target).ok()?;
    let rest = target.strip_prefix(layers.as_str())?.strip_prefix('/')?;
    LayerName::new(rest.strip_suffix("/diff")?).ok()
}

/// A chain id out of a folder name of `layerdb/sha256/`.
fn chain_id(name: &[u8]) -> Option<ChainId> {
    ChainId::new(std::str::from_utf8(name).ok()?).ok()
}

/// A cache id out of a file's contents.
fn cache_id(text: &Text) -> Option<CacheId> {
    CacheId::new(text.line()?).ok()
}

#[cfg(test)]
pub(crate) mod tests;
