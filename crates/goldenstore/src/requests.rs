//! Requests for golden builds, and the right to build that answers them.
//!
//! A request that is recorded while a builder is about to end must not be lost between the two. So
//! both decide under the project's lock: the builder gives its right back only in the moment in which
//! it sees that no request waits, and whoever records one sees in that moment whether somebody has the
//! right, and so will see it. Only a builder that is killed, or cannot get at the state, leaves a
//! request that nobody builds; the next command that asks is told so.

use cachecore::id::ProjectId;
use cachecore::record::ProjectState;
use cachecore::trigger::{Golden, Taken};

use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::project::{self, BuildRight};
use crate::store::Store;

/// What became of a change of a project's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<T> {
    /// What the change gave.
    pub answer: T,
    /// The state that it left.
    pub state: ProjectState,
    /// Whether a request waits and nobody builds: a builder has to be started.
    pub needs_builder: bool,
}

impl Store {
    /// Makes a project known, if it is not.
    ///
    /// # Errors
    /// [`StoreError`] if its folder cannot be made.
    pub fn add_project(&self, project: &ProjectId) -> Result<(), StoreError> {
        self.make_project_folder(project).map(drop)
    }

    /// Changes a project's requests, with its golden for comparison.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known, or its state cannot be read or written or is busy
    /// for too long. Then nothing has changed.
    pub fn ask<T>(
        &self,
        id: &ProjectId,
        change: impl FnOnce(&mut ProjectState, Option<Golden>) -> T,
    ) -> Result<Asked<T>, StoreError> {
        let folder = self.project_folder(id)?;
        let _lock = project::lock_project(&folder, id)?;
        let golden = self.golden(id, &folder)?;
        let before = project::read_state(&folder, id)?;
        let mut state = before.clone();
        let answer = change(&mut state, golden);
        if state != before {
            project::write_state(&folder, &state)?;
        }
        let needs_builder = state.pending.is_some() && !self.builds_now(&folder)?;
        Ok(Asked {
            answer,
            state,
            needs_builder,
        })
    }

    /// Lets the holder of the right to build decide what to do next. If that is nothing, the right is
    /// given back before anybody can ask for more.
    ///
    /// # Errors
    /// [`StoreError`] if the state cannot be read or written. Then the right is gone, and a request
    /// that waits waits on.
    pub fn take_request(
        &self,
        right: BuildRight,
        id: &ProjectId,
        decide: impl FnOnce(&mut ProjectState, Option<Golden>) -> Taken,
    ) -> Result<(Taken, Option<BuildRight>), StoreError> {
        let folder = self.project_folder(id)?;
        let _lock = project::lock_project(&folder, id)?;
        if project::read_state(&folder, id)?.building.is_some() {
            // The holder's own last build could not note how it ended.
            let serving = self.roll_forward(id, &folder)?;
            self.note_dead_build(id, &folder, serving)?;
        }
        let golden = self.golden(id, &folder)?;
        let before = project::read_state(&folder, id)?;
        let mut state = before.clone();
        let taken = decide(&mut state, golden);
        if state != before {
            project::write_state(&folder, &state)?;
        }
        if taken == Taken::Nothing {
            drop(right);
            return Ok((taken, None));
        }
        Ok((taken, Some(right)))
    }

    /// Gives the right to build back, and says whether a request waits: then a builder has to be
    /// started.
    ///
    /// # Errors
    /// [`StoreError`] if the state cannot be read; the right is gone all the same.
    pub fn give_back(&self, right: BuildRight, id: &ProjectId) -> Result<bool, StoreError> {
        let folder = self.project_folder(id)?;
        let _lock = project::lock_project(&folder, id)?;
        let waits = project::read_state(&folder, id)?.pending.is_some();
        drop(right);
        Ok(waits)
    }

    /// Whether somebody has the right to build a project's golden at this moment: a build runs, or has
    /// just ended.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or cannot be read.
    pub fn is_building(&self, id: &ProjectId) -> Result<bool, StoreError> {
        self.builds_now(&self.project_folder(id)?)
    }

    fn golden(&self, id: &ProjectId, folder: &Handle) -> Result<Option<Golden>, StoreError> {
        let Some(serving) = generation::current(folder)? else {
            return Ok(None);
        };
        match self.manifest(id, serving) {
            Ok(manifest) => Ok(Some(Golden::from(&manifest))),
            Err(error) => {
                // It only costs a build that might not have been needed.
                tracing::warn!(project = %id, %error, "the golden cannot be compared with");
                Ok(None)
            }
        }
    }
}
