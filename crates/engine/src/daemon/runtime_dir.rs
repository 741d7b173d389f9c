//! The folder that a daemon has while it runs.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;

use camino::{Utf8Path, Utf8PathBuf};

/// A folder that nobody else can look into, removed at the end.
#[derive(Debug)]
pub(super) struct RuntimeDir {
    path: Utf8PathBuf,
    removed: bool,
}

impl RuntimeDir {
    /// Creates the folder. It must not be there yet: it might be another daemon's.
    pub(super) fn create(path: &Utf8Path) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(path)?;
        Ok(Self {
            path: path.to_owned(),
            removed: false,
        })
    }

    /// Removes the folder with all that is in it, without following links.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        if self.removed {
            return Ok(());
        }
        std::fs::remove_dir_all(&self.path)?;
        self.removed = true;
        Ok(())
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(path = %self.path, %error, "cannot remove the runtime folder");
        }
    }
}
