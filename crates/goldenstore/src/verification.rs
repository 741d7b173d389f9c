//! Verification: whether goldens are still what they were when they were promoted.
//!
//! | looked at | how | full |
//! |---|---|---|
//! | `current`, manifests | readable, and of each other | |
//! | a generation's data root | `cachecore`'s survey: links exactly into `layers/`, nothing broken | |
//! | each layer | there, and with as many names and bytes as its manifest says | |
//! | each layer's contents | against its diff id ([`contents`]) | yes |
//!
//! What is found puts the layer and each generation that needs it in quarantine ([`crate::quarantine`]);
//! a full verification that finds nothing lifts it.

pub(crate) mod contents;
mod crew;
pub(crate) mod description;
mod newcomers;
mod structure;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use cachecore::id::{ChainId, Generation, LayerName, ProjectId};
use cachecore::layout::{self, DIFF, DOCKER};
use cachecore::record::Contents;
use serde::Serialize;
use treeclone::Observer;

use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::project;
use crate::quarantine;
use crate::store::Store;
use contents::Verdict;
use description::Found;

/// How much to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Whether to read the contents of every layer.
    pub full: bool,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The project.
    pub project: ProjectId,
    /// Whether contents were read.
    pub full: bool,
    /// What is wrong with the project itself.
    pub findings: Vec<String>,
    /// Its generations, in order.
    pub generations: Vec<GenerationFindings>,
    /// Their layers, in order of their names.
    pub layers: Vec<LayerFindings>,
    /// Layers whose quarantine was lifted.
    pub lifted: Vec<LayerName>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// What was found of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerationFindings {
    /// The generation.
    pub generation: Generation,
    /// Whether it serves.
    pub current: bool,
    /// How many layers it has.
    pub layers: u64,
    /// What is wrong with its data root.
    pub findings: Vec<String>,
    /// Whether it is in quarantine, for these findings or for those of its layers.
    pub quarantined: bool,
}

/// What was found of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerFindings {
    /// The layer.
    pub layer: LayerName,
    /// How much of it was verified.
    pub depth: Depth,
    /// Why not its contents, where the verification was a full one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What is wrong with it.
    pub findings: Vec<String>,
    /// Who needs it, in all projects, if something is wrong with it.
    pub needed_by: Vec<Need>,
}

/// A generation that needs a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The project.
    pub project: ProjectId,
    /// The generation.
    pub generation: Generation,
}

/// How much of a layer was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// That it is there, and how much it holds.
    Structure,
    /// All that its image says of it.
    Contents,
}

impl VerifyReport {
    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
            && self.generations.iter().all(|g| g.findings.is_empty())
            && self.layers.iter().all(|layer| layer.findings.is_empty())
    }
}

/// A layer that is looked at, with where its description may be found.
struct Subject {
    layer: LayerName,
    contents: Option<Contents>,
    described: Vec<(Generation, ChainId)>,
}

/// What became of one layer.
struct Looked {
    findings: LayerFindings,
    /// Generations whose own description of the layer is unusable, and why.
    bad: Vec<(Generation, String)>,
}

