//! The golden build: clone the current golden, start a private daemon on the clone, run the startup
//! command against it, stop the daemon, promote.
//!
//! One deadline covers all of it. Whatever goes wrong, the golden that served before serves on, the
//! session is thrown away, and the project's state says what happened. A build that is killed is
//! found by the next command and marked as failed (`goldenstore`'s recovery).

mod log;

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use cachecore::id::{BuildId, Generation, ProjectId, SessionId};
use cachecore::promotion::Volumes;
use cachecore::record::{
    BuildOutcome, BuildRecord, BuildSummary, FORMAT, Other, Purpose, RunningBuild,
};
use cachecore::strategy::Strategy;
use engine::{EnclosedCommand, Limit, Limits, Output, PrivateDaemon, RunError, Stdin};
use goldenstore::{
    HeldSession, Observer, PromoteOptions, PromoteReport, StartRequest, Store, StoreError,
    fresh_build_id,
};
use jiff::Timestamp;

use crate::cli::DaemonChoice;
use crate::exit;
use crate::failure::Failure;
use crate::private_daemon;
use crate::progress::Progress;
use crate::show;
use log::BuildLog;

/// A golden build to run.
pub(crate) struct BuildRequest<'a> {
    pub(crate) project: ProjectId,
    pub(crate) startup: Vec<OsString>,
    pub(crate) timeout: Duration,
    pub(crate) revision: Option<String>,
    pub(crate) volumes: Volumes,
    pub(crate) trust_layers: bool,
    pub(crate) daemon: &'a DaemonChoice,
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

/// What stopped a build, and the code to end with.
struct Stopped {
    outcome: BuildOutcome,
    reason: String,
    code: u8,
}

/// Runs a golden build.
pub(crate) fn build(
    store: &Store,
    request: &BuildRequest<'_>,
    interrupted: &AtomicBool,
    progress: &Progress,
) -> Result<BuildReport, Failure> {
    private_daemon::recover(store)?;
    let deadline = Instant::now() + request.timeout;
    let limits = Limits {
        deadline: Some(deadline),
        interrupted,
    };
    let _right = store.begin_build(&request.project)?;
    let started_at = Timestamp::now();
    let build = fresh_build_id(started_at).map_err(StoreError::from)?;
    let session = SessionId::new(&format!("build-{build}")).map_err(StoreError::from)?;
    let running = RunningBuild {
        build: build.clone(),
        session: session.clone(),
        started_at,
    };
    store.update_project(&request.project, |state| state.begin(running))?;
    let base = store.current(&request.project)?;

    let attempt = store
        .open_build(&build)
        .map_err(Stopped::by)
        .and_then(|log| {
            let mut log = BuildLog::new(log);
            attempt(store, request, &build, session, &mut log, &limits, progress)
        });
    let ended_at = Timestamp::now();
    let (outcome, reason) = match &attempt {
        Ok(report) => (
            BuildOutcome::Promoted {
                generation: report.promoted.generation,
            },
            format!(
                "build {build} was promoted to generation {}",
                report.promoted.generation
            ),
        ),
        Err(stopped) => (stopped.outcome.clone(), stopped.reason.clone()),
    };
    let summary = BuildSummary {
        build: build.clone(),
        generation: attempt
            .as_ref()
            .ok()
            .map(|report| report.promoted.generation),
        reason,
        started_at,
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
        revision: request.revision.clone(),
        base,
        outcome,
        started_at,
        ended_at,
        other: Other::new(),
    };
    let serving = store.current(&request.project)?;
    store.update_project(&request.project, |state| state.end(summary, serving))?;
    store.finish_build(&record)?;
    attempt.map_err(|stopped| Failure::Build {
        build,
        project: request.project.clone(),
        reason: with_serving(stopped.reason, serving),
        code: stopped.code,
    })
}

fn with_serving(reason: String, serving: Option<Generation>) -> String {
    match serving {
        Some(serving) => format!("{reason}; generation {serving} serves on"),
        None => reason,
    }
}

fn attempt(
    store: &Store,
    request: &BuildRequest<'_>,
    build: &BuildId,
    session: SessionId,
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
        ..StartRequest::new(request.project.clone(), session)
    };
    let purpose = || Purpose::Build {
        build: build.clone(),
    };
    let mut fresh = false;
    let held = store
        .start_held_session(&start, purpose(), &Within { limits, progress })
        .or_else(|e| match e {
            StoreError::Quarantined { .. } => {
                progress.pause();
                show::note(&format!("{e}; the build starts from empty"));
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
        let command = startup_command(request, build, &held);
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
        trust_layers: request.trust_layers,
    };
    progress.phase("promoting");
    match store.promote_held(&held, &options, progress) {
        Ok(promoted) => {
            phases.promote = lap();
            Ok(BuildReport {
                build: build.clone(),
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
    EnclosedCommand {
        argv: request.startup.clone(),
        env: vec![
            word("CACHECORE_PROJECT", request.project.as_str()),
            word("CACHECORE_SESSION", held.report.session.as_str()),
            word("CACHECORE_BUILD", build.as_str()),
        ],
        current_dir: None,
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

impl Stopped {
    fn because(reason: String) -> Self {
        Self {
            outcome: BuildOutcome::Failed {
                reason: reason.clone(),
            },
            reason,
            code: exit::FAILED,
        }
    }

    fn by(error: impl Into<Failure>) -> Self {
        let failure = error.into();
        Self {
            code: failure.exit_code(),
            ..Self::because(failure.to_string())
        }
    }

    fn by_command(status: std::process::ExitStatus, log: &BuildLog) -> Self {
        let code = exit::of_status(status);
        let reason = match std::os::unix::process::ExitStatusExt::signal(&status) {
            Some(signal) => format!("the startup command was ended by signal {signal}"),
            None => format!("the startup command ended with exit code {code}"),
        };
        let outcome = BuildOutcome::CommandFailed {
            code: i32::from(code),
            last_lines: log.last_lines(),
        };
        Self {
            outcome,
            reason: with_lines(reason, log),
            code,
        }
    }

    fn by_failure(failure: Failure, log: &BuildLog) -> Self {
        let code = failure.exit_code();
        let reason = match &failure {
            Failure::Run(RunError::Deadline { .. }) => with_lines(
                "the deadline passed while the startup command ran".to_owned(),
                log,
            ),
            Failure::Run(RunError::Interrupted { .. }) => "interrupted".to_owned(),
            _ => failure.to_string(),
        };
        Self {
            code,
            ..Self::because(reason)
        }
    }
}

/// A reason with the last lines of the startup command below it.
fn with_lines(mut reason: String, log: &BuildLog) -> String {
    let lines = log.last_lines();
    if let Some(last) = lines.last() {
        reason.push_str(&format!(" (last line: {last})"));
    }
    reason
}
