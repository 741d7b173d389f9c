use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::id::{BuildId, Generation, LayerName, ProjectId, SessionId};

/// What lies in a store, as far as a collection asks. All sizes are bytes on disk.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The projects.
    pub projects: Vec<ProjectFacts>,
    /// The sessions.
    pub sessions: Vec<SessionFacts>,
    /// The folders of `layers/`.
    pub layers: BTreeMap<LayerName, LayerFacts>,
    /// The folders of `builds/`.
    pub builds: Vec<BuildFacts>,
    /// Sessions that were being put together when their command was killed.
    pub stagings: Vec<StagingFacts>,
    /// What lies in the trash.
    pub trash: TrashFacts,
    /// What could not be read.
    pub unjudged: Vec<Unjudged>,
    /// Paths below the store's root that are nothing that a store has.
    pub strangers: Vec<String>,
}

/// A project and its golden.
#[derive(Debug, Clone)]
pub struct ProjectFacts {
    /// The project.
    pub project: ProjectId,
    /// Its generations, in order: the last one serves, or is about to.
    pub generations: Vec<GenerationFacts>,
    /// When a session was last started from it.
    pub last_used: Option<Timestamp>,
    /// Whether a golden build or something else works on it right now.
    pub busy: bool,
    /// Whether something of it could not be read, so that nothing of it may go.
    pub unjudged: bool,
}

/// A generation.
#[derive(Debug, Clone)]
pub struct GenerationFacts {
    /// Its number.
    pub generation: Generation,
    /// What it takes besides its layers.
    pub bytes: u64,
    /// When it was promoted; `None` where its manifest cannot be used.
    pub promoted_at: Option<Timestamp>,
    /// The layers that it links to; `None` if nobody can tell.
    pub layers: Option<BTreeSet<LayerName>>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    /// The session.
    pub session: SessionId,
    /// What it takes besides the layers that it links to.
    pub bytes: u64,
    /// The generation that it was cloned from.
    pub lease: Option<Leased>,
    /// The layers that it links to besides those of its generation; `None` if nobody can tell.
    pub links: Option<BTreeSet<LayerName>>,
    /// Whether the command that it belongs to is gone.
    pub abandoned: bool,
    /// Whether it may be removed once it is idle: it belongs to nobody's command, no promotion has
    /// begun, and it did not carry in a data root that exists nowhere else.
    pub may_expire: bool,
    /// How long it may be idle, where whoever started it has said so.
    pub idle_limit: Option<Duration>,
    /// When anything was last done in it.
    pub last_activity: Timestamp,
    /// Who uses it right now. Looked for where the session is abandoned or its time is over.
    pub in_use: Option<String>,
    /// Whether its record cannot be used: which generation it leases is not known.
    pub unjudged: bool,
}

/// The generation that a session was cloned from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leased {
    /// Whose.
    pub project: ProjectId,
    /// Which.
    pub generation: Generation,
}

/// A folder of `layers/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerFacts {
    /// What it takes.
    pub bytes: u64,
    /// Whether a promotion had only begun to bring it.
    pub placeholder: bool,
}

/// A folder of `builds/`.
#[derive(Debug, Clone)]
pub struct BuildFacts {
    /// The build.
    pub build: BuildId,
    /// What it takes.
    pub bytes: u64,
    /// Whether a project remembers it.
    pub remembered: Remembered,
}

/// Whether a project remembers a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// It runs.
    Running,
    /// As the nth that ended, 0 the newest.
    Nth(usize),
    /// No project does.
    Forgotten,
    /// A project's state cannot be used, and the build may be one of its own.
    Unknown,
}

/// A session that was being put together.
#[derive(Debug, Clone)]
pub struct StagingFacts {
    /// The folder's name under `sessions/`.
    pub name: String,
    /// What it takes.
    pub bytes: u64,
}

/// What lies in the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrashFacts {
    /// How many things.
    pub entries: u64,
    /// What they take.
    pub bytes: u64,
}

/// Something that stays because it could not be judged, or would not go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unjudged {
    /// What, as people know it: `session s1`.
    pub what: String,
    /// Why.
    pub because: String,
    /// Whether somebody is at it right now, and nothing else is in the way.
    pub busy: bool,
}
