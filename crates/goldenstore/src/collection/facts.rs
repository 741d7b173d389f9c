//! What lies in the store, as facts for [`cachecore::collection::plan`].
//!
//! What cannot be read ends nothing: it is noted as unjudged, and stays.

mod projects;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use cachecore::collection::{
    BuildFacts, Facts, LayerFacts, Policy, Remembered, TrashFacts, Unjudged,
};
use cachecore::id::{BuildId, LayerName, ProjectId};
use cachecore::layout::{self, DIFF};
use jiff::Timestamp;
use rustix::fs::FileType;
use treeclone::Observer;

use super::sizes::Sizes;
use crate::error::StoreError;
use crate::store::Store;

/// A look at the whole store.
pub(crate) struct Gathering<'a> {
    policy: &'a Policy,
    observer: &'a dyn Observer,
    now: Timestamp,
    sizes: Sizes,
    /// Projects where what killed commands left could not be made good, with the reason; `None`
    /// where nobody has tried.
    unrecovered: Option<BTreeMap<ProjectId, String>>,
    /// What the projects' manifests say of their layers' sizes.
    layer_bytes: BTreeMap<LayerName, u64>,
    builds: BTreeMap<BuildId, Remembered>,
    /// Whether a project's builds are not known.
    builds_unknown: bool,
}

impl<'a> Gathering<'a> {
    /// A look for a collection by this policy.
    pub(crate) fn new(policy: &'a Policy, observer: &'a dyn Observer) -> Self {
        Self {
            policy,
            observer,
            now: Timestamp::now(),
            sizes: Sizes::default(),
            unrecovered: None,
            layer_bytes: BTreeMap::new(),
            builds: BTreeMap::new(),
            builds_unknown: false,
        }
    }

    /// A second look, which measures nothing that the first has not.
    pub(super) fn again(self) -> Self {
        Self {
            sizes: self.sizes.close(),
            ..Self::new(self.policy, self.observer)
        }
    }

    /// For a look after what killed commands left in the projects was made good, but for these.
    pub(super) fn after_recovery(self, unrecovered: Vec<(ProjectId, StoreError)>) -> Self {
        let unrecovered = unrecovered
            .into_iter()
            .map(|(project, e)| (project, e.to_string()));
        Self {
            unrecovered: Some(unrecovered.collect()),
            ..self
        }
    }

    /// Looks at everything.
    ///
    /// # Errors
    /// [`StoreError`] if one of the store's own folders cannot be listed, or the work is interrupted.
    pub(crate) fn gather(&mut self, store: &Store) -> Result<Facts, StoreError> {
        let mut facts = Facts::default();
        // Before the projects: a build is in its project's state before its folder is made.
        let builds = store.builds.names(usize::MAX)?;
        self.projects(store, &mut facts)?;
        self.sessions(store, &mut facts)?;
        self.layers(store, &mut facts)?;
        for name in builds {
            self.go_on()?;
            let Some(build) = name.to_str().and_then(|name| BuildId::new(name).ok()) else {
                facts.strangers.push(stranger(layout::BUILDS, &name));
                continue;
            };
            let otherwise = if self.builds_unknown {
                Remembered::Unknown
            } else {
                Remembered::Forgotten
            };
            facts.builds.push(BuildFacts {
                bytes: self.sizes.of(&store.builds, &name, 0),
                remembered: self.builds.get(&build).copied().unwrap_or(otherwise),
                build,
            });
        }
        let mut trash = TrashFacts::default();
        for name in store.trash.names(usize::MAX)? {
            self.go_on()?;
            trash.entries += 1;
            trash.bytes += self.sizes.of(&store.trash, &name, 0);
        }
        facts.trash = trash;
        Ok(facts)
    }

    fn layers(&mut self, store: &Store, facts: &mut Facts) -> Result<(), StoreError> {
        for name in store.layers.names(usize::MAX)? {
            self.go_on()?;
            let layer = name.to_str().and_then(|name| LayerName::new(name).ok());
            let folder = store.layers.folder_if_there(&name);
            let (Some(layer), Ok(folder)) = (layer, folder) else {
                facts.strangers.push(stranger(layout::LAYERS, &name));
                continue;
            };
            let Some(folder) = folder else { continue };
            let bytes = match self.layer_bytes.get(&layer) {
                Some(bytes) => *bytes,
                None => self.sizes.of(&store.layers, &name, 0),
            };
            let placeholder = matches!(folder.kind(DIFF)?, None | Some(FileType::Symlink));
            facts
                .layers
                .insert(layer, LayerFacts { bytes, placeholder });
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), StoreError> {
        if self.observer.interrupted() {
            Err(StoreError::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// The path of something that the store knows nothing of.
fn stranger(folder: &str, name: &OsStr) -> String {
    format!("{folder}/{}", name.to_string_lossy())
}

/// What a data root really links to; `None` and a note if nobody can tell.
fn links_of(
    store: &Store,
    folder: &crate::handle::Handle,
    what: &str,
    unjudged: &mut Vec<Unjudged>,
) -> Option<BTreeSet<LayerName>> {
    match super::links::find(folder, store.layers.path()) {
        Ok(links) => Some(links),
        Err(e) => {
            unjudged.push(Unjudged {
                what: format!("the links of {what}"),
                because: e.to_string(),
                busy: false,
            });
            None
        }
    }
}
