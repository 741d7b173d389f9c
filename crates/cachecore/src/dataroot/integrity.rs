//! What is broken in an overlay2 data root. A root with problems is not promoted: every session
//! that is cloned from it would have them.

use std::collections::BTreeSet;
use std::fmt;

use super::immutable::{is_short_id, lower_short_ids};
use super::listing::{Diff, ImageConfig, Overlay2, Stray, Text};
use super::{Seat, cache_id, chain, chain_id};
use crate::id::{CacheId, LayerName};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A name under `overlay2/` that no Docker writes.
    OddFolderName {
        /// The name, made readable.
        name: String,
    },
    /// A name under `layerdb/sha256/` that is no chain id.
    OddChainName {
        /// The name, made readable.
        name: String,
    },
    /// A layer's `cache-id` cannot be read or is not allowed.
    BadCacheId {
        /// The layer's name in `layerdb`.
        chain: String,
    },
    /// A layer's folder is not there.
    FolderMissing {
        /// The layer's name in `layerdb`.
        chain: String,
        /// The folder that should be there.
        folder: CacheId,
    },
    /// A layer's folder has no `diff`, or something else in its place.
    DiffMissing {
        /// The folder.
        folder: CacheId,
    },
    /// Contents are a link to somewhere outside the store's layers.
    LinkLeavesTheTree {
        /// Where the link lies.
        folder: Seat,
        /// Where the link points.
        target: String,
    },
    /// A part of the daemon's own is a symlink, through which a daemon would write elsewhere.
    LinkAmongTheDaemonsOwn {
        /// The path in the data root, made readable.
        path: String,
    },
    /// Something else lies in a database's place.
    NoDatabase {
        /// The path in the data root, made readable.
        path: String,
    },
    /// A `diff` is a link to a layer that is not in the store.
    LinkedLayerMissing {
        /// Where the link lies.
        folder: Seat,
        /// The layer.
        layer: LayerName,
    },
    /// A `diff` is a link to the contents of a different layer.
    LinkedToAnotherLayer {
        /// Where the link lies.
        folder: Seat,
        /// The layer that its chain id names.
        expected: LayerName,
        /// The layer that it is linked to.
        found: LayerName,
    },
    /// What a daemon writes is a link into the store, where it could not.
    MutableFolderLinked {
        /// Where the link lies.
        folder: Seat,
    },
    /// A store that the data root's images do not lie in has a link into `layers/`.
    LinkedInAnotherStore {
        /// The name of what is a link there, made readable.
        name: String,
    },
    /// A data root that is a subvolume with its layers inside has a layer that is a link.
    LinkedInWhole {
        /// Where the link lies.
        folder: Seat,
    },
    /// A folder's short id does not lead back to it.
    ShortLinkBroken {
        /// The folder.
        folder: CacheId,
    },
    /// A folder's `lower` names something that is not there.
    LowerUnknown {
        /// The folder.
        folder: CacheId,
        /// The entry of `lower`.
        entry: String,
    },
    /// A layer's parent is not there.
    ParentMissing {
        /// The layer's name in `layerdb`.
        chain: String,
    },
    /// An image's config cannot be read.
    ImageUnreadable {
        /// The image.
        image: String,
    },
    /// An image needs a layer that is not there.
    ImageLayerMissing {
        /// The image.
        image: String,
        /// The layer's chain id.
        chain: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OddFolderName { name } => write!(f, "overlay2/{name} is not a name Docker gives"),
            Self::OddChainName { name } => write!(f, "layerdb/sha256/{name} is not a chain id"),
            Self::BadCacheId { chain } => write!(f, "layer {chain} has no usable cache-id"),
            Self::FolderMissing { chain, folder } => {
                write!(
                    f,
                    "layer {chain} lies in overlay2/{folder}, which is not there"
                )
            }
            Self::DiffMissing { folder } => write!(f, "overlay2/{folder} has no diff folder"),
            Self::LinkLeavesTheTree { folder, target } => {
                write!(
                    f,
                    "{} is a link out of the data root, to {target}",
                    folder.shown()
                )
            }
            Self::LinkAmongTheDaemonsOwn { path } => {
                write!(f, "{path} is a symlink, where no daemon makes one")
            }
            Self::NoDatabase { path } => {
                write!(f, "{path} is not a regular file, as a database is")
            }
            Self::LinkedLayerMissing { folder, layer } => {
                write!(
                    f,
                    "{} is a link to layer {layer}, which the store lacks",
                    folder.shown()
                )
            }
            Self::LinkedToAnotherLayer {
                folder,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{} should be layer {expected} but links to {found}",
                    folder.shown()
                )
            }
            Self::MutableFolderLinked { folder } => {
                write!(
                    f,
                    "{} may be written by its daemon but is a link",
                    folder.shown()
                )
            }
            Self::LinkedInWhole { folder } => {
                write!(
                    f,
                    "{} is a link, but the data root has its layers inside",
                    folder.shown()
                )
            }
            Self::LinkedInAnotherStore { name } => {
                write!(
                    f,
                    "{name} is linked into the store, but the data root's images lie elsewhere"
                )
            }
            Self::ShortLinkBroken { folder } => {
                write!(
                    f,
                    "overlay2/{folder} is not reached by its short link under overlay2/l"
                )
            }
            Self::LowerUnknown { folder, entry } => {
                write!(
                    f,
                    "overlay2/{folder}/lower names {entry}, which is not there"
                )
            }
            Self::ParentMissing { chain } => {
                write!(f, "layer {chain} has a parent that is not there")
            }
            Self::ImageUnreadable { image } => write!(f, "image {image} has no readable config"),
            Self::ImageLayerMissing { image, chain } => {
                write!(f, "image {image} needs layer {chain}, which is not there")
            }
        }
    }
}

