//! What a store holds, as far as it is the same whenever it was made.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Every path of a store with what lies there. Records tell times, so of them only the names count.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture(BTreeMap<PathBuf, String>);

impl Picture {
    pub(crate) fn of(root: &Path) -> Self {
        let entries = WalkDir::new(root).into_iter().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path();
            let meta = path.symlink_metadata().unwrap();
            let what = if meta.is_dir() {
                "folder".to_owned()
            } else if meta.is_symlink() {
                let target = std::fs::read_link(path).unwrap();
                format!("link to {}", target.display())
            } else if !meta.is_file() {
                format!("{:?}", meta.file_type())
            } else if path.extension().is_some_and(|e| e == "json") && !in_data_root(path) {
                "record".to_owned()
            } else {
                let content = std::fs::read(path).unwrap();
                format!("file {}", content.escape_ascii())
            };
            (path.strip_prefix(root).unwrap().to_owned(), what)
        });
        let tells = |(path, _): &(PathBuf, String)| !is_note(path) && !is_build(path);
        Self(entries.filter(tells).collect())
    }

    /// The first path that is not the same in both.
    pub(crate) fn first_difference(&self, other: &Self) -> Option<String> {
        let paths = self.0.keys().chain(other.0.keys());
        let path = paths.filter(|p| self.0.get(*p) != other.0.get(*p)).min()?;
        let side = |picture: &Self| match picture.0.get(path) {
            Some(what) => what.chars().take(200).collect(),
            None => "nothing".to_owned(),
        };
        Some(format!(
            "{}: {} where {} belongs",
            path.display(),
            side(self),
            side(other)
        ))
    }
}

/// Files that say something by being there, or by their times: locks and the last use.
fn is_note(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    matches!(name, b"lock" | b"build.lock" | b"last-used")
}

/// What is kept of a build: no two have the same name.
fn is_build(path: &Path) -> bool {
    path.iter().rev().skip(1).any(|part| part == "builds")
}

fn in_data_root(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "docker")
}
