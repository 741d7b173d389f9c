use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FORMAT, Other};
use crate::id::{BuildId, Generation, ProjectId, SessionId};

/// How many builds a project remembers, newest first.
pub const KEPT_BUILDS: usize = 10;

/// `state.json`: a project's status and its last builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectState {
    /// Format of this record.
    pub format: u32,
    /// The project.
    pub project: ProjectId,
    /// Where it stands.
    pub status: Status,
    /// Why it stands there, as a sentence.
    pub reason: String,
    /// The build that runs, if one does.
    pub building: Option<RunningBuild>,
    /// The last builds, newest first.
    pub last_builds: Vec<BuildSummary>,
    /// When a golden was last promoted.
    pub last_ready_at: Option<Timestamp>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

/// Where a project stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It has no golden, and none was tried.
    None,
    /// A golden build runs. An earlier golden, if there is one, serves on.
    Building,
    /// Its golden serves.
    Ready,
    /// The last build or promotion failed. An earlier golden, if there is one, serves on.
    Failed,
}

impl Status {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Building => "building",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// A build that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningBuild {
    /// The build.
    pub build: BuildId,
    /// The session that it runs in.
    pub session: SessionId,
    /// When it began.
    pub started_at: Timestamp,
}

/// A build that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSummary {
    /// The build.
    pub build: BuildId,
    /// Whether its data root became a generation, and which.
    pub generation: Option<Generation>,
    /// What happened, as a sentence.
    pub reason: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl ProjectState {
    /// A project that nothing is known of.
    pub fn new(project: ProjectId) -> Self {
        Self {
            format: FORMAT,
            project,
            status: Status::None,
            reason: "no golden has been built or imported yet".to_owned(),
            building: None,
            last_builds: Vec::new(),
            last_ready_at: None,
            other: Other::new(),
        }
    }

    /// Notes that a build began.
    pub fn begin(&mut self, running: RunningBuild) {
        self.status = Status::Building;
        self.reason = format!("build {} runs", running.build);
        self.building = Some(running);
    }

    /// Notes how a build ended. `serving` is the generation that serves now.
    pub fn end(&mut self, summary: BuildSummary, serving: Option<Generation>) {
        self.building = None;
        self.status = if summary.generation.is_some() {
            Status::Ready
        } else {
            Status::Failed
        };
        self.reason = match (summary.generation, serving) {
            (Some(_), _) => summary.reason.clone(),
            (None, Some(serving)) => {
                format!("{}; generation {serving} serves on", summary.reason)
            }
            (None, None) => summary.reason.clone(),
        };
        if summary.generation.is_some() {
            self.last_ready_at = Some(summary.ended_at);
        }
        self.last_builds.insert(0, summary);
        self.last_builds.truncate(KEPT_BUILDS);
    }

    /// Notes that the project's golden was removed.
    pub fn lost_golden(&mut self, why: &str) {
        if self.building.is_none() {
            self.status = Status::None;
            self.reason = why.to_owned();
        }
    }

    /// Notes that a generation was promoted outside a build.
    pub fn promoted(&mut self, generation: Generation, how: &str, at: Timestamp) {
        self.last_ready_at = Some(at);
        if self.building.is_none() {
            self.status = Status::Ready;
            self.reason = format!("generation {generation} was promoted from {how}");
        }
    }
}
