//! Whether a request for a golden is built now, waits, is needed at all, or is refused.
//!
//! A project has at most one build that runs and one request that waits, so any number of requests
//! during a build cost one further build, of the newest revision:
//!
//! ```text
//!              trigger, enable, retry              take                 end
//!   nothing ─────────────────────────▶ pending ───────────▶ building ─────────▶ answered
//!      ▲                                ▲   │ cancel,           │  │ failed,
//!      │ the golden is what was asked   └───┼─ killed ──────────┘  ▼ cancelled
//!      └────────────────────────────────────┴──────────────────▶ unbuilt ── retry ──▶ pending
//! ```
//!
//! A request is in exactly one of these places, and moves in one write of the state. So none is lost
//! when a command is killed between two steps: what is pending waits for the next one that looks.

use jiff::Timestamp;

use crate::dataroot::chain::sha256_hex;
use crate::id::{BuildId, Generation, SessionId};
use crate::record::{
    Decision, Manifest, ProjectState, Request, RequestedBy, RunningBuild, Settings, Status, Verdict,
};

/// What a request is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The golden that serves.
    pub golden: Option<Golden>,
    /// The SHA-256 of the startup file as it is now, in hex; `None` if it cannot be read.
    pub startup_sha256: Option<String>,
}

/// What a golden was built of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Golden {
    /// Its generation.
    pub generation: Generation,
    /// The source revision.
    pub revision: Option<String>,
    /// The SHA-256 of the startup file, in hex.
    pub startup_sha256: Option<String>,
}

impl From<&Manifest> for Golden {
    fn from(manifest: &Manifest) -> Self {
        Self {
            generation: manifest.generation,
            revision: manifest.revision.clone(),
            startup_sha256: manifest.startup_sha256.clone(),
        }
    }
}

/// What `take` gives whoever builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Build this; the state says so already.
    Build(Request),
    /// The request needed no build. There may be another.
    Skipped(String),
    /// No request waits.
    Nothing,
}

/// What `cancel` and `disable` did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Withdrawn {
    /// The request that waited and is not built.
    pub dropped: Option<Request>,
    /// The build that runs: it was asked to end by `cancel`, and may end by itself after `disable`.
    pub running: Option<BuildId>,
    /// What happened, as a sentence.
    pub reason: String,
}

/// What a startup file is compared by: the SHA-256 of its contents, in hex.
pub fn startup_sha256(contents: &[u8]) -> String {
    sha256_hex(contents)
}

/// A request for a golden of a revision: `trigger`.
pub fn trigger(
    state: &mut ProjectState,
    revision: Option<&str>,
    facts: &Facts,
    at: Timestamp,
) -> Decision {
    let by = RequestedBy::Trigger;
    if let Some(refusal) = refusal(state) {
        return decide(state, Verdict::Refused, refusal, by, revision, at);
    }
    if state.building.is_none()
        && state.pending.is_none()
        && let Some(why) = needless(revision, facts)
    {
        return skip(state, why, by, revision, at);
    }
    request(state, by, revision, at)
}

/// Turns triggers on, with these settings, and asks for a build at once: `enable`.
pub fn enable(
    state: &mut ProjectState,
    settings: Settings,
    revision: Option<&str>,
    at: Timestamp,
) -> Decision {
    state.settings = Some(Settings {
        enabled: true,
        ..settings
    });
    request(state, RequestedBy::Enable, revision, at)
}

/// Asks again for the newest request that was not built, whatever the golden is: `retry`.
pub fn retry(state: &mut ProjectState, at: Timestamp) -> Decision {
    let by = RequestedBy::Retry;
    let revision = state.unbuilt.as_ref().and_then(|r| r.revision.clone());
    let refused = match (refusal(state), &state.building, &state.pending) {
        (Some(refusal), _, _) => Some(refusal),
        (None, Some(running), _) => Some(format!("build {} runs", running.build)),
        // It waits although nothing runs: its builder was killed. Asking again starts another.
        (None, None, Some(_)) => None,
        (None, None, None) if state.unbuilt.is_none() => {
            Some("no request has failed or was cancelled".to_owned())
        }
        (None, None, None) => None,
    };
    if let Some(refusal) = refused {
        return decide(
            state,
            Verdict::Refused,
            refusal,
            by,
            revision.as_deref(),
            at,
        );
    }
    let revision = match &state.pending {
        Some(pending) => pending.revision.clone(),
        None => revision,
    };
    request(state, by, revision.as_deref(), at)
}

/// Drops the request that waits, and asks the running build to end: `cancel`.
pub fn cancel(state: &mut ProjectState, at: Timestamp) -> Withdrawn {
    let dropped = drop_pending(state);
    let running = state.building.as_mut().map(|running| {
        running.cancelled_at.get_or_insert(at);
        running.build.clone()
    });
    let reason = match (&running, &dropped) {
        (Some(build), Some(_)) => {
            format!("build {build} was asked to end, and the pending request is dropped")
        }
        (Some(build), None) => format!("build {build} was asked to end"),
        (None, Some(_)) => "the pending request is dropped".to_owned(),
        (None, None) => "there was nothing to cancel".to_owned(),
    };
    if running.is_none() && dropped.is_some() {
        state.reason = format!("{}; {reason} by `cancel`", state.reason);
    }
    Withdrawn {
        dropped,
        running,
        reason,
    }
}

