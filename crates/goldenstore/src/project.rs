//! A project's state, and the locks around it.

use std::time::Duration;

use cachecore::id::ProjectId;
use cachecore::layout;
use cachecore::record::ProjectState;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::lock::{self, Lock, Mode};
use crate::records;
use crate::store::Store;

/// How long to wait for a build's lock: whoever collects takes it for an instant.
const GLANCE: Duration = Duration::from_millis(300);

/// The right to run a golden build of a project, held until this is dropped.
#[derive(Debug)]
pub struct BuildRight {
    _lock: Lock,
}

impl Store {
    /// A project's state.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or its state cannot be used.
    pub fn project_state(&self, project: &ProjectId) -> Result<ProjectState, StoreError> {
        read_state(&self.project_folder(project)?, project)
    }

    /// Changes a project's state, one change at a time. Makes the project where it is not known yet.
    ///
    /// # Errors
    /// [`StoreError`] if the state cannot be read or written, or is busy for too long.
    pub fn update_project(
        &self,
        project: &ProjectId,
        change: impl FnOnce(&mut ProjectState),
    ) -> Result<ProjectState, StoreError> {
        let folder = self.make_project_folder(project)?;
        let _lock = lock_project(&folder, project)?;
        update_state(&folder, project, change)
    }

    /// Takes the right to build a project's golden. Makes the project where it is not known yet.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if a build runs.
    pub fn begin_build(&self, project: &ProjectId) -> Result<BuildRight, StoreError> {
        let folder = self.make_project_folder(project)?;
        lock_build(&folder, project).map(|held| BuildRight { _lock: held })
    }

    /// Whether a golden build of a project runs right now.
    pub(crate) fn builds_now(&self, folder: &Handle) -> Result<bool, StoreError> {
        let path = folder.path().join(layout::BUILD_LOCK);
        if folder.stat(layout::BUILD_LOCK)?.is_none() {
            return Ok(false);
        }
        Ok(lock::try_lock(lock::open_file(&path)?, Mode::Shared)?.is_none())
    }
}

/// Excludes golden builds of a project.
pub(crate) fn lock_build(folder: &Handle, project: &ProjectId) -> Result<Lock, StoreError> {
    lock::lock(
        lock::open_file(&folder.path().join(layout::BUILD_LOCK))?,
        Mode::Exclusive,
        &format!("the golden build of project {project}"),
        GLANCE,
    )
}

/// Takes a project's lock at once or hardly later: for whoever has all others wait meanwhile.
pub(crate) fn lock_project_at_once(
    folder: &Handle,
    project: &ProjectId,
) -> Result<Lock, StoreError> {
    lock_project_within(folder, project, GLANCE)
}

pub(crate) fn lock_project(folder: &Handle, project: &ProjectId) -> Result<Lock, StoreError> {
    lock_project_within(folder, project, lock::PATIENCE)
}

fn lock_project_within(
    folder: &Handle,
    project: &ProjectId,
    patience: Duration,
) -> Result<Lock, StoreError> {
    let file = lock::open_file(&folder.path().join(layout::LOCK))?;
    lock::lock(
        file,
        Mode::Exclusive,
        &format!("project {project}"),
        patience,
    )
}

pub(crate) fn read_state(folder: &Handle, project: &ProjectId) -> Result<ProjectState, StoreError> {
    Ok(records::read(folder, layout::PROJECT_STATE)?
        .unwrap_or_else(|| ProjectState::new(project.clone())))
}

/// Changes the state. The caller holds the project's lock.
pub(crate) fn update_state(
    folder: &Handle,
    project: &ProjectId,
    change: impl FnOnce(&mut ProjectState),
) -> Result<ProjectState, StoreError> {
    let mut state = read_state(folder, project)?;
    change(&mut state);
    records::write(folder, layout::PROJECT_STATE, &state)?;
    Ok(state)
}
