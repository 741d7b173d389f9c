//! The golden build: clone the current golden, start a private daemon on the clone, run the startup
//! command against it, stop the daemon, promote.
//!
//! One deadline covers all of it. Whatever goes wrong, the golden that served before serves on, the
//! session is thrown away, and the project's state says what happened. A build that is killed is
//! found by the next command and marked as failed (`goldenstore`'s recovery).

mod ending;
mod log;
mod stopped;

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cachecore::id::{BuildId, Generation, ProjectId, SessionId};
use cachecore::promotion::Volumes;
use cachecore::record::{
    BuildOutcome, BuildRecord, BuildSummary, CutShort, FORMAT, Other, Purpose, RunningBuild,
};
use cachecore::strategy::Strategy;
use camino::Utf8PathBuf;
use engine::{EnclosedCommand, Limit, Limits, Output, PrivateDaemon, Stdin};
use goldenstore::{
    HeldSession, Observer, PromoteOptions, PromoteReport, StartRequest, Store, StoreError,
    fresh_build_id,
};
use jiff::Timestamp;

use crate::cli::DaemonChoice;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{builder, exit, private_daemon, startup_file};
use ending::Ending;
use log::BuildLog;
pub(crate) use log::Traces;
use stopped::{Stopped, with_serving};

/// A golden build to run.
pub(crate) struct BuildRequest<'a> {
    pub(crate) project: ProjectId,
    pub(crate) startup: Vec<OsString>,
    pub(crate) timeout: Duration,
    pub(crate) revision: Option<String>,
    pub(crate) volumes: Volumes,
    pub(crate) trust_layers: bool,
    /// Whether the golden gets a folder for a containerd that is a service of its own.
    pub(crate) containerd: bool,
    pub(crate) daemon: &'a DaemonChoice,
    /// Where the startup command runs; by default where the caller is.
    pub(crate) folder: Option<Utf8PathBuf>,
    /// The startup file that the command runs, if the build is of one.
    pub(crate) startup_file: Option<Utf8PathBuf>,
}

impl BuildRequest<'_> {
    fn startup_sha256(&self) -> Result<Option<String>, Failure> {
        let file = self.startup_file.as_deref();
        file.map(startup_file::sha256).transpose()
    }
}

/// How a golden build ended well.
#[derive(Debug, serde::Serialize)]
pub(crate) struct BuildReport {
    /// The build.
    pub(crate) build: BuildId,
    /// How the generation came to be.
    #[serde(flatten)]
    pub(crate) promoted: PromoteReport,
    /// How the build's session was cloned.
    pub(crate) strategy: Strategy,
    /// Milliseconds until the session was cloned, the daemon answered, the startup command ended,
    /// the daemon was gone, and the generation served: each from the end of the one before.
    pub(crate) phases_ms: Phases,
}

#[derive(Debug, Default, Clone, Copy, serde::Serialize)]
pub(crate) struct Phases {
    pub(crate) clone: u64,
    pub(crate) daemon: u64,
    pub(crate) startup: u64,
    pub(crate) stop: u64,
    pub(crate) promote: u64,
}

/// Runs a golden build by hand. What was triggered meanwhile is left to a builder.
pub(crate) fn build(
    store: &Store,
    request: &BuildRequest<'_>,
    interrupted: &AtomicBool,
    progress: &Progress,
) -> Result<BuildReport, Failure> {
    let deadline = Instant::now() + request.timeout;
    private_daemon::recover(store)?;
    let right = store.begin_build(&request.project)?;
    let (build, session) = fresh()?;
    let running = RunningBuild {
        build,
        session,
        started_at: Timestamp::now(),
        revision: request.revision.clone(),
        request: None,
        cancelled_at: None,
    };
    store.update_project(&request.project, |state| state.begin(running.clone()))?;
    let built = run(store, request, &running, deadline, interrupted, progress);
    let handed_over = store
        .give_back(right, &request.project)
        .map_err(Failure::from)
        .and_then(|waits| match waits {
            true => builder::start(store, &request.project),
            false => Ok(()),
        });
    if let Err(error) = handed_over {
        tracing::warn!(%error, "what was triggered meanwhile waits for `goldenctl trigger --all`");
    }
    built
}

