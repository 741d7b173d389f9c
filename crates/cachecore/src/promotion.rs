//! What a promotion does to a data root, decided before anything is touched.
//!
//! A generation keeps what makes a session warm (images, build cache, volumes) and drops what belongs
//! to the daemon that made it: containers, networks, identities. Restored containers made daemons
//! create empty folders in place of users' files; a restored identity makes two daemons one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::dataroot::{DataRoot, Immutable, Judgement, Kind, Listing, Mutable, Problem, Seat};
use crate::id::{CacheId, LayerName};
use crate::record::Form;

/// Which volumes a generation keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Volumes {
    /// All of them.
    #[default]
    Keep,
    /// None of them.
    Drop,
    /// Those with these names.
    Only(BTreeSet<String>),
}

/// What a promotion will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What happens to each immutable layer, in order of its folder. Nothing where the generation is
    /// whole.
    pub layers: Vec<LayerStep>,
    /// What is left out of the generation.
    pub drops: Vec<Drop>,
    /// Named volumes that were asked for and are not there.
    pub volumes_missing: Vec<String>,
}

/// What happens to one immutable layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerStep {
    /// Where it lies in the data root.
    pub folder: Seat,
    /// Its name in the store.
    pub layer: LayerName,
    /// What is done.
    pub action: LayerAction,
    /// Whether the folder gets the mark `committed` first. overlay2 mounts a folder that has it for
    /// reading, as it must where the contents are a link; it marks only what something stands on.
    pub seal: bool,
}

/// How a layer comes to be a link into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerAction {
    /// It is one already.
    Keep,
    /// Its contents are renamed into the store, which does not have them.
    Adopt,
    /// Its contents are compared with the store's, and dropped for a link.
    Replace,
    /// Its contents are verified, and take the place of the store's, which were found damaged.
    Repair,
}

/// One thing that is left out of the generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drop {
    /// Path in the data root; bytes, because volume names are.
    #[serde(serialize_with = "readable")]
    pub path: Vec<u8>,
    /// Why.
    pub because: &'static str,
}

fn readable<S: serde::Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.escape_ascii().to_string())
}

/// Why a data root cannot become a generation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is none.
    #[error("the folder is not a Docker data root")]
    NotADataRoot,
    /// Its driver keeps layers where no copy finds them.
    #[error("the data root uses the storage driver {driver}, whose layers are not plain files")]
    Foreign {
        /// The driver.
        driver: String,
    },
    /// It is broken.
    #[error("the data root is damaged: {}", first(.0))]
    Damaged(Vec<Problem>),
}

fn first(problems: &[Problem]) -> String {
    let mut text = problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    if problems.len() > 1 {
        text.push_str(&format!(" (and {} more)", problems.len() - 1));
    }
    text
}

/// What is dropped by name, and why. Two names are never among them: `containerd/`, which holds every
/// image of a daemon with containerd's image store, and `engine-id`, because BuildKit finds its cache
/// records under the engine's id and would build everything again under another.
const DROPPED: [(&str, &str); 6] = [
    (
        "containers",
        "containers belong to the daemon that made them",
    ),
    (
        "image/overlay2/layerdb/mounts",
        "containers belong to the daemon that made them",
    ),
    ("network", "networks belong to the daemon that made them"),
    ("swarm", "a node's identity must not be shared"),
    ("runtimes", "the daemon writes it at every start"),
    ("tmp", "unfinished downloads of the daemon that made it"),
];

