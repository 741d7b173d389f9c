use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::layers::measure;

/// What things take on disk, each measured once. Measuring takes a walk through a tree, so it is
/// done before the store is locked, and what has come since counts nothing.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    known: HashMap<PathBuf, u64>,
    closed: bool,
}

impl Sizes {
    /// From now on only what is known is told.
    pub(super) fn close(mut self) -> Self {
        self.closed = true;
        self
    }

    /// Bytes on disk of what lies under a name. What changes while it is measured is tried again,
    /// and then taken for `otherwise`.
    pub(super) fn of(&mut self, folder: &Handle, name: &OsStr, otherwise: u64) -> u64 {
        const ATTEMPTS: usize = 3;
        let path = folder.path().join(name);
        if let Some(bytes) = self.known.get(&path) {
            return *bytes;
        }
        if self.closed {
            return otherwise;
        }
        let bytes = (0..ATTEMPTS)
            .find_map(|_| allocated(folder, name).ok())
            .unwrap_or(otherwise);
        self.known.insert(path, bytes);
        bytes
    }
}

fn allocated(folder: &Handle, name: &OsStr) -> Result<u64, StoreError> {
    match folder.folder_if_there(name) {
        Ok(Some(tree)) => Ok(measure(&tree)?.allocated),
        Ok(None) => Ok(0),
        Err(StoreError::Unexpected { .. }) => {
            let stat = folder.stat(name)?;
            // `st_blocks` counts in units of 512 bytes, whatever the filesystem's are (stat(2)).
            Ok(stat.map_or(0, |stat| stat.st_blocks.unsigned_abs() * 512))
        }
        Err(e) => Err(e),
    }
}
