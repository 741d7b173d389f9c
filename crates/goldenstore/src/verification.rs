//! Verification: whether goldens are still what they were when they were promoted.
//!
//! | looked at | how | full |
//! |---|---|---|
//! | `current`, manifests | readable, and of each other | |
//! | a generation's data root | `cachecore`'s survey: links exactly into `layers/`, nothing broken | |
//! | each layer | there, and with as many names and bytes as its manifest says | |
//! | each layer's contents | against its diff id ([`contents`]), blobs against their digests | yes |
//!
//! What is found puts the layer and each generation that needs it in quarantine ([`crate::quarantine`]);
//! a full verification that finds nothing lifts it ([`marks`]).

mod archive;
pub(crate) mod contents;
mod crew;
pub(crate) mod description;
mod layer;
mod marks;
mod newcomers;
mod report;
mod sources;
mod structure;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use cachecore::id::{Generation, LayerName, ProjectId};
use cachecore::layout;
use treeclone::Observer;

use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::project;
use crate::store::Store;
use layer::Subject;
pub use report::{
    Depth, GenerationFindings, LayerFindings, Need, Obstacle, Unmarked, VerifyOptions, VerifyReport,
};

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
        let mut shared: BTreeMap<LayerName, Subject> = BTreeMap::new();
        let mut subjects = Vec::new();
        let mut needs: BTreeMap<Generation, BTreeSet<LayerName>> = BTreeMap::new();
        for number in numbers {
            let seen = self.look_at_generation(id, &project, number, options, &in_store)?;
            generations.push(GenerationFindings {
                generation: number,
                current: current == Some(number),
                layers: (seen.layers.len() + seen.inside.len()) as u64,
                layers_damaged: 0,
                findings: seen.findings,
                quarantined: false,
            });
            for (layer, (contents, by)) in seen.layers {
                needs.entry(number).or_default().insert(layer.clone());
                let subject = shared.entry(layer.clone()).or_insert(Subject {
                    layer,
                    inside: None,
                    contents: None,
                    described: Vec::new(),
                });
                subject.contents = contents.or(subject.contents);
                subject.described.extend(by.map(|by| (number, by)));
            }
            subjects.extend(seen.inside.into_iter().map(|(layer, seat, by)| Subject {
                layer,
                inside: Some((number, seat)),
                contents: None,
                described: by.map(|by| (number, by)).into_iter().collect(),
            }));
        }
        subjects.extend(shared.into_values());
        subjects.sort_by(|a, b| a.layer.cmp(&b.layer));
        let looked = crew::each(&subjects, observer, |subject, observer| {
            self.look_at_layer(&project, subject, options, &in_store, observer)
        })?;
        for looked in &looked {
            let found = &looked.findings;
            for generation in &mut generations {
                let number = generation.generation;
                let of_its_own = looked.bad.iter().filter(|(of, _)| *of == number);
                generation
                    .findings
                    .extend(of_its_own.map(|(_, what)| what.clone()));
                let inside = found.inside == Some(number);
                let needed = found.inside.is_none()
                    && needs
                        .get(&number)
                        .is_some_and(|needs| needs.contains(&found.layer));
                if !found.findings.is_empty() && (inside || needed) {
                    generation.layers_damaged += 1;
                }
                if inside {
                    let findings = found.findings.iter();
                    generation
                        .findings
                        .extend(findings.map(|what| format!("layer {}: {what}", found.layer)));
                }
            }
        }
        let (lifted, unmarked) = self.mark(id, &project, &needs, &mut generations, &looked);
        let mut layers: Vec<LayerFindings> = Vec::new();
        for looked in looked {
            let mut found = looked.findings;
            match found.inside {
                _ if found.findings.is_empty() => {}
                Some(generation) => found.needed_by.push(Need {
                    project: id.clone(),
                    generation,
                }),
                None => found.needed_by = self.who_needs(&found.layer)?,
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
            unmarked,
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
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