/// Names for a build that begins now.
pub(crate) fn fresh() -> Result<(BuildId, SessionId), Failure> {
    let build = fresh_build_id(Timestamp::now()).map_err(StoreError::from)?;
    let session = SessionId::new(&format!("build-{build}")).map_err(StoreError::from)?;
    Ok((build, session))
}

/// Runs a golden build that the project's state says is running, and notes how it ended. The caller
/// has the right to build.
pub(crate) fn run(
    store: &Store,
    request: &BuildRequest<'_>,
    running: &RunningBuild,
    deadline: Instant,
    interrupted: &AtomicBool,
    progress: &Progress,
) -> Result<BuildReport, Failure> {
    let base = store.current(&request.project)?;
    let ending = Ending::new(interrupted);
    let attempt = ending.watching(store, &request.project, &running.build, || {
        let limits = Limits {
            deadline: Some(deadline),
            interrupted: ending.flag(),
        };
        let mut log = BuildLog::new(store.open_build(&running.build).map_err(Stopped::by)?);
        attempt(store, request, running, &mut log, &limits, progress)
    });
    let attempt = attempt.map_err(|stopped| match ending.cancelled() {
        true => Stopped::cancelled(&running.build),
        false => stopped,
    });
    let cut_short = match &attempt {
        Err(_) if ending.cancelled() => Some(CutShort::Cancelled),
        Err(_) if interrupted.load(Ordering::SeqCst) => Some(CutShort::Killed),
        _ => None,
    };
    note_end(store, request, running, base, &attempt, cut_short)?;
    let serving = store.current(&request.project)?;
    attempt.map_err(|stopped| {
        let (build, project) = (running.build.clone(), request.project.clone());
        let reason = with_serving(stopped.reason, serving);
        let code = match cut_short {
            Some(CutShort::Cancelled) => return Failure::Cancelled { reason },
            Some(CutShort::Killed) => exit::INTERRUPTED,
            None => stopped.code,
        };
        Failure::Build {
            build,
            project,
            reason,
            code,
        }
    })
}

/// Notes how a build ended, in the project's state and in a record of its own.
fn note_end(
    store: &Store,
    request: &BuildRequest<'_>,
    running: &RunningBuild,
    base: Option<Generation>,
    attempt: &Result<BuildReport, Stopped>,
    cut_short: Option<CutShort>,
) -> Result<(), Failure> {
    let build = &running.build;
    let (generation, outcome, reason) = match attempt {
        Ok(report) => {
            let generation = report.promoted.generation;
            (
                Some(generation),
                BuildOutcome::Promoted { generation },
                format!("build {build} was promoted to generation {generation}"),
            )
        }
        Err(stopped) => (None, stopped.outcome.clone(), stopped.reason.clone()),
    };
    let ended_at = Timestamp::now();
    let summary = BuildSummary {
        build: build.clone(),
        generation,
        reason,
        revision: running.revision.clone(),
        cut_short,
        started_at: running.started_at,
        ended_at,
    };
    let record = BuildRecord {
        format: FORMAT,
        build: build.clone(),
        project: request.project.clone(),
        command: request
            .startup
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        revision: running.revision.clone(),
        base,
        outcome,
        started_at: running.started_at,
        ended_at,
        other: Other::new(),
    };
    let serving = store.current(&request.project)?;
    store.update_project(&request.project, |state| state.end(summary, serving))?;
    Ok(store.finish_build(&record)?)
}

