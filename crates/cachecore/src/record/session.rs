use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::id::{BuildId, Generation, ProjectId, SessionId};
use crate::strategy::Strategy;

/// `session.json`: one session and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Format of this record.
    pub format: u32,
    /// The session.
    pub session: SessionId,
    /// Whose golden it was cloned from.
    pub project: ProjectId,
    /// The generation it was cloned from; `None` for a session that started cold.
    pub generation: Option<Generation>,
    /// What it is for.
    pub purpose: Purpose,
    /// How far it is.
    pub stage: SessionStage,
    /// How it was cloned.
    pub strategy: Strategy,
    /// Why so.
    pub why: Vec<String>,
    /// What it keeps from being collected.
    pub lease: Lease,
    /// When it started.
    pub started_at: Timestamp,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

/// What a session is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Purpose {
    /// Somebody works in it.
    Session,
    /// A golden build runs in it.
    Build {
        /// The build.
        build: BuildId,
    },
    /// `run` made it for one command.
    Run,
    /// `import` carries a data root in.
    Import {
        /// The data root's path before it was moved or copied.
        from: Utf8PathBuf,
        /// The path of containerd's root, where that lies outside the data root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        containerd: Option<Utf8PathBuf>,
    },
}

impl Purpose {
    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Build { .. } => "build",
            Self::Run => "run",
            Self::Import { .. } => "import",
        }
    }
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionStage {
    /// Its data root is its own, and complete.
    Ready,
    /// A promotion has begun to turn it into a generation; only promoting or removing it is left.
    Promoting,
}

/// What a session keeps from being collected: its generation, and with it the layers it links to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// When the lease was taken.
    pub taken_at: Timestamp,
    /// What ends it.
    pub ends: LeaseEnd,
    /// How long the session may lie idle until a collection may end it, in seconds; `None` if
    /// whoever started it has not said. Counted from the last activity and never from the start: a
    /// session that is stopped over a holiday is not old, and one in use is never idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
}

/// What ends a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseEnd {
    /// The session is removed or promoted.
    Removal,
    /// The command that made the session ends. It holds a lock on the session's folder while it
    /// lives, so a session whose lock is free is left over and is discarded.
    Command,
}
