//! Data roots that are btrfs subvolumes.
//!
//! Such a data root has its layers inside, because nothing can be renamed out of a subvolume or
//! linked into one. It is cloned by a snapshot, which takes no time at any size, and generations and
//! sessions share blocks where others share layers. A golden's is read-only: the kernel refuses
//! whatever would change it.
//!
//! A folder that contains a subvolume can be renamed like any other, so sessions become generations
//! and rubbish as everywhere. Only deleting takes calls of its own: a session with root may have made
//! subvolumes inside its data root, read-only ones too, which no `unlink` and `rmdir` gets rid of.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use cachecore::dataroot::Part;
use cachecore::record::Form;
use cachecore::strategy::Filesystem;
use rustix::fs::{Mode, RenameFlags};
use rustix::io::Errno;
use treeclone::{CopyOptions, Observer};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::parts::Parts;
use crate::store::Store;

/// In the folder of a session that is being imported: the subvolume that a folder of its data root is
/// copied to.
fn becoming_whole(part: Part) -> String {
    format!("{}.whole", part.name())
}

impl Store {
    /// The form of new data roots.
    pub(crate) fn form(&self) -> Result<Form, StoreError> {
        Ok(match self.filesystem()? {
            Filesystem::Btrfs => Form::Whole,
            _ => Form::Layered,
        })
    }

    /// Removes a tree, and subvolumes in it wherever they lie. Gives how many entries it had; a
    /// subvolume counts as one.
    pub(crate) fn remove_tree(
        &self,
        parent: &Handle,
        name: &OsStr,
        observer: &dyn Observer,
    ) -> Result<u64, StoreError> {
        let mut entries = 0;
        // Where data roots are, which spares looking at every subvolume of the store.
        if self.form()? == Form::Whole
            && let Ok(Some(folder)) = parent.folder_if_there(name)
        {
            for part in Part::ALL {
                if let Ok(Some(root)) = folder.folder_if_there(part.name())
                    && is_subvolume(&root)?
                {
                    subvolume::destroy(folder.as_fd(), part.name().as_ref())
                        .map_err(|e| StoreError::io("destroy the subvolume", root.path(), e))?;
                    entries += 1;
                }
            }
        }
        let path = parent.path().join(name);
        let remove = || treeclone::remove_tree(parent.as_fd(), name, observer);
        let removed = match remove() {
            Err(treeclone::Error::Interrupted) => return Err(StoreError::Interrupted),
            Err(e) => match destroy_all(parent, name) {
                Ok(0) => Err(e),
                Ok(destroyed) => {
                    entries += destroyed;
                    remove()
                }
                Err(errno) => {
                    return Err(StoreError::io("destroy the subvolumes in", path, errno));
                }
            },
            done => done,
        };
        match removed {
            Ok(removed) => Ok(entries + removed.entries),
            Err(e) => Err(StoreError::tree(path, e)),
        }
    }

    /// Turns a folder of a session's data root into a subvolume, if it is a plain one, by a copy that
    /// shares its blocks. Killed anywhere it can be done again.
    pub(crate) fn make_whole(
        &self,
        session: &Handle,
        part: Part,
        observer: &dyn Observer,
    ) -> Result<(), StoreError> {
        let plain = session.folder(part.name())?;
        let aside = becoming_whole(part);
        // What an earlier run had copied, or what it had copied from.
        self.discard(session, &aside)?;
        if is_subvolume(&plain)? {
            return Ok(());
        }
        make_subvolume(session, &aside)?;
        let options = CopyOptions {
            into_existing: true,
            ..CopyOptions::default()
        };
        let whole = OsStr::new(&aside);
        let copied =
            treeclone::copy_tree(plain.as_fd(), session.as_fd(), whole, &options, observer)
                .map_err(|e| StoreError::tree(plain.path(), e));
        let swapped = copied.and_then(|_| {
            // Once swapped out, the old one may be deleted by whoever empties the trash.
            plain.sync_filesystem()?;
            session
                .rename(&aside, session, part.name(), RenameFlags::EXCHANGE)
                .map_err(|e| StoreError::io("swap", plain.path(), e))
        });
        self.discard(session, &aside)?;
        swapped
    }
}

/// How a data root lies on disk: both its folders are subvolumes, or neither is.
pub(crate) fn form_of(parts: &Parts) -> Result<Form, StoreError> {
    for (_, folder) in parts.each() {
        if !is_subvolume(folder)? {
            return Ok(Form::Layered);
        }
    }
    Ok(Form::Whole)
}

/// Whether a folder is a subvolume's root.
pub(crate) fn is_subvolume(folder: &Handle) -> Result<bool, StoreError> {
    subvolume::is_subvolume(folder).map_err(|e| StoreError::io("look at", folder.path(), e))
}

/// Makes a subvolume with the mode that dockerd gives to its data root.
pub(crate) fn make_subvolume(parent: &Handle, name: &str) -> Result<(), StoreError> {
    let path = parent.path().join(name);
    subvolume::create(parent.as_fd(), name.as_ref())
        .map_err(|e| StoreError::io("make the subvolume", &path, e))?;
    rustix::fs::fchmod(parent.folder(name)?, Mode::from_raw_mode(0o710))
        .map_err(|e| StoreError::io("set the mode of", path, e))
}

/// Makes the folder of this name in `parent` a snapshot.
pub(crate) fn snapshot(of: &Handle, parent: &Handle, name: &str) -> Result<(), Errno> {
    subvolume::snapshot(of.as_fd(), parent.as_fd(), name.as_ref())
}

/// Closes a subvolume to every change, or opens it again.
pub(crate) fn set_read_only(folder: &Handle, read_only: bool) -> Result<(), StoreError> {
    let set = subvolume::is_read_only(folder).and_then(|is| match is == read_only {
        true => Ok(()),
        false => subvolume::set_read_only(folder, read_only),
    });
    set.map_err(|e| StoreError::io("change the flags of", folder.path(), e))
}

/// Makes sure that no other subvolume lies in a data root: a snapshot would have an empty folder in
/// its place, and nothing can be renamed out of it.
pub(crate) fn refuse_nested(docker: &Handle) -> Result<(), StoreError> {
    match subvolume::find_inside(docker.as_fd()) {
        Ok(None) => Ok(()),
        Ok(Some(subvolume)) => Err(StoreError::NestedSubvolume {
            data_root: docker.path().to_owned(),
            subvolume,
        }),
        Err(e) => Err(StoreError::io("look for subvolumes in", docker.path(), e)),
    }
}

/// Destroys the subvolumes in what has this name, and itself if it is one.
fn destroy_all(parent: &Handle, name: &OsStr) -> Result<u64, Errno> {
    let Ok(Some(folder)) = parent.folder_if_there(name) else {
        return Ok(0);
    };
    let destroyed = subvolume::destroy_inside(folder.as_fd())?;
    if subvolume::is_subvolume(&folder)? {
        subvolume::destroy(parent.as_fd(), name)?;
        return Ok(destroyed + 1);
    }
    Ok(destroyed)
}
