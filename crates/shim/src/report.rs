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

    /// A name in the folder for what stdin brings, which so is never on disk. The name's end says what it
    /// is: bake looks at that.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn stdin_as(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::os::unix::fs::symlink("/proc/self/fd/0", &path)?;
        Ok(path)
    }

    /// The folder, for whatever else the build needs for a while.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Where buildx is to write it.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }
}
