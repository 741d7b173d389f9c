use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cachecore::id::{BuildId, ProjectId};
use cachecore::record::{ProjectState, Status};
use cachecore::trigger::{self, Withdrawn};
use goldenstore::Store;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Global;
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{exit, private_daemon, show};

/// How long a build may take to end: its containers are killed, and its session is removed.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(50);
/// How often it is looked whether the build's command was killed.
const ROUND: Duration = Duration::from_secs(2);

/// What a cancelling did, for programs.
#[derive(Serialize)]
struct Cancelled {
    project: ProjectId,
    #[serde(flatten)]
    withdrawn: Withdrawn,
    /// Whether the build that ran has ended by now.
    ended: bool,
    status: Status,
    state_reason: String,
}

pub(super) fn run(global: &Global, project: &ProjectId) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let asked = store.ask(project, |state, _| trigger::cancel(state, Timestamp::now()))?;
    let withdrawn = asked.answer;
    let (ended, state) = match &withdrawn.running {
        Some(build) => wait(&store, project, build)?,
        None => (true, asked.state),
    };
    let said = match (&withdrawn.running, ended) {
        (Some(build), true) => {
            let dropped = withdrawn.dropped.is_some();
            let also = if dropped {
                "; the pending request is dropped"
            } else {
                ""
            };
            format!("project {project}: {}{also}", last_words(&state, build))
        }
        _ => format!("project {project}: {}", withdrawn.reason),
    };
    if global.json {
        show::json(&Cancelled {
            project: project.clone(),
            withdrawn,
            ended,
            status: state.status,
            state_reason: state.reason,
        });
    } else {
        show::line(&said);
    }
    Ok(if ended { exit::OK } else { exit::BUSY })
}

/// How a build ended: it may have been promoted just before it was cancelled, and the next one may have
/// begun.
fn last_words<'a>(state: &'a ProjectState, build: &BuildId) -> &'a str {
    let mut builds = state.last_builds.iter();
    match builds.find(|ended| ended.build == *build) {
        Some(ended) if state.building.is_some() => &ended.reason,
        _ => &state.reason,
    }
}

/// Waits until a build has ended.
fn wait(
    store: &Store,
    project: &ProjectId,
    build: &BuildId,
) -> Result<(bool, ProjectState), Failure> {
    // Ctrl-C ends the waiting; the build is cancelled already.
    let interrupted = interrupt::watch(Interactive::No);
    let _progress = Progress::new("waiting for the build to end", interrupted.clone());
    let mut looked = Instant::now();
    let until = looked + PATIENCE;
    loop {
        let state = store.project_state(project)?;
        let runs = state.building.as_ref().is_some_and(|it| it.build == *build);
        if runs && interrupted.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted {
                kept: Kept::EndingBuild,
            });
        }
        if !runs || Instant::now() >= until {
            return Ok((!runs, state));
        }
        if looked.elapsed() >= ROUND {
            // Its command may have been killed meanwhile.
            looked = Instant::now();
            store.recover()?;
        }
        std::thread::sleep(INTERVAL);
    }
}