/// Longest part of a stranger's name that a message shows, in bytes.
const SHOWN: usize = 120;

fn shown(name: &[u8]) -> String {
    let cut = &name[..name.len().min(SHOWN)];
    cut.escape_ascii().to_string()
}

/// What is wrong with an entry that no daemon makes.
pub(super) fn stray(stray: &Stray) -> Problem {
    match stray {
        Stray::Symlink(path) => Problem::LinkAmongTheDaemonsOwn { path: shown(path) },
        Stray::NoDatabase(path) => Problem::NoDatabase { path: shown(path) },
    }
}

/// Finds what is broken. Left-overs that no daemon minds (stale short links, unnamed folders) are
/// not problems.
pub fn check(overlay2: &Overlay2) -> Vec<Problem> {
    let mut problems = Vec::new();
    folders(overlay2, &mut problems);
    layers(overlay2, &mut problems);
    images(overlay2, &mut problems);
    problems
}

fn folders(overlay2: &Overlay2, problems: &mut Vec<Problem>) {
    // Whatever else a short link leads to, a daemon would mount it.
    let reached: BTreeSet<&str> = overlay2
        .folders
        .iter()
        .filter_map(|(name, folder)| {
            let short = folder.link.line()?;
            let id = std::str::from_utf8(name).ok()?;
            leads_back(overlay2, id, short).then_some(short)
        })
        .collect();
    for (name, folder) in &overlay2.folders {
        let Some(id) = std::str::from_utf8(name)
            .ok()
            .and_then(|n| CacheId::new(n).ok())
        else {
            problems.push(Problem::OddFolderName { name: shown(name) });
            continue;
        };
        if folder.link.is_missing() && folder.diff == Diff::Missing {
            // What a killed daemon leaves of a folder it was about to fill or had emptied.
            continue;
        }
        match folder.diff {
            Diff::Directory | Diff::Symlink(_) => {}
            Diff::Missing | Diff::Other => {
                problems.push(Problem::DiffMissing { folder: id.clone() })
            }
        }
        let short = folder.link.line();
        if !short.is_some_and(|short| leads_back(overlay2, id.as_str(), short)) {
            problems.push(Problem::ShortLinkBroken { folder: id.clone() });
        }
        lower(&reached, &id, &folder.lower, problems);
    }
}

/// Whether the short link of this name leads to the contents of this folder.
fn leads_back(overlay2: &Overlay2, id: &str, short: &str) -> bool {
    let target = overlay2.short_links.get(short.as_bytes());
    is_short_id(short) && target == Some(&Some(format!("../{id}/diff").into_bytes()))
}

fn lower(reached: &BTreeSet<&str>, id: &CacheId, lower: &Text, problems: &mut Vec<Problem>) {
    let Some(line) = lower.line() else {
        if !lower.is_missing() {
            problems.push(Problem::LowerUnknown {
                folder: id.clone(),
                entry: "something unreadable".to_owned(),
            });
        }
        return;
    };
    let known: BTreeSet<&str> = lower_short_ids(line)
        .filter(|short| reached.contains(short))
        .collect();
    if let Some(entry) = line
        .split(':')
        .find(|entry| !entry.strip_prefix("l/").is_some_and(|s| known.contains(s)))
    {
        problems.push(Problem::LowerUnknown {
            folder: id.clone(),
            entry: shown(entry.as_bytes()),
        });
    }
}

fn layers(overlay2: &Overlay2, problems: &mut Vec<Problem>) {
    for (name, layer) in &overlay2.layers {
        let Some(chain) = chain_id(name) else {
            problems.push(Problem::OddChainName { name: shown(name) });
            continue;
        };
        match cache_id(&layer.cache_id) {
            None => problems.push(Problem::BadCacheId {
                chain: chain.to_string(),
            }),
            Some(folder) if !overlay2.folders.contains_key(folder.as_str().as_bytes()) => {
                problems.push(Problem::FolderMissing {
                    chain: chain.to_string(),
                    folder,
                });
            }
            Some(folder) if overlay2.folders[folder.as_str().as_bytes()].diff == Diff::Missing => {
                let problem = Problem::DiffMissing { folder };
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            Some(_) => {}
        }
        if layer.parent.is_missing() {
            continue;
        }
        let parent = layer
            .parent
            .line()
            .and_then(|line| line.strip_prefix("sha256:"));
        if !parent.is_some_and(|parent| overlay2.layers.contains_key(parent.as_bytes())) {
            problems.push(Problem::ParentMissing {
                chain: chain.to_string(),
            });
        }
    }
}

fn images(overlay2: &Overlay2, problems: &mut Vec<Problem>) {
    for (name, config) in &overlay2.images {
        let image = shown(name);
        let chains = match config {
            ImageConfig::DiffIds(diff_ids) => chain::chain_ids(diff_ids),
            ImageConfig::Unreadable => None,
        };
        let Some(chains) = chains else {
            problems.push(Problem::ImageUnreadable { image });
            continue;
        };
        if let Some(missing) = chains
            .iter()
            .find(|chain| !overlay2.layers.contains_key(chain.as_str().as_bytes()))
        {
            problems.push(Problem::ImageLayerMissing {
                image,
                chain: missing.to_string(),
            });
        }
    }
}