fn attempt(
    store: &Store,
    request: &BuildRequest<'_>,
    running: &RunningBuild,
    log: &mut BuildLog,
    limits: &Limits<'_>,
    progress: &Progress,
) -> Result<BuildReport, Stopped> {
    let mut phases = Phases::default();
    let mut clock = Instant::now();
    let mut lap = move || {
        let took = clock.elapsed();
        clock = Instant::now();
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
    };
    let start = StartRequest {
        or_empty: true,
        containerd: request.containerd,
        ..StartRequest::new(request.project.clone(), running.session.clone())
    };
    let startup_sha256 = request.startup_sha256().map_err(Stopped::by)?;
    let purpose = || Purpose::Build {
        build: running.build.clone(),
    };
    let mut fresh = false;
    let held = store
        .start_held_session(&start, purpose(), &Within { limits, progress })
        .or_else(|e| match e {
            StoreError::Quarantined { .. } => {
                progress.pause();
                log.note(&format!("{e}; the build starts from empty"));
                progress.phase("cloning the golden");
                fresh = true;
                let start = StartRequest { fresh, ..start };
                store.start_held_session(&start, purpose(), &Within { limits, progress })
            }
            e => Err(e),
        })
        .map_err(|e| match (&e, limits.reached()) {
            (StoreError::Interrupted, Some(Limit::Deadline)) => {
                Stopped::because("the deadline passed while the golden was cloned".to_owned())
            }
            _ => Stopped::by(e),
        })?;
    phases.clone = lap();
    let strategy = held.report.strategy;
    let prepared = (|| {
        let options = private_daemon::options(store, &held.report, request.daemon)?;
        progress.phase("starting the daemon");
        let mut daemon = PrivateDaemon::start(options, limits)?;
        phases.daemon = lap();
        let version = daemon.version().to_owned();
        let command = startup_command(request, &running.build, &held);
        progress.pause();
        let status = daemon.run(&command, log, limits)?;
        phases.startup = lap();
        Ok((daemon, version, status))
    })();
    let (daemon, version, status) = match prepared {
        Ok(ready) => ready,
        Err(failure) => return Err(thrown_away(store, held, Stopped::by_failure(failure, log))),
    };
    if !status.success() {
        daemon.kill();
        return Err(thrown_away(store, held, Stopped::by_command(status, log)));
    }
    progress.phase("stopping the daemon");
    let stopped = daemon.stop(limits);
    phases.stop = lap();
    match stopped {
        Ok(report) if report.killed => {
            let reason = "the daemon did not stop before the deadline".to_owned();
            return Err(thrown_away(store, held, Stopped::because(reason)));
        }
        Ok(_) => {}
        Err(e) => return Err(thrown_away(store, held, Stopped::by_failure(e.into(), log))),
    }
    if let Some(limit) = limits.reached() {
        let reason = match limit {
            Limit::Deadline => "the deadline passed before the golden could be promoted",
            Limit::Interrupted => "interrupted before the golden could be promoted",
        };
        return Err(thrown_away(
            store,
            held,
            Stopped::because(reason.to_owned()),
        ));
    }
    let options = PromoteOptions {
        // What it did not start from is what it replaces.
        force: fresh,
        volumes: request.volumes.clone(),
        revision: request.revision.clone(),
        engine: Some(version),
        // Nobody knows which of the two was run if it was changed meanwhile.
        startup_sha256: startup_sha256
            .filter(|before| request.startup_sha256().ok().flatten().as_ref() == Some(before)),
        trust_layers: request.trust_layers,
    };
    progress.phase("promoting");
    match store.promote_held(&held, &options, progress) {
        Ok(promoted) => {
            phases.promote = lap();
            Ok(BuildReport {
                build: running.build.clone(),
                promoted,
                strategy,
                phases_ms: phases,
            })
        }
        Err(e) => Err(thrown_away(store, held, Stopped::by(e))),
    }
}

/// Ends the work on a tree when one of the build's limits is reached.
struct Within<'a> {
    limits: &'a Limits<'a>,
    progress: &'a Progress,
}

impl Observer for Within<'_> {
    fn advanced(&self, entries: u64, bytes: u64) {
        self.progress.advanced(entries, bytes);
    }

    fn interrupted(&self) -> bool {
        self.limits.reached().is_some()
    }
}

fn startup_command(
    request: &BuildRequest<'_>,
    build: &BuildId,
    held: &HeldSession,
) -> EnclosedCommand {
    let word = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    let mut env = vec![
        word("CACHECORE_PROJECT", request.project.as_str()),
        word("CACHECORE_SESSION", held.report.session.as_str()),
        word("CACHECORE_BUILD", build.as_str()),
    ];
    let revision = request.revision.iter();
    env.extend(revision.map(|revision| word("CACHECORE_REVISION", revision)));
    EnclosedCommand {
        argv: request.startup.clone(),
        env,
        current_dir: request.folder.clone(),
        stdin: Stdin::Null,
        output: Output::Captured,
    }
}

/// Throws a failed build's session away; what cannot be removed is left for the next command.
fn thrown_away(store: &Store, held: HeldSession, stopped: Stopped) -> Stopped {
    // Even an interrupted build cleans up, so the removal does not listen to the interruption.
    if let Err(error) = store.discard_session(held, &goldenstore::Silent) {
        tracing::warn!(%error, "the build's session is left for the next command");
    }
    stopped
}
