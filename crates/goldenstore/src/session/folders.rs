use cachecore::dataroot::{Kind, Part};
use cachecore::id::SessionId;
use cachecore::record::Form;
use cachecore::strategy::Strategy;
use camino::Utf8PathBuf;
use serde::Serialize;

use super::StartRequest;
use super::start::Golden;
use crate::error::StoreError;
use crate::handle::Handle;
use crate::store::Store;
use crate::subvolumes::{is_subvolume, make_subvolume};

/// A mount that the session needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountSpec {
    /// Path on the host.
    pub source: Utf8PathBuf,
    /// Path in the session.
    pub target: Utf8PathBuf,
    /// Whether the session must not be able to write to it.
    pub read_only: bool,
}

impl Store {
    /// Makes an empty folder of a data root, in the form that its other folder has.
    pub(super) fn make_empty(&self, session: &Handle, part: Part) -> Result<(), StoreError> {
        let whole = match session.folder_if_there(Part::Docker.name())? {
            Some(docker) => is_subvolume(&docker)?,
            None => self.form()? == Form::Whole,
        };
        if whole {
            return make_subvolume(session, part.name());
        }
        // The mode that dockerd and containerd give to theirs.
        let path = session.path().join(part.name());
        session
            .make_folder(part.name(), 0o710)
            .map_err(|e| StoreError::io("make", path, e))
    }

    /// Whether the session has a folder for a containerd of its own: because its golden has one, or
    /// the golden that it does without, or because it was asked for.
    pub(super) fn wants_containerd(
        &self,
        request: &StartRequest,
        golden: Option<&Golden>,
    ) -> Result<bool, StoreError> {
        if let Some(golden) = golden {
            let manifest = &golden.manifest;
            if request.containerd
                && !manifest.containerd
                && matches!(manifest.kind, Kind::Containerd(_))
            {
                return Err(StoreError::ImagesInside {
                    project: request.project.clone(),
                });
            }
            return Ok(manifest.containerd || request.containerd);
        }
        let serving = match self.serving(&request.project) {
            _ if !request.fresh || request.containerd => None,
            Ok(serving) => serving,
            // What cannot be read is no reason not to do without it.
            Err(_) => None,
        };
        Ok(request.containerd || serving.is_some_and(|manifest| manifest.containerd))
    }

    /// What to mount into a session.
    pub(super) fn mounts(
        &self,
        session: &SessionId,
        strategy: Strategy,
        containerd: bool,
    ) -> Vec<MountSpec> {
        let parts = Part::ALL
            .into_iter()
            .filter(|part| containerd || *part != Part::Containerd);
        let mut mounts: Vec<_> = parts
            .map(|part| MountSpec {
                source: self.layout().session_part(session, part),
                target: part.target().into(),
                read_only: false,
            })
            .collect();
        if strategy == Strategy::Link {
            let layers = self.layout().layers();
            mounts.push(MountSpec {
                source: layers.clone(),
                target: layers,
                read_only: true,
            });
        }
        mounts
    }
}
