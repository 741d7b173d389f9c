//! The folders that one data root is: dockerd's, and containerd's where that lies in a folder of its own.

use cachecore::dataroot::{Part, Seat};
use cachecore::layout::DOCKER;
use cachecore::record::Manifest;
use treeclone::TreeSize;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::layers::measure;

/// The open folders of one data root.
#[derive(Debug)]
pub(crate) struct Parts {
    docker: Handle,
    containerd: Option<Handle>,
}

impl Parts {
    /// A data root of these folders.
    pub(crate) fn new(docker: Handle, containerd: Option<Handle>) -> Self {
        Self { docker, containerd }
    }

    /// The data root in a session's folder; `None` where none has come into it.
    pub(crate) fn of_session(session: &Handle) -> Result<Option<Self>, StoreError> {
        let Some(docker) = session.folder_if_there(DOCKER)? else {
            return Ok(None);
        };
        let containerd = session.folder_if_there(Part::Containerd.name())?;
        Ok(Some(Self { docker, containerd }))
    }

    /// The data root in a generation's folder.
    pub(crate) fn of_generation(
        generation: &Handle,
        manifest: &Manifest,
    ) -> Result<Self, StoreError> {
        let containerd = manifest
            .containerd
            .then(|| generation.folder(Part::Containerd.name()));
        Ok(Self {
            docker: generation.folder(DOCKER)?,
            containerd: containerd.transpose()?,
        })
    }

    /// dockerd's folder, by which the data root is named.
    pub(crate) fn docker(&self) -> &Handle {
        &self.docker
    }

    /// containerd's folder.
    pub(crate) fn containerd(&self) -> Option<&Handle> {
        self.containerd.as_ref()
    }

    /// Each folder.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Part, &Handle)> {
        let containerd = self.containerd.iter();
        std::iter::once((Part::Docker, &self.docker))
            .chain(containerd.map(|folder| (Part::Containerd, folder)))
    }

    /// The folder that a layer's link lies in.
    pub(crate) fn seat(&self, seat: &Seat) -> Result<Handle, StoreError> {
        let path = seat.folder();
        let part = match seat.part() {
            Part::Docker => Some(&self.docker),
            Part::Containerd => self.containerd.as_ref(),
        };
        let folder = part.map(|part| part.descend(path.as_bytes())).transpose()?;
        folder.flatten().ok_or_else(|| StoreError::Unexpected {
            path: self.docker.path().join(seat.part().shown(&path)),
            expected: "there",
        })
    }

    /// Bytes and entries of all folders together.
    pub(crate) fn measure(&self) -> Result<TreeSize, StoreError> {
        let mut size = measure(&self.docker)?;
        if let Some(containerd) = &self.containerd {
            let more = measure(containerd)?;
            size.entries += more.entries;
            size.apparent += more.apparent;
            size.allocated += more.allocated;
        }
        Ok(size)
    }
}
