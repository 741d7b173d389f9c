//! What is remembered of all images, and what of it is not worth it any more.

use std::time::SystemTime;

use camino::Utf8Path;
use jiff::Timestamp;

use super::{Failed, State, read};

/// More entries of a folder than these are not looked at.
const MOST: usize = 100_000;

/// Something that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The kind: the folder in which it is.
    pub(crate) kind: &'static str,
    /// Its name there: that of an image, or of a folder of scripts.
    pub(crate) name: String,
    /// When it was written or used last.
    pub(crate) when: Timestamp,
}

impl State {
    /// The failures that are remembered of a daemon, with the images that could not be built.
    pub fn failures(&self, daemon: &str) -> Vec<(String, Failed)> {
        let mut all: Vec<(String, Failed)> = self
            .names("failures")
            .into_iter()
            .filter_map(|(name, _)| {
                let failed = self.failure(&name, daemon)?;
                Some((name, failed))
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// The names of images that builds have left something of, or that are being built.
    pub(crate) fn builds(&self) -> Vec<String> {
        let names = self.names("builds").into_iter();
        names.map(|(name, _)| name).collect()
    }

    /// What is remembered of images, and the folders of scripts.
    pub(crate) fn remembered(&self) -> Vec<Remembered> {
        let kinds = ["used", "logs", "failures", "locks", "startup"];
        let all = kinds.into_iter().flat_map(|kind| {
            let names = self.names(kind).into_iter();
            names.map(move |(name, when)| Remembered { kind, name, when })
        });
        all.collect()
    }

    /// The image that a running build is built on.
    pub(crate) fn built_on(&self, name: &str) -> Option<String> {
        let text = read(&self.folder().join("builds").join(name).join("Dockerfile"))?;
        let text = String::from_utf8(text).ok()?;
        Some(
            text.lines()
                .find_map(|line| line.strip_prefix("FROM "))?
                .to_owned(),
        )
    }

    /// Removes something that is remembered.
    pub(crate) fn drop(&self, what: &Remembered) -> std::io::Result<()> {
        let path = self.folder().join(what.kind).join(&what.name);
        match what.kind {
            "startup" => std::fs::remove_dir_all(path),
            // Whoever holds a lock finds out whether its file is still there.
            "locks" => match self.try_lock(&what.name) {
                Ok(Some(_held)) => std::fs::remove_file(path),
                _ => Ok(()),
            },
            _ => std::fs::remove_file(path),
        }
    }

    /// The names in a folder, with the times of their last change.
    fn names(&self, kind: &str) -> Vec<(String, Timestamp)> {
        named(&self.folder().join(kind))
    }
}

fn named(folder: &Utf8Path) -> Vec<(String, Timestamp)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let entries = entries.take(MOST).filter_map(|entry| {
        let entry = entry.ok()?;
        let when = entry.metadata().ok()?.modified().ok()?;
        Some((entry.file_name().into_string().ok()?, timestamp(when)))
    });
    entries.collect()
}

/// A time of the system's, to the second.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MIN)
}
