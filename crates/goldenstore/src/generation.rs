//! A project's generations, and which of them serves.
//!
//! A generation comes into being by one rename of a complete folder, and begins to serve when
//! `current` is swapped. Then the project's state is told, and last the record of the session that
//! it was made of is removed: a generation that still has it was promoted by a command that was
//! killed, and [`Store::roll_forward`] does what is left to do.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use cachecore::id::{Generation, ProjectId};
use cachecore::layout;
use cachecore::record::{Manifest, Origin};
use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::nonce;
use crate::project;
use crate::records;
use crate::store::Store;

/// How many volumes are listed at most.
const MAX_VOLUMES: usize = 100_000;

impl Store {
    /// A project's folder.
    pub(crate) fn project_folder(&self, project: &ProjectId) -> Result<Handle, StoreError> {
        self.golden
            .folder_if_there(project.as_str())?
            .ok_or_else(|| StoreError::UnknownProject {
                project: project.clone(),
            })
    }

    /// A project's folder, made where it is missing.
    pub(crate) fn make_project_folder(&self, project: &ProjectId) -> Result<Handle, StoreError> {
        match self.golden.make_folder(project.as_str(), 0o700) {
            Ok(()) | Err(Errno::EXIST) => self.project_folder(project),
            Err(e) => Err(StoreError::io(
                "make the folder",
                self.golden.path().join(project.as_str()),
                e,
            )),
        }
    }

    /// The generation that serves a project; `None` if it has no golden.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or cannot be read.
    pub fn current(&self, project: &ProjectId) -> Result<Option<Generation>, StoreError> {
        current(&self.project_folder(project)?)
    }

    /// What a generation is.
    ///
    /// # Errors
    /// [`StoreError::UnknownGeneration`] if it is not there; [`StoreError`] if its manifest cannot be
    /// used.
    pub fn manifest(
        &self,
        project: &ProjectId,
        generation: Generation,
    ) -> Result<Manifest, StoreError> {
        let folder = self.generation_folder(project, generation)?;
        read_manifest(&folder).or_else(|e| {
            // It may have gone meanwhile.
            self.generation_folder(project, generation)?;
            Err(e)
        })
    }

    /// What the generation is that serves a project; `None` if it has no golden. One that is
    /// superseded and removed during the look is none of it.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known, or its manifest cannot be used.
    pub fn serving(&self, project: &ProjectId) -> Result<Option<Manifest>, StoreError> {
        loop {
            let Some(serving) = self.current(project)? else {
                return Ok(None);
            };
            match self.manifest(project, serving) {
                Err(StoreError::UnknownGeneration { .. })
                    if self.current(project)? != Some(serving) => {}
                manifest => return manifest.map(Some),
            }
        }
    }

    /// The folder of a project's generation.
    fn generation_folder(
        &self,
        project: &ProjectId,
        generation: Generation,
    ) -> Result<Handle, StoreError> {
        self.project_folder(project)?
            .folder_if_there(generation.folder())?
            .ok_or_else(|| StoreError::UnknownGeneration {
                project: project.clone(),
                generation,
            })
    }

    /// A project's generations, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or cannot be read.
    pub fn generations(&self, project: &ProjectId) -> Result<Vec<Generation>, StoreError> {
        generations(&self.project_folder(project)?)
    }

    /// The names of a generation's volumes, made readable.
    ///
    /// # Errors
    /// [`StoreError::UnknownGeneration`] if the generation is not there; [`StoreError`] if it cannot be
    /// read.
    pub fn volumes(
        &self,
        project: &ProjectId,
        generation: Generation,
    ) -> Result<BTreeSet<String>, StoreError> {
        let folder = self.generation_folder(project, generation)?;
        let Some(volumes) = folder.descend(b"docker/volumes")? else {
            return Ok(BTreeSet::new());
        };
        let mut found = BTreeSet::new();
        for name in volumes.names(MAX_VOLUMES)? {
            if volumes.kind(&name)? == Some(FileType::Directory) {
                found.insert(name.as_bytes().escape_ascii().to_string());
            }
        }
        Ok(found)
    }

    /// Finishes a promotion that was cut short after its generation existed, and says what serves.
    /// The caller holds the project's lock.
    pub(crate) fn roll_forward(
        &self,
        id: &ProjectId,
        project: &Handle,
    ) -> Result<Option<Generation>, StoreError> {
        let newest = generations(project)?.pop();
        if let Some(newest) = newest
            && is_unfinished(project, newest)?
        {
            tracing::warn!(path = %project.path().display(), %newest, "finishing a promotion that was cut short");
            self.finish_promotion(id, project, newest)?;
        }
        Ok(newest)
    }

