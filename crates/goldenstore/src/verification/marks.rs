//! What a verification notes in the store.

use std::collections::{BTreeMap, BTreeSet};

use cachecore::id::{Generation, LayerName, ProjectId};

use super::layer::Looked;
use super::report::{GenerationFindings, Need, Unmarked};
use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::project;
use crate::quarantine;
use crate::store::Store;

impl Store {
    /// Writes and removes marks: of layers, and of every generation of every project that needs one.
    /// Gives the layers that are well again. What cannot be written stops nothing: that something is
    /// damaged has to be said, above all where nothing can be written.
    pub(super) fn mark(
        &self,
        id: &ProjectId,
        project: &Handle,
        needs: &BTreeMap<Generation, BTreeSet<LayerName>>,
        generations: &mut [GenerationFindings],
        looked: &[Looked],
    ) -> (Vec<LayerName>, Option<Unmarked>) {
        let mut missed = Missed::default();
        let mut bad: BTreeMap<LayerName, Vec<String>> = BTreeMap::new();
        let mut well = BTreeSet::new();
        let shared = looked.iter().map(|looked| &looked.findings);
        for found in shared.filter(|found| found.inside.is_none()) {
            if !found.findings.is_empty() {
                bad.insert(found.layer.clone(), found.findings.clone());
            } else if missed
                .unless(self.layer_quarantine(&found.layer))
                .flatten()
                .is_some()
            {
                well.insert(found.layer.clone());
            }
        }
        if let Some(_lock) = missed.unless(self.lock_layers()) {
            for (layer, findings) in &bad {
                let one = BTreeMap::from([(layer.clone(), findings.clone())]);
                missed.unless(self.mark_layers(&one));
            }
        }
        if let Some(_lock) = missed.unless(project::lock_project(project, id)) {
            // Of generations that are gone.
            missed.unless(quarantine::clear_stale(project));
            for generation in generations.iter_mut() {
                let number = generation.generation;
                missed.unless(quarantine::change(project, number, |mark| {
                    mark.findings.clone_from(&generation.findings);
                    mark.layers = bad_layers(needs.get(&number), &bad);
                }));
                let mark = missed.unless(quarantine::of_generation(project, number));
                generation.quarantined = mark.flatten().is_some();
            }
        }
        if !bad.is_empty() {
            let projects = missed.unless(self.projects()).unwrap_or_default();
            for other in projects.into_iter().filter(|other| other != id) {
                missed.unless(self.mark_in(&other, &bad));
            }
        }
        let lifted = match missed.unless(self.lift(&well)) {
            Some(()) => well.into_iter().collect(),
            None => Vec::new(),
        };
        (lifted, missed.0)
    }

    /// Marks the generations of another project that need a damaged layer.
    fn mark_in(
        &self,
        id: &ProjectId,
        bad: &BTreeMap<LayerName, Vec<String>>,
    ) -> Result<(), StoreError> {
        let project = self.project_folder(id)?;
        let _lock = project::lock_project(&project, id)?;
        for number in generation::generations(&project)? {
            let needs = self.needs(id, number);
            let layers = bad_layers(Some(&needs), bad);
            if !layers.is_empty() {
                quarantine::change(&project, number, |mark| mark.layers.extend(layers))?;
            }
        }
        Ok(())
    }

    /// The layers of a generation by its manifest; none where that cannot be used, which is for the
    /// verification of its own project to say.
    fn needs(&self, id: &ProjectId, number: Generation) -> BTreeSet<LayerName> {
        self.manifest(id, number).map_or_else(
            |_| BTreeSet::new(),
            |manifest| {
                manifest
                    .layers
                    .into_iter()
                    .map(|layer| layer.layer)
                    .collect()
            },
        )
    }

    pub(super) fn who_needs(&self, layer: &LayerName) -> Result<Vec<Need>, StoreError> {
        let mut found = Vec::new();
        for project in self.projects()? {
            for generation in self.generations(&project)? {
                if self.needs(&project, generation).contains(layer) {
                    found.push(Need {
                        project: project.clone(),
                        generation,
                    });
                }
            }
        }
        Ok(found)
    }
}

/// The first error of those that stopped nothing.
#[derive(Default)]
struct Missed(Option<Unmarked>);

impl Missed {
    fn unless<T>(&mut self, done: Result<T, StoreError>) -> Option<T> {
        match done {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.get_or_insert_with(|| Unmarked::by(&error));
                None
            }
        }
    }
}

fn bad_layers(
    needs: Option<&BTreeSet<LayerName>>,
    bad: &BTreeMap<LayerName, Vec<String>>,
) -> BTreeMap<LayerName, String> {
    let needs = needs.into_iter().flatten();
    needs
        .filter_map(|layer| {
            let finding = bad.get(layer)?.first().cloned().unwrap_or_default();
            Some((layer.clone(), finding))
        })
        .collect()
}