impl Store {
    /// Verifies all generations of a project and their layers, and puts what is damaged in quarantine.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or the verification cannot be done or is interrupted.
    /// What is wrong with the golden is no error: it is in the report.
    pub fn verify(
        &self,
        id: &ProjectId,
        options: VerifyOptions,
        observer: &dyn Observer,
    ) -> Result<VerifyReport, StoreError> {
        let begun = Instant::now();
        let _shared = self.share()?;
        let project = self.project_folder(id)?;
        let mut findings = Vec::new();
        let (current, numbers) = {
            // A promotion makes a generation first and has it serve then.
            let _lock = project::lock_project(&project, id)?;
            self.finish_if_begun(id, &project)?;
            let current = match generation::current(&project) {
                Ok(current) => current,
                Err(e @ StoreError::Io { .. }) => return Err(e),
                Err(e) => {
                    findings.push(e.to_string());
                    None
                }
            };
            (current, generation::generations(&project)?)
        };
        match current {
            Some(current) if !numbers.contains(&current) => {
                findings.push(format!(
                    "generation {current} should serve, and is not there"
                ));
            }
            None if !numbers.is_empty() && findings.is_empty() => {
                findings.push("it has generations, and none of them serves".to_owned());
            }
            _ => {}
        }
        let in_store = self.known_layers()?;
        let mut generations = Vec::new();
        let mut subjects: BTreeMap<LayerName, Subject> = BTreeMap::new();
        let mut needs: BTreeMap<Generation, BTreeSet<LayerName>> = BTreeMap::new();
        for number in numbers {
            let seen = self.look_at_generation(id, &project, number, &in_store)?;
            for (layer, (contents, chain)) in seen.layers {
                needs.entry(number).or_default().insert(layer.clone());
                let subject = subjects.entry(layer.clone()).or_insert(Subject {
                    layer,
                    contents: None,
                    described: Vec::new(),
                });
                subject.contents = contents.or(subject.contents);
                subject.described.extend(chain.map(|chain| (number, chain)));
            }
            generations.push(GenerationFindings {
                generation: number,
                current: current == Some(number),
                layers: needs.get(&number).map_or(0, |layers| layers.len() as u64),
                findings: seen.findings,
                quarantined: false,
            });
        }
        let subjects: Vec<Subject> = subjects.into_values().collect();
        let looked = crew::each(&subjects, observer, |subject, observer| {
            self.look_at_layer(&project, subject, options, &in_store, observer)
        })?;
        for (number, what) in looked.iter().flat_map(|looked| &looked.bad) {
            let generation = generations.iter_mut().find(|g| g.generation == *number);
            if let Some(generation) = generation {
                generation.findings.push(what.clone());
            }
        }
        let lifted = self.mark(id, &project, &needs, &mut generations, &looked)?;
        let mut layers: Vec<LayerFindings> = Vec::new();
        for looked in looked {
            let mut found = looked.findings;
            if !found.findings.is_empty() {
                found.needed_by = self.who_needs(&found.layer)?;
            }
            layers.push(found);
        }
        Ok(VerifyReport {
            project: id.clone(),
            full: options.full,
            findings,
            generations,
            layers,
            lifted,
            elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Finishes a promotion whose command was killed just now. The caller holds the project's lock.
    fn finish_if_begun(&self, id: &ProjectId, project: &Handle) -> Result<(), StoreError> {
        let Some(newest) = generation::generations(project)?.pop() else {
            return Ok(());
        };
        let folder = project.folder(newest.folder())?;
        if folder.stat(layout::SESSION_RECORD)?.is_none() {
            return Ok(());
        }
        if let Err(error) = self.roll_forward(id, project) {
            tracing::warn!(project = %id, %error, "a promotion that was cut short is left so");
        }
        Ok(())
    }

    fn look_at_layer(
        &self,
        project: &Handle,
        subject: &Subject,
        options: VerifyOptions,
        in_store: &BTreeSet<LayerName>,
        observer: &dyn Observer,
    ) -> Result<Looked, StoreError> {
        let layer = &subject.layer;
        let mut looked = Looked {
            findings: LayerFindings {
                layer: layer.clone(),
                depth: Depth::Structure,
                because: None,
                findings: Vec::new(),
                needed_by: Vec::new(),
            },
            bad: Vec::new(),
        };
        let found = &mut looked.findings;
        if !in_store.contains(layer) {
            found.findings.push("it is not in the store".to_owned());
            return Ok(looked);
        }
        let diff = self.layers.folder(layer.as_str())?.folder(DIFF)?;
        found
            .findings
            .extend(structure::size(&diff, subject.contents)?);
        if observer.interrupted() {
            return Err(StoreError::Interrupted);
        }
        if !options.full {
            // Only reading it can say that it is well.
            let known = self.layer_quarantine(layer)?;
            for finding in known.into_iter().flat_map(|known| known.findings) {
                if !found.findings.contains(&finding) {
                    found.findings.push(finding);
                }
            }
            return Ok(looked);
        }
        let mut because = "it is a step of a build, and no image describes it".to_owned();
        for (number, chain) in subject.described.iter().rev() {
            let docker = project.folder(number.folder())?.folder(DOCKER)?;
            let description = match description::find(&docker, chain)? {
                Found::Description(description) => *description,
                Found::None(why) => {
                    because = why.to_owned();
                    continue;
                }
                Found::Bad(what) => {
                    because = "its description is damaged".to_owned();
                    looked.bad.push((*number, format!("layer {layer}: {what}")));
                    continue;
                }
            };
            let remapped = layer.is_shifted();
            match contents::compare(&diff, description, remapped, observer)? {
                Verdict::Matches => {
                    found.depth = Depth::Contents;
                    return Ok(looked);
                }
                Verdict::Apart(why) => because = why,
                Verdict::Differs(differences) => {
                    found.depth = Depth::Contents;
                    found.findings.extend(differences);
                    return Ok(looked);
                }
            }
        }
        found.because = Some(because);
        Ok(looked)
    }

    /// Writes and removes marks: of layers, and of every generation of every project that needs one.
    fn mark(
        &self,
        id: &ProjectId,
        project: &Handle,
        needs: &BTreeMap<Generation, BTreeSet<LayerName>>,
        generations: &mut [GenerationFindings],
        looked: &[Looked],
    ) -> Result<Vec<LayerName>, StoreError> {
        let mut bad: BTreeMap<LayerName, Vec<String>> = BTreeMap::new();
        let mut lifted = BTreeSet::new();
        for looked in looked {
            let found = &looked.findings;
            if !found.findings.is_empty() {
                bad.insert(found.layer.clone(), found.findings.clone());
            } else if self.layer_quarantine(&found.layer)?.is_some() {
                lifted.insert(found.layer.clone());
            }
        }
        {
            let _lock = self.lock_layers()?;
            self.mark_layers(&bad)?;
        }
        {
            let _lock = project::lock_project(project, id)?;
            for number in quarantine::marked(project)? {
                // One whose generation is gone.
                quarantine::change(project, number, |_| {})?;
            }
            for generation in generations.iter_mut() {
                let number = generation.generation;
                quarantine::change(project, number, |mark| {
                    mark.findings.clone_from(&generation.findings);
                    mark.layers = bad_layers(needs.get(&number), &bad);
                })?;
                generation.quarantined = quarantine::of_generation(project, number)?.is_some();
            }
        }
        if !bad.is_empty() {
            self.mark_other_projects(id, &bad)?;
        }
        self.lift(&lifted)?;
        Ok(lifted.into_iter().collect())
    }

    fn mark_other_projects(
        &self,
        but: &ProjectId,
        bad: &BTreeMap<LayerName, Vec<String>>,
    ) -> Result<(), StoreError> {
        for id in self.projects()?.into_iter().filter(|id| id != but) {
            let project = self.project_folder(&id)?;
            let _lock = project::lock_project(&project, &id)?;
            for number in generation::generations(&project)? {
                let needs = self.needs(&id, number);
                let layers = bad_layers(Some(&needs), bad);
                if !layers.is_empty() {
                    quarantine::change(&project, number, |mark| mark.layers.extend(layers))?;
                }
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

    fn who_needs(&self, layer: &LayerName) -> Result<Vec<Need>, StoreError> {
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
