//! Removal in two steps: a rename into `trash/`, which is instant and all or nothing, then the
//! deletion, which may take long and may be cut short at any point.

use std::ffi::OsStr;
use std::time::Duration;

use cachecore::layout;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::RenameFlags;
use rustix::io::Errno;
use treeclone::Observer;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::lock::{self, Lock, Mode};
use crate::nonce;
use crate::store::Store;

/// A folder on the store's filesystem that is rubbish from the start: whoever empties the trash after
/// its holder is gone removes it.
#[derive(Debug)]
pub struct Scratch {
    path: Utf8PathBuf,
    _lock: Lock,
}

impl Scratch {
    /// Where it lies.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }
}

impl Store {
    /// Makes a folder for work that nobody keeps. The trash is not emptied while it is held.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while somebody else empties the trash or has such a folder.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        let trash = Handle::open(self.trash.path())?;
        let lock = lock::lock(
            trash.into_file(),
            Mode::Exclusive,
            "the trash",
            lock::PATIENCE,
        )?;
        let name = nonce::fresh();
        self.trash
            .make_folder(&name, 0o700)
            .map_err(|e| StoreError::io("make the folder", self.trash.path().join(&name), e))?;
        Ok(Scratch {
            path: self.layout().root().join(layout::TRASH).join(name),
            _lock: lock,
        })
    }

    /// Moves what lies under a name into the trash, and gives its name there; `None` if nothing does.
    pub(crate) fn discard(
        &self,
        folder: &Handle,
        name: impl AsRef<OsStr>,
    ) -> Result<Option<String>, StoreError> {
        let aside = nonce::fresh();
        match folder.rename(&name, &self.trash, &aside, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(Some(aside)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(StoreError::io(
                "discard",
                folder.path().join(name.as_ref()),
                e,
            )),
        }
    }

    /// Deletes what lies in the trash. Whoever comes second leaves it to the first.
    ///
    /// # Errors
    /// [`StoreError`] if something cannot be deleted; it stays in the trash for the next time, and
    /// what else lies there is deleted all the same.
    pub fn empty_trash(&self, observer: &dyn Observer) -> Result<u64, StoreError> {
        let trash = Handle::open(self.trash.path())?;
        match lock::try_lock(trash.into_file(), Mode::Exclusive)? {
            Some(lock) => self.delete_all(&lock, observer),
            None => Ok(0),
        }
    }

    /// As [`Store::empty_trash`], but waits for whoever is at it.
    pub(crate) fn empty_trash_waiting(
        &self,
        patience: Duration,
        observer: &dyn Observer,
    ) -> Result<u64, StoreError> {
        let trash = Handle::open(self.trash.path())?;
        let lock = lock::lock(trash.into_file(), Mode::Exclusive, "the trash", patience)?;
        self.delete_all(&lock, observer)
    }

    fn delete_all(&self, _lock: &Lock, observer: &dyn Observer) -> Result<u64, StoreError> {
        let mut entries = 0;
        let mut failed = None;
        for name in self.trash.names(usize::MAX)? {
            match self.remove_tree(&self.trash, &name, observer) {
                Ok(removed) => entries += removed,
                Err(StoreError::Interrupted) => return Err(StoreError::Interrupted),
                Err(e) => {
                    failed.get_or_insert(e);
                }
            }
        }
        failed.map_or(Ok(entries), Err)
    }

    /// Empties the trash after work that is done: whatever stays in it does not undo that.
    pub(crate) fn sweep(&self, observer: &dyn Observer) {
        if let Err(e) = self.empty_trash(observer) {
            tracing::warn!(error = %e, "the trash is left for later");
        }
    }
}