/// Decides what a promotion of this data root does. `form` is how it lies on disk, `in_store` are the
/// layers that the store has.
///
/// # Errors
/// [`Refusal`] if the data root must not become a generation.
pub fn plan(
    listing: &Listing,
    root: &DataRoot,
    form: Form,
    volumes: &Volumes,
    in_store: &BTreeSet<LayerName>,
) -> Result<Plan, Refusal> {
    match &root.kind {
        Kind::NotADataRoot => return Err(Refusal::NotADataRoot),
        Kind::Foreign(driver) => {
            return Err(Refusal::Foreign {
                driver: driver.clone(),
            });
        }
        Kind::Overlay2 | Kind::Containerd(_) | Kind::PlainFiles(_) | Kind::Empty => {}
    }
    let mut problems = root.problems.clone();
    problems.extend(root.seats().filter_map(|(folder, judged)| {
        let layer = judged
            .linked
            .as_ref()
            .filter(|layer| !in_store.contains(layer))?;
        Some(Problem::LinkedLayerMissing {
            folder,
            layer: layer.clone(),
        })
    }));
    if form == Form::Whole {
        // What is whole is cloned by itself, and a link into the store is not part of it.
        let linked = root.seats().filter(|(_, f)| f.linked.is_some());
        problems.extend(linked.map(|(folder, _)| Problem::LinkedInWhole { folder }));
    }
    if !problems.is_empty() {
        return Err(Refusal::Damaged(problems));
    }
    let mut planned = BTreeSet::new();
    let layers = root
        .immutable()
        .filter(|_| form == Form::Layered)
        .map(|(folder, layer, judged)| LayerStep {
            seal: matches!(folder, Seat::Overlay2(_))
                && matches!(
                    judged.judgement,
                    Judgement::Immutable(Immutable::Finished | Immutable::InTheStore)
                ),
            folder,
            layer: layer.clone(),
            action: if judged.linked.is_some() {
                LayerAction::Keep
            } else if in_store.contains(layer) || !planned.insert(layer.clone()) {
                LayerAction::Replace
            } else {
                LayerAction::Adopt
            },
        })
        .collect();
    let (dropped_volumes, volumes_missing) = volumes_to_drop(listing, volumes);
    let mut drops: Vec<Drop> = DROPPED
        .iter()
        .map(|(path, because)| Drop {
            path: path.as_bytes().to_vec(),
            because,
        })
        .collect();
    drops.extend(container_folders(listing, root));
    drops.extend(dropped_volumes);
    Ok(Plan {
        layers,
        drops,
        volumes_missing,
    })
}

impl Plan {
    /// Takes layers in under the names of their folders instead of their chain ids: those whose
    /// contents cannot be shown to be what the chain id stands for. Who brings the same chain id
    /// with contents that can is then not in their way.
    pub fn set_apart(
        &mut self,
        folders: &BTreeSet<CacheId>,
        shift: u32,
        in_store: &BTreeSet<LayerName>,
    ) {
        for step in &mut self.layers {
            if let Seat::Overlay2(folder) = &step.folder
                && folders.contains(folder)
            {
                step.layer = LayerName::of_snapshot(folder, shift);
                step.action = if in_store.contains(&step.layer) {
                    LayerAction::Replace
                } else {
                    LayerAction::Adopt
                };
            }
        }
    }
}

/// The containers' own folders under `overlay2/`, with their short links.
fn container_folders(listing: &Listing, root: &DataRoot) -> Vec<Drop> {
    let because = "containers belong to the daemon that made them";
    let mut drops = Vec::new();
    for (folder, judged) in &root.folders {
        let (Judgement::Mutable(Mutable::Container | Mutable::ContainerInit), Some(overlay2)) =
            (&judged.judgement, &listing.overlay2)
        else {
            continue;
        };
        let facts = &overlay2.folders[folder.as_str().as_bytes()];
        // Only a short link that leads to this very folder goes with it.
        let own = format!("../{folder}/diff");
        if let Some(short) = facts.link.line()
            && overlay2.short_links.get(short.as_bytes()) == Some(&Some(own.into_bytes()))
        {
            drops.push(Drop {
                path: format!("overlay2/l/{short}").into_bytes(),
                because,
            });
        }
        drops.push(Drop {
            path: format!("overlay2/{folder}").into_bytes(),
            because,
        });
    }
    drops
}

fn volumes_to_drop(listing: &Listing, volumes: &Volumes) -> (Vec<Drop>, Vec<String>) {
    let drop = |name: &Vec<u8>| Drop {
        path: [b"volumes/".as_slice(), name].concat(),
        because: "left out by --volumes",
    };
    match volumes {
        Volumes::Keep => (Vec::new(), Vec::new()),
        Volumes::Drop => (listing.volumes.keys().map(drop).collect(), Vec::new()),
        Volumes::Only(names) => {
            let wanted = |name: &Vec<u8>| names.iter().any(|n| n.as_bytes() == name.as_slice());
            let drops = listing
                .volumes
                .keys()
                .filter(|name| !wanted(name))
                .map(drop)
                .collect();
            let missing = names
                .iter()
                .filter(|name| !listing.volumes.contains_key(name.as_bytes()))
                .cloned()
                .collect();
            (drops, missing)
        }
    }
}

#[cfg(test)]
mod tests;
