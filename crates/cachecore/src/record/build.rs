use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::id::{BuildId, Generation, ProjectId};

/// `result.json`: how a golden build ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// Format of this record.
    pub format: u32,
    /// The build.
    pub build: BuildId,
    /// Whose golden it was for.
    pub project: ProjectId,
    /// The startup command, made readable.
    pub command: Vec<String>,
    /// The source revision that the caller named.
    pub revision: Option<String>,
    /// The generation it started from.
    pub base: Option<Generation>,
    /// How it ended.
    pub outcome: BuildOutcome,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

/// How a golden build ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum BuildOutcome {
    /// Its data root became this generation.
    Promoted {
        /// The generation.
        generation: Generation,
    },
    /// The startup command failed.
    CommandFailed {
        /// Its exit code, or 128 and the signal that ended it.
        code: i32,
        /// The last lines of its output.
        last_lines: Vec<String>,
    },
    /// Somebody cancelled it.
    Cancelled,
    /// Anything else went wrong.
    Failed {
        /// What, as a sentence.
        reason: String,
    },
}