    /// The last steps of a promotion: the generation serves, the project's state says so, and the
    /// session that it was is forgotten. The caller holds the project's lock.
    pub(crate) fn finish_promotion(
        &self,
        id: &ProjectId,
        project: &Handle,
        generation: Generation,
    ) -> Result<(), StoreError> {
        if current(project)? != Some(generation) {
            serve(project, generation)?;
        }
        let manifest = self.manifest(id, generation)?;
        let how = match &manifest.origin {
            Origin::Import { path, .. } => format!("the data root {path}"),
            Origin::Session { session } => format!("session {session}"),
            Origin::Build { build, .. } => format!("build {build}"),
        };
        project::update_state(project, id, |state| {
            state.promoted(generation, &how, manifest.promoted_at);
        })?;
        let folder = project.folder(generation.folder())?;
        records::clear_asides(&folder)?;
        forget_session(&folder)
    }

    /// When a session was last started from a project's golden.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or cannot be read.
    pub fn last_used(&self, project: &ProjectId) -> Result<Option<jiff::Timestamp>, StoreError> {
        last_used(&self.project_folder(project)?)
    }
}

/// Notes that a session was started from a project's golden.
pub(crate) fn touch_last_used(project: &Handle) -> Result<(), StoreError> {
    let path = project.path().join(layout::LAST_USED);
    let failed = |e: std::io::Error| StoreError::io("write", &path, e);
    let file = crate::lock::open_file(&path)?;
    file.set_modified(SystemTime::now()).map_err(failed)
}

/// When a session was last started from the golden in this project's folder.
pub(crate) fn last_used(project: &Handle) -> Result<Option<jiff::Timestamp>, StoreError> {
    let stat = project.stat(layout::LAST_USED)?;
    Ok(stat.and_then(|stat| jiff::Timestamp::from_second(stat.st_mtime).ok()))
}

/// What the generation in this folder is.
pub(crate) fn read_manifest(generation: &Handle) -> Result<Manifest, StoreError> {
    records::read(generation, layout::MANIFEST)?.ok_or_else(|| StoreError::Unexpected {
        path: generation.path().join(layout::MANIFEST),
        expected: "there",
    })
}

/// The generation that `current` names.
pub(crate) fn current(project: &Handle) -> Result<Option<Generation>, StoreError> {
    if project.stat(layout::CURRENT)?.is_none() {
        return Ok(None);
    }
    let target = match project.link(layout::CURRENT) {
        Ok(target) => target,
        // The golden was removed meanwhile.
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    std::str::from_utf8(&target)
        .ok()
        .and_then(Generation::from_folder)
        .map(Some)
        .ok_or_else(|| StoreError::Unexpected {
            path: project.path().join(layout::CURRENT),
            expected: "a link to a generation",
        })
}

/// The complete generations, in order. A generation's folder appears whole or not at all.
pub(crate) fn generations(project: &Handle) -> Result<Vec<Generation>, StoreError> {
    let names = project.names(usize::MAX)?;
    let mut found: Vec<Generation> = names
        .iter()
        .filter_map(|name| Generation::from_folder(name.to_str()?))
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// Whether the promotion that made the newest generation has something left to do. One that was
/// removed since it was seen has not.
pub(crate) fn is_unfinished(project: &Handle, newest: Generation) -> Result<bool, StoreError> {
    let Some(folder) = project.folder_if_there(newest.folder())? else {
        return Ok(false);
    };
    Ok(current(project)? != Some(newest) || folder.stat(layout::SESSION_RECORD)?.is_some())
}

/// Makes `current` name a generation, in one step for every reader.
fn serve(project: &Handle, generation: Generation) -> Result<(), StoreError> {
    let aside = format!(".{}.{}", layout::CURRENT, nonce::fresh());
    let failed = |e: Errno| StoreError::io("swap", project.path().join(layout::CURRENT), e);
    project
        .make_link(&aside, Path::new(&generation.folder()))
        .map_err(failed)?;
    project
        .rename(
            &aside,
            project,
            OsStr::from_bytes(layout::CURRENT.as_bytes()),
            RenameFlags::empty(),
        )
        .map_err(failed)?;
    project.sync()
}

/// Removes the record of the session that a generation was made of.
fn forget_session(generation: &Handle) -> Result<(), StoreError> {
    let flags = rustix::fs::AtFlags::empty();
    match rustix::fs::unlinkat(generation, layout::SESSION_RECORD, flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(StoreError::io(
            "remove",
            generation.path().join(layout::SESSION_RECORD),
            e,
        )),
    }
}
