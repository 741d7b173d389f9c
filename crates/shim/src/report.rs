//! The file in which buildx says what it has built.

use std::path::PathBuf;

/// A folder of one build's own, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Report {
    folder: tempfile::TempDir,
}

impl Report {
    /// A place for a report. buildx writes another file beside it first, so that it needs a folder.
    ///
    /// # Errors
    /// If there is no room for it.
    pub(crate) fn new() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("docker-shim-").tempdir()?;
        Ok(Self { folder })
    }

    /// Where buildx is to write it.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }
}
