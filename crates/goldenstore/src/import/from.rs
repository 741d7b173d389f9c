use cachecore::dataroot::Part;
use cachecore::record::{Purpose, SessionRecord};
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::parts::Parts;
use crate::subvolumes;

/// Where the folders of a data root lie before they come in.
pub(super) struct From {
    pub(super) docker: Utf8PathBuf,
    pub(super) containerd: Option<Utf8PathBuf>,
}

impl From {
    pub(super) fn each(&self) -> impl Iterator<Item = (Part, &Utf8Path)> {
        let containerd = self.containerd.iter();
        std::iter::once((Part::Docker, self.docker.as_path()))
            .chain(containerd.map(|path| (Part::Containerd, path.as_path())))
    }

    pub(super) fn open(&self) -> Result<Parts, StoreError> {
        let containerd = self.containerd.as_ref();
        Ok(Parts::new(
            Handle::open(self.docker.as_std_path())?,
            containerd
                .map(|path| Handle::open(path.as_std_path()))
                .transpose()?,
        ))
    }

    pub(super) fn refuse_nested(&self) -> Result<(), StoreError> {
        match &self.containerd {
            Some(containerd)
                if containerd.starts_with(&self.docker) || self.docker.starts_with(containerd) =>
            {
                Err(StoreError::NotBeside {
                    containerd: containerd.into(),
                    data_root: self.docker.clone().into(),
                })
            }
            _ => Ok(()),
        }
    }

    /// An import that was cut short is finished with the folders that it was begun with.
    pub(super) fn refuse_another(&self, begun: &SessionRecord) -> Result<(), StoreError> {
        match &begun.purpose {
            Purpose::Import { containerd, .. } if *containerd != self.containerd => {
                Err(StoreError::NotPromotable {
                    session: begun.session.clone(),
                    because: match containerd {
                        Some(path) => {
                            format!(
                                "the import of this data root was begun with --containerd {path}"
                            )
                        }
                        None => {
                            "the import of this data root was begun without --containerd, and not \
                                 finished"
                                .to_owned()
                        }
                    },
                })
            }
            _ => Ok(()),
        }
    }

    /// Puts back what has come into a session, where nothing has taken its place.
    pub(super) fn take_back(&self, session: &Handle) {
        for (part, path) in self.each() {
            let Some((parent, name)) = path.parent().zip(path.file_name()) else {
                continue;
            };
            let back = Handle::open(parent.as_std_path())
                .map(|parent| session.rename(part.name(), &parent, name, RenameFlags::NOREPLACE));
            match back {
                Ok(Ok(()) | Err(Errno::NOENT)) => {}
                Ok(Err(error)) => tracing::warn!(%path, %error, "it stays in the import's session"),
                Err(error) => tracing::warn!(%path, %error, "it stays in the import's session"),
            }
        }
    }
}

/// The path without symlinks on the way. The data root itself must not be one; it may be gone, if an
/// earlier run moved it.
pub(super) fn absolute(from: &Utf8Path) -> Result<Utf8PathBuf, StoreError> {
    let absolute = camino::absolute_utf8(from).map_err(|e| StoreError::io("find", from, e))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(StoreError::Unexpected {
            path: from.into(),
            expected: "a folder to import",
        });
    };
    let parent = parent
        .canonicalize_utf8()
        .map_err(|e| StoreError::io("open", parent, e))?;
    Ok(parent.join(name))
}

pub(super) fn move_in(
    from: &Utf8Path,
    source: &Handle,
    session: &Handle,
    part: Part,
) -> Result<(), StoreError> {
    let cannot = |because| StoreError::CannotMove {
        path: from.into(),
        because,
    };
    let Some((parent, name)) = from.parent().zip(from.file_name()) else {
        return Err(cannot("it is the root of the filesystem"));
    };
    let parent = Handle::open(parent.as_std_path())?;
    let mut moved = parent.rename(name, session, part.name(), RenameFlags::NOREPLACE);
    if moved == Err(Errno::ROFS) && subvolumes::is_subvolume(source)? {
        // A received subvolume, say: none that is read-only can be moved to another folder.
        subvolumes::set_read_only(source, false)?;
        moved = parent.rename(name, session, part.name(), RenameFlags::NOREPLACE);
        if moved.is_err() {
            subvolumes::set_read_only(source, true)?;
        }
    }
    match moved {
        Ok(()) => session.sync(),
        Err(Errno::XDEV) => Err(cannot("it lies on another filesystem than the store")),
        Err(Errno::BUSY) => Err(cannot("it is a mount point")),
        Err(e) => Err(StoreError::io("move", from, e)),
    }
}
