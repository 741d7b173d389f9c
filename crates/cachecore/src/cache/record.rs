//! The record of a key: its exports, and which of them stay when there is a new one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::BlobId;
use crate::record::{FORMAT, Other};

/// How many exports of a key are kept. Each is asked for by every build of the key, which takes about
/// 20 ms each.
pub const KEPT: usize = 10;

/// How many bytes of a line's name are kept.
const LONGEST_LINE: usize = 200;

/// One export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its manifest.
    pub manifest: BlobId,
    /// The name of its steps ([`steps`](super::steps)).
    pub steps: BlobId,
    /// Which line of work it belongs to: a branch, or else a folder of a host.
    pub line: String,
    /// When it was published first.
    pub published: Timestamp,
    /// When a build had the same steps last.
    pub used: Timestamp,
    /// How many builds had it, the first included.
    pub builds: u64,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

/// `keys/<key>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Format of this record.
    pub format: u32,
    /// The exports, last used first.
    pub exports: Vec<Export>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

impl Default for KeyRecord {
    fn default() -> Self {
        Self {
            format: FORMAT,
            exports: Vec::new(),
            other: Other::new(),
        }
    }
}

impl KeyRecord {
    /// Adds an export of a line of work, in the place of one with the same steps, and lets go of the oldest
    /// if there are too many. The last one of a line stays as long as there are others: who builds often
    /// does not drive out who builds rarely.
    pub fn add(&mut self, manifest: &BlobId, steps: &BlobId, line: &str, now: Timestamp) {
        let line: String = line.chars().take(LONGEST_LINE).collect();
        let known = self.exports.iter().position(|old| old.steps == *steps);
        let export = match known.map(|at| self.exports.remove(at)) {
            Some(old) => Export {
                manifest: manifest.clone(),
                line,
                used: now,
                builds: old.builds.saturating_add(1),
                ..old
            },
            None => Export {
                manifest: manifest.clone(),
                steps: steps.clone(),
                line,
                published: now,
                used: now,
                builds: 1,
                other: Other::new(),
            },
        };
        self.exports.retain(|old| old.steps != export.steps);
        self.exports.insert(0, export);
        // Of a record that somebody has made long, only so much is looked at.
        self.exports.truncate(8 * KEPT);
        while self.exports.len() > KEPT {
            let all = &self.exports;
            let has_newer = |at: usize| all[..at].iter().any(|newer| newer.line == all[at].line);
            let goes = (0..all.len()).rev().find(|at| has_newer(*at));
            self.exports.remove(goes.unwrap_or(all.len() - 1));
        }
    }

    /// The manifests that a build imports, the most promising first: no more than are kept, whatever
    /// somebody has written into the record.
    pub fn imports(&self) -> impl Iterator<Item = &BlobId> {
        self.exports
            .iter()
            .take(KEPT)
            .map(|export| &export.manifest)
    }
}
