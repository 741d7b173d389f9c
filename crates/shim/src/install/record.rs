//! What was made besides links, noted beside them.

use std::io;
use std::path::{Path, PathBuf};

use cachecore::dockerconfig::Made;
use serde::{Deserialize, Serialize};

use crate::builder::read;

/// What the file beside the links says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Folders that were made for the links, outermost first.
    #[serde(default)]
    pub(super) folders: Vec<String>,
    /// What was made to have the folder listed by docker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) listing: Option<Made>,
}

impl Record {
    /// Where it is.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(".docker-shim.json")
    }

    /// That of a folder. Nothing was made if there is none. Folders that do not lead there are not the
    /// shim's.
    pub(super) fn of(folder: &Path) -> Self {
        let path = Self::path(folder);
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
        let mut record: Self = Some(path)
            .filter(|_| is_file)
            .and_then(|path| serde_json::from_slice(&read(&path)?).ok())
            .unwrap_or_default();
        record.folders.retain(|made| folder.starts_with(made));
        record
    }

    /// Writes it, or removes it if nothing was made.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let path = Self::path(folder);
        if *self == Self::default() {
            return match std::fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            };
        }
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        super::steps::replace(&path, &text, None)
    }
}
