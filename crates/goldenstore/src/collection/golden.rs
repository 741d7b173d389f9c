use std::collections::BTreeSet;

use cachecore::collection::{self, CollectionPlan, Item, Policy, Unjudged};
use cachecore::id::{Generation, ProjectId};
use cachecore::layout;
use jiff::Timestamp;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use serde::Serialize;
use treeclone::Observer;

use super::facts::Gathering;
use crate::error::StoreError;
use crate::generation;
use crate::project;
use crate::quarantine;
use crate::store::Store;

/// What the removal of a golden did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoldenRemoval {
    /// Whose golden.
    pub project: ProjectId,
    /// The generations that are gone.
    pub generations: Vec<Generation>,
    /// How many layers went with them, because nothing else links to them.
    pub layers: u64,
    /// Bytes on disk that were returned, what lay about unneeded included.
    pub bytes: u64,
    /// What could not be removed, with the reason; the next collection tries again.
    pub failed: Vec<Unjudged>,
}

impl Store {
    /// Removes a project's golden: all its generations, and the layers that nobody else needs. The
    /// project stays known, and its status is none.
    ///
    /// # Errors
    /// [`StoreError::GoldenInUse`] if a session was cloned from it or a build runs; [`StoreError`]
    /// if the project is not known or has no golden, or the store is busy for too long.
    pub fn remove_golden(
        &self,
        project: &ProjectId,
        observer: &dyn Observer,
    ) -> Result<GoldenRemoval, StoreError> {
        self.remove_generations(project, None, observer)
    }

    /// Removes one superseded generation of a project, and the layers that nobody else needs.
    ///
    /// # Errors
    /// As [`Store::remove_golden`], and [`StoreError::NotSuperseded`] if there is no such generation,
    /// or it serves.
    pub fn remove_generation(
        &self,
        project: &ProjectId,
        generation: Generation,
        observer: &dyn Observer,
    ) -> Result<GoldenRemoval, StoreError> {
        self.remove_generations(project, Some(generation), observer)
    }

    fn remove_generations(
        &self,
        project: &ProjectId,
        only: Option<Generation>,
        observer: &dyn Observer,
    ) -> Result<GoldenRemoval, StoreError> {
        self.project_folder(project)?;
        // A session whose command was killed leases nothing.
        self.discard_orphans()?;
        self.recover_projects()?;
        let policy = Policy::default();
        let mut first = Gathering::new(&policy, observer);
        first.gather(self)?;
        let (plan, failed) = {
            let _exclusive = self.exclude()?;
            let unrecovered = self.recover_projects()?;
            let there = generation::generations(&self.project_folder(project)?)?;
            let Some(serving) = there.last() else {
                return Err(StoreError::NoGolden {
                    project: project.clone(),
                });
            };
            let refuse = |generation, because| StoreError::NotSuperseded {
                project: project.clone(),
                generation,
                because,
            };
            let chosen: BTreeSet<Generation> = match only {
                None => there.iter().copied().collect(),
                Some(one) if one == *serving => return Err(refuse(one, "serves")),
                Some(one) if !there.contains(&one) => return Err(refuse(one, "is not there")),
                Some(one) => [one].into(),
            };
            let facts = first.again().after_recovery(unrecovered).gather(self)?;
            let plan = collection::plan_removal(&facts, project, &chosen).map_err(|because| {
                StoreError::GoldenInUse {
                    project: project.clone(),
                    because,
                }
            })?;
            let failed = self.carry_out(&plan, observer)?;
            (plan, failed)
        };
        self.sweep(observer);
        Ok(report(project, &plan, failed))
    }

    /// Removes generations of a project, the serving one last. The caller has the store to itself.
    ///
    /// Killed before `current` goes, the golden serves on; before the newest generation goes, the
    /// next command lets it serve again; after that, it gives the project its status.
    pub(super) fn retire(
        &self,
        project: &ProjectId,
        generations: &[Generation],
        why: &str,
    ) -> Result<(), StoreError> {
        let folder = self.project_folder(project)?;
        let _build = project::lock_build(&folder, project)?;
        let _lock = project::lock_project_at_once(&folder, project)?;
        let Some((serving, superseded)) = generations.split_last() else {
            return Ok(());
        };
        for generation in superseded {
            self.discard(&folder, generation.folder())?;
        }
        match rustix::fs::unlinkat(&folder, layout::CURRENT, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => {
                let current = folder.path().join(layout::CURRENT);
                return Err(StoreError::io("remove", current, e));
            }
        }
        self.discard(&folder, serving.folder())?;
        quarantine::clear_stale(&folder)?;
        folder.sync()?;
        let why = format!("{why}, {}", Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"));
        project::update_state(&folder, project, |state| state.lost_golden(&why))?;
        Ok(())
    }
}

fn report(project: &ProjectId, plan: &CollectionPlan, failed: Vec<Unjudged>) -> GoldenRemoval {
    let mut report = GoldenRemoval {
        project: project.clone(),
        generations: Vec::new(),
        layers: 0,
        bytes: plan.bytes(),
        failed,
    };
    for removal in &plan.removals {
        match &removal.item {
            Item::Generation { generation, .. } => report.generations.push(*generation),
            Item::Golden { generations, .. } => report.generations.extend(generations),
            Item::Layer { .. } => report.layers += 1,
            _ => {}
        }
    }
    report
}
