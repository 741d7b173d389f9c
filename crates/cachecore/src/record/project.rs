use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decision, FORMAT, Other, Request, Settings};
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
    /// How its golden is built on request; `None` before the first `enable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// The request that is built next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Request>,
    /// The newest request that no golden answers: its build failed, or it was cancelled. `retry`
    /// builds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unbuilt: Option<Request>,
    /// What became of the last request when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decision: Option<Decision>,
    /// How many requests there have been.
    #[serde(default)]
    pub requests: u64,
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
    /// The revision that it builds, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The request that it answers; `None` for a build by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// When it was asked to end. Whoever runs it looks at this again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
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
    /// The revision that it built, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// What ended it, if it neither failed nor was promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<CutShort>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// What ended a build from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutShort {
    /// Somebody did not want it any more.
    Cancelled,
    /// The command that ran it was killed or interrupted, as by a shutdown. The request is still
    /// wanted.
    Killed,
}

/// How many builds of one request may be killed before it counts as failed: a build that takes its
/// machine down must not do so for ever.
pub const KILLS_ALLOWED: u32 = 3;

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
            settings: None,
            pending: None,
            unbuilt: None,
            last_decision: None,
            requests: 0,
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
    ///
    /// The request that it was for is answered by a promotion, pending again after a kill, and
    /// otherwise unbuilt, where `retry` finds it.
    pub fn end(&mut self, summary: BuildSummary, serving: Option<Generation>) {
        let request = self.building.take().and_then(|running| running.request);
        let cancelled = summary.cut_short == Some(CutShort::Cancelled);
        self.status = match (summary.generation, serving) {
            (Some(_), _) => Status::Ready,
            (None, Some(_)) if cancelled => Status::Ready,
            (None, None) if cancelled => Status::None,
            (None, _) => Status::Failed,
        };
        self.reason = match (summary.generation, serving) {
            (None, Some(serving)) => {
                format!("{}; generation {serving} serves on", summary.reason)
            }
            _ => summary.reason.clone(),
        };
        if summary.generation.is_some() {
            self.last_ready_at = Some(summary.ended_at);
            // It answers its own request and every older one.
            let answered = request.map_or(0, |request| request.number);
            self.unbuilt.take_if(|older| older.number <= answered);
        } else if let Some(request) = request {
            self.not_built(request, summary.cut_short);
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

    /// What becomes of a request whose build came to nothing.
    fn not_built(&mut self, mut request: Request, cut_short: Option<CutShort>) {
        let enabled = self.settings.as_ref().is_some_and(|set| set.enabled);
        if enabled && cut_short == Some(CutShort::Killed) {
            request.killed += 1;
            if request.killed < KILLS_ALLOWED {
                match &mut self.pending {
                    // What came meanwhile is newer.
                    Some(pending) => pending.coalesced += request.coalesced + 1,
                    none => *none = Some(request),
                }
                return;
            }
        }
        self.note_unbuilt(request);
    }

    /// Remembers a request for `retry`, if it is the newest of those that were not built.
    pub(crate) fn note_unbuilt(&mut self, request: Request) {
        let newer = |known: &Request| known.number > request.number;
        if !self.unbuilt.as_ref().is_some_and(newer) {
            self.unbuilt = Some(request);
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
