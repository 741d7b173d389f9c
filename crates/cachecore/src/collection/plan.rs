use std::fmt;

use serde::Serialize;

use super::Unjudged;
use crate::id::{BuildId, Generation, LayerName, ProjectId, SessionId};

/// What a collection will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionPlan {
    /// What goes, in the order in which it goes.
    pub removals: Vec<Removal>,
    /// What stays although it is over a limit.
    pub kept: Vec<Kept>,
    /// What stays because it could not be judged.
    pub unjudged: Vec<Unjudged>,
    /// What stays because it is nothing that a store has: paths below the store's root.
    pub strangers: Vec<String>,
    /// The store's size now, in bytes on disk.
    pub bytes_before: u64,
    /// Its size afterwards.
    pub bytes_after: u64,
    /// Whether the store comes down to the size that was asked for; `None` if none was.
    pub size_reached: Option<bool>,
}

impl CollectionPlan {
    /// Bytes that are returned.
    pub fn bytes(&self) -> u64 {
        self.removals.iter().map(|removal| removal.bytes).sum()
    }
}

/// Something that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// What.
    pub item: Item,
    /// Why.
    pub reason: Reason,
    /// What it returns, in bytes on disk.
    pub bytes: u64,
}

/// Something in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Item {
    /// A session.
    Session {
        /// Which.
        session: SessionId,
    },
    /// A session that was being put together.
    Staging {
        /// Its folder under `sessions/`.
        name: String,
    },
    /// A generation that does not serve.
    Generation {
        /// Whose.
        project: ProjectId,
        /// Which.
        generation: Generation,
    },
    /// A golden: all generations that its project has left, the serving one last.
    Golden {
        /// Whose.
        project: ProjectId,
        /// Which.
        generations: Vec<Generation>,
    },
    /// A layer.
    Layer {
        /// Which.
        layer: LayerName,
    },
    /// A layer that a promotion had only begun to bring.
    Placeholder {
        /// Which.
        layer: LayerName,
    },
    /// A build's record and log.
    Build {
        /// Which.
        build: BuildId,
    },
    /// What lay in the trash before.
    Trash {
        /// How many things.
        entries: u64,
    },
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { session } => write!(f, "session {session}"),
            Self::Staging { name } => write!(f, "session {name}"),
            Self::Generation {
                project,
                generation,
            } => write!(f, "generation {generation} of {project}"),
            Self::Golden { project, .. } => write!(f, "golden of {project}"),
            Self::Layer { layer } | Self::Placeholder { layer } => write!(f, "layer {layer}"),
            Self::Build { build } => write!(f, "build {build}"),
            Self::Trash { entries } => write!(f, "trash, {entries} entries"),
        }
    }
}

/// Why something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was removed before.
    Trash,
    /// Its command was killed.
    Abandoned,
    /// It was idle for longer than it may be.
    Expired,
    /// Somebody asked for it.
    Removed,
    /// Newer generations are enough to keep.
    Superseded,
    /// Its project was not used for longer than it may be.
    Idle,
    /// The store is to be smaller, and nothing was unused for longer.
    Size,
    /// No generation and no session links to it.
    Orphan,
    /// No project keeps it.
    Forgotten,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trash => "removed before",
            Self::Abandoned => "its command was killed",
            Self::Expired => "idle for too long",
            Self::Removed => "removed by name",
            Self::Superseded => "superseded",
            Self::Idle => "not used for too long",
            Self::Size => "least recently used",
            Self::Orphan => "nothing links to it",
            Self::Forgotten => "older than what is kept",
        })
    }
}

/// Something that stays although it is over a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// What.
    pub item: Item,
    /// Which limit it is over.
    pub over: Limit,
    /// What keeps it.
    pub because: KeptBecause,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Generations of a project.
    Keep,
    /// How long a golden may lie unused.
    MaxIdle,
    /// How long a session may lie idle.
    SessionIdle,
    /// The life of its command.
    Command,
    /// The store's size.
    MaxSize,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "more than to keep",
            Self::MaxIdle => "not used for too long",
            Self::SessionIdle => "idle for too long",
            Self::Command => "its command was killed",
            Self::MaxSize => "the store is too large",
        })
    }
}

/// What keeps something that is over a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum KeptBecause {
    /// These sessions were cloned from it.
    Leased {
        /// Which.
        sessions: Vec<SessionId>,
    },
    /// A golden build or another command works on the project.
    Busy,
    /// It is used right now.
    InUse {
        /// By whom.
        holder: String,
    },
    /// Something of it could not be read.
    Unjudged,
}

impl fmt::Display for KeptBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMED: usize = 3;
        match self {
            Self::Leased { sessions } => {
                f.write_str("leased by ")?;
                for (nth, session) in sessions.iter().take(NAMED).enumerate() {
                    let comma = if nth == 0 { "" } else { ", " };
                    write!(f, "{comma}{session}")?;
                }
                match sessions.len().saturating_sub(NAMED) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Busy => f.write_str("a build or another command works on it"),
            Self::InUse { holder } => f.write_str(holder),
            Self::Unjudged => f.write_str("it cannot be judged"),
        }
    }
}
