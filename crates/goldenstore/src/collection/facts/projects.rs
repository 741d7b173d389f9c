use cachecore::collection::{Facts, GenerationFacts, ProjectFacts, Remembered, Unjudged};
use cachecore::id::{Generation, ProjectId};
use cachecore::layout;
use cachecore::record::Form;

use super::{Gathering, links_of, stranger};
use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::project;
use crate::store::Store;

impl Gathering<'_> {
    pub(super) fn projects(&mut self, store: &Store, facts: &mut Facts) -> Result<(), StoreError> {
        for name in store.golden.names(usize::MAX)? {
            self.go_on()?;
            let project = name.to_str().and_then(|name| ProjectId::new(name).ok());
            match (project, store.golden.folder_if_there(&name)) {
                (Some(project), Ok(Some(folder))) => {
                    let found = self.project(store, &project, &folder, &mut facts.unjudged);
                    facts.projects.push(found);
                }
                (_, Ok(None)) => {}
                _ => facts.strangers.push(stranger(layout::GOLDEN, &name)),
            }
        }
        Ok(())
    }

    fn project(
        &mut self,
        store: &Store,
        project: &ProjectId,
        folder: &Handle,
        unjudged: &mut Vec<Unjudged>,
    ) -> ProjectFacts {
        let mut found = ProjectFacts {
            project: project.clone(),
            generations: Vec::new(),
            last_used: None,
            busy: false,
            unjudged: false,
        };
        let mut because = Vec::new();
        if let Some(unrecovered) = &self.unrecovered {
            because.extend(unrecovered.get(project).cloned());
        }
        match project::read_state(folder, project) {
            Ok(state) => {
                let running = state.building.map(|running| running.build);
                self.builds
                    .extend(running.map(|build| (build, Remembered::Running)));
                let ended = state.last_builds.into_iter().enumerate();
                self.builds
                    .extend(ended.map(|(nth, build)| (build.build, Remembered::Nth(nth))));
            }
            Err(e) => {
                self.builds_unknown = true;
                because.push(e.to_string());
            }
        }
        match self.standing(store, project, folder, &mut found, unjudged) {
            Ok(None) => {}
            Ok(Some(reason)) => because.push(reason.to_owned()),
            Err(e) => because.push(e.to_string()),
        }
        if !because.is_empty() {
            found.unjudged = true;
            because.dedup();
            unjudged.push(Unjudged {
                what: format!("project {project}"),
                because: because.join("; "),
                busy: false,
            });
        }
        found
    }

    /// The generations and how they are used; gives why they cannot be judged, if they cannot.
    fn standing(
        &self,
        store: &Store,
        project: &ProjectId,
        folder: &Handle,
        found: &mut ProjectFacts,
        unjudged: &mut Vec<Unjudged>,
    ) -> Result<Option<&'static str>, StoreError> {
        let generations = generation::generations(folder)?;
        let newest = generations.last().copied();
        for generation in generations {
            let facts = self.generation(store, project, folder, generation, unjudged);
            found.generations.push(facts);
        }
        found.last_used = generation::last_used(folder)?;
        found.busy = store.builds_now(folder)?;
        let unfinished = match newest {
            Some(newest) => generation::is_unfinished(folder, newest)?,
            None => false,
        };
        // Whoever only looks trusts that a promotion that was cut short will be finished.
        let recovered = self.unrecovered.is_some();
        Ok((recovered && unfinished).then_some("a promotion of it was cut short"))
    }

    fn generation(
        &self,
        store: &Store,
        project: &ProjectId,
        folder: &Handle,
        generation: Generation,
        unjudged: &mut Vec<Unjudged>,
    ) -> GenerationFacts {
        let mut found = GenerationFacts {
            generation,
            bytes: 0,
            promoted_at: None,
            layers: None,
        };
        let what = format!("generation {generation} of {project}");
        let own = match folder.folder(generation.folder()) {
            Ok(own) => own,
            Err(e) => {
                unjudged.push(Unjudged {
                    what,
                    because: e.to_string(),
                    busy: false,
                });
                return found;
            }
        };
        match generation::read_manifest(&own) {
            Ok(manifest) => {
                found.bytes = match manifest.form {
                    Form::Layered => manifest.sizes.mutable_bytes,
                    // At most: what it shares with others is not told by the filesystem.
                    Form::Whole => manifest.sizes.shared_bytes,
                };
                found.promoted_at = Some(manifest.promoted_at);
                let layers = manifest.layers.into_iter().map(|layer| layer.layer);
                found.layers = Some(layers.collect());
            }
            Err(e) => {
                found.layers = links_of(store, &own, &what, unjudged);
                unjudged.push(Unjudged {
                    what,
                    because: e.to_string(),
                    busy: false,
                });
            }
        }
        found
    }
}