/// Turns triggers off: `disable`. The golden stays, and a build that runs may end.
pub fn disable(state: &mut ProjectState) -> Withdrawn {
    if let Some(settings) = &mut state.settings {
        settings.enabled = false;
    }
    let dropped = drop_pending(state);
    let running = state.building.as_ref().map(|running| running.build.clone());
    let mut reason = "triggers build nothing any more".to_owned();
    if dropped.is_some() {
        reason.push_str(", and the pending request is dropped");
    }
    if let Some(build) = &running {
        reason.push_str(&format!("; build {build} goes on to its end"));
    }
    Withdrawn {
        dropped,
        running,
        reason,
    }
}

/// What the holder of the right to build does next. A request that is to be built becomes the running
/// build in the same write of the state in which it stops being pending.
pub fn take(
    state: &mut ProjectState,
    build: &BuildId,
    session: &SessionId,
    facts: &Facts,
    at: Timestamp,
) -> Taken {
    let Some(pending) = state.pending.take() else {
        return Taken::Nothing;
    };
    if refusal(state).is_some() {
        state.note_unbuilt(pending);
        return Taken::Nothing;
    }
    if !pending.unconditional
        && let Some(why) = needless(pending.revision.as_deref(), facts)
    {
        let decision = skip(state, why, pending.by, pending.revision.as_deref(), at);
        return Taken::Skipped(decision.reason);
    }
    state.begin(RunningBuild {
        build: build.clone(),
        session: session.clone(),
        started_at: at,
        revision: pending.revision.clone(),
        request: Some(pending.clone()),
        cancelled_at: None,
    });
    Taken::Build(pending)
}

/// Why the golden is already what a request asks for, if it is.
fn needless(revision: Option<&str>, facts: &Facts) -> Option<String> {
    let golden = facts.golden.as_ref()?;
    let (wanted, startup) = (revision?, facts.startup_sha256.as_deref()?);
    let same = golden.revision.as_deref() == Some(wanted)
        && golden.startup_sha256.as_deref() == Some(startup);
    same.then(|| {
        format!(
            "generation {} is of revision {wanted} and of the same startup file",
            golden.generation
        )
    })
}

/// Why requests are refused, if they are.
fn refusal(state: &ProjectState) -> Option<String> {
    match &state.settings {
        None => Some("the project has no startup file".to_owned()),
        Some(settings) if !settings.enabled => Some("the project is disabled".to_owned()),
        Some(_) => None,
    }
}

/// Takes a request: it waits, as the newest. Whether somebody has to start building is the verdict.
fn request(
    state: &mut ProjectState,
    by: RequestedBy,
    revision: Option<&str>,
    at: Timestamp,
) -> Decision {
    state.requests += 1;
    let earlier = state.pending.take();
    state.pending = Some(Request {
        number: state.requests,
        revision: revision.map(str::to_owned),
        by,
        requested_at: at,
        coalesced: earlier.as_ref().map_or(0, |known| known.coalesced + 1),
        unconditional: by != RequestedBy::Trigger
            || earlier.as_ref().is_some_and(|known| known.unconditional),
        killed: 0,
    });
    let (verdict, reason) = match (&state.building, &earlier) {
        (Some(running), None) => (
            Verdict::Coalesced,
            format!("build {} runs; this is built after it", running.build),
        ),
        (Some(running), Some(_)) => (
            Verdict::Coalesced,
            format!(
                "build {} runs; this is built after it, in place of what waited before",
                running.build
            ),
        ),
        (None, Some(_)) => (
            Verdict::StartNow,
            "a request waited that nobody builds; this one takes its place".to_owned(),
        ),
        (None, None) => (Verdict::StartNow, "no build runs".to_owned()),
    };
    decide(state, verdict, reason, by, revision, at)
}

/// Notes that the golden is what was asked for: whatever failed before, it is what is wanted now.
fn skip(
    state: &mut ProjectState,
    why: String,
    by: RequestedBy,
    revision: Option<&str>,
    at: Timestamp,
) -> Decision {
    state.unbuilt = None;
    state.status = Status::Ready;
    state.reason = why.clone();
    decide(state, Verdict::Skipped, why, by, revision, at)
}

fn decide(
    state: &mut ProjectState,
    verdict: Verdict,
    reason: String,
    by: RequestedBy,
    revision: Option<&str>,
    at: Timestamp,
) -> Decision {
    let decision = Decision {
        verdict,
        reason,
        by,
        revision: revision.map(str::to_owned),
        at,
    };
    state.last_decision = Some(decision.clone());
    decision
}

fn drop_pending(state: &mut ProjectState) -> Option<Request> {
    let dropped = state.pending.take()?;
    state.note_unbuilt(dropped.clone());
    Some(dropped)
}

#[cfg(test)]
mod tests;
