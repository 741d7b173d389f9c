use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cachecore::id::{Generation, ProjectId};
use cachecore::record::{Decision, ProjectState, Request, Verdict};
use cachecore::trigger::{self};
use goldenstore::{Asked, Store};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Global, Patience, Trigger};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{builder, exit, private_daemon, show};

/// How often a command that waits looks at the state.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often it looks whether the builder was killed.
const ROUND: Duration = Duration::from_secs(2);

/// A request that a command makes.
pub(super) struct Asking<'a> {
    pub(super) store: &'a Store,
    pub(super) project: &'a ProjectId,
    pub(super) wait: bool,
    /// Whether it is no failure that the project is disabled: a merge hook asks after every merge, and
    /// who has disabled builds wants no hook to fail of it.
    pub(super) may_be_disabled: bool,
}

/// What a request led to, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    project: &'a ProjectId,
    #[serde(flatten)]
    decision: &'a Decision,
    /// The request that waits, or waited until a builder took it.
    pending: Option<&'a Request>,
    /// With `--wait`: where the project stands when no request is left.
    settled: Option<Settled>,
}

#[derive(Serialize)]
struct Settled {
    built: bool,
    status: &'static str,
    reason: String,
    generation: Option<Generation>,
}

pub(super) fn trigger(global: &Global, args: &Trigger) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let Some(project) = &args.project else {
        return resume_all(global, &store);
    };
    let revision = args.revision.as_deref();
    let asked = store.ask(project, |state, golden| {
        let facts = builder::facts(state, golden);
        trigger::trigger(state, revision, &facts, Timestamp::now())
    })?;
    let asking = Asking {
        store: &store,
        project,
        wait: args.patience.wait,
        // Who waits for a golden wants one.
        may_be_disabled: !args.patience.wait,
    };
    answer(global, &asking, &asked)
}

pub(super) fn retry(
    global: &Global,
    project: &ProjectId,
    patience: &Patience,
) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let asked = store.ask(project, |state, _| trigger::retry(state, Timestamp::now()))?;
    let asking = Asking {
        store: &store,
        project,
        wait: patience.wait,
        may_be_disabled: false,
    };
    answer(global, &asking, &asked)
}

/// Starts builders for whatever waits and is built by nobody.
fn resume_all(global: &Global, store: &Store) -> Result<u8, Failure> {
    let mut resumed = Vec::new();
    for project in store.projects()? {
        if store.project_state(&project)?.pending.is_none() {
            continue;
        }
        if store.ask(&project, |_, _| ())?.needs_builder {
            builder::start(store, &project)?;
            resumed.push(project);
        }
    }
    if global.json {
        show::json(&resumed);
        return Ok(exit::OK);
    }
    if resumed.is_empty() {
        show::line("nothing waits");
    }
    for project in resumed {
        show::line(&format!("a build of {project} starts: a request waited"));
    }
    Ok(exit::OK)
}

/// Starts the builder that a request needs, waits if that was asked for, and says what was decided.
pub(super) fn answer(
    global: &Global,
    asking: &Asking<'_>,
    asked: &Asked<Decision>,
) -> Result<u8, Failure> {
    let (project, decision) = (asking.project, &asked.answer);
    if asked.needs_builder {
        builder::start(asking.store, project)?;
    }
    let settings = asked.state.settings.as_ref();
    let disabled = settings.is_some_and(|settings| !settings.enabled);
    let taken = decision.verdict != Verdict::Refused || disabled && asking.may_be_disabled;
    if !global.json && taken {
        show::line(&sentence(project, decision));
    }
    let waits = asking.wait && asked.state.pending.is_some();
    let settled = match waits {
        true => Some(settle(asking, asked.state.requests)?),
        false => None,
    };
    let failed = settled.as_ref().filter(|settled| !settled.built);
    let failure = match (taken, failed) {
        (false, _) => Some(refusal(project, decision, &asked.state)),
        (true, Some(settled)) => Some(Failure::NotBuilt {
            project: project.clone(),
            reason: settled.reason.clone(),
        }),
        (true, None) => None,
    };
    if !global.json
        && failure.is_none()
        && let Some(settled) = &settled
    {
        show::line(&format!("project {project} is settled: {}", settled.reason));
    }
    if global.json {
        show::json(&Answer {
            project,
            decision,
            pending: asked.state.pending.as_ref(),
            settled,
        });
    }
    failure.map_or(Ok(exit::OK), Err)
}

fn sentence(project: &ProjectId, decision: &Decision) -> String {
    let of = match &decision.revision {
        Some(revision) => format!("{project} of revision {revision}"),
        None => project.to_string(),
    };
    let reason = &decision.reason;
    match decision.verdict {
        Verdict::StartNow => format!("a build of {of} starts: {reason}"),
        Verdict::Coalesced => format!("a build of {of} waits: {reason}"),
        Verdict::Skipped => format!("no build of {of} is needed: {reason}"),
        Verdict::Refused => format!("no build of {of} is started: {reason}"),
    }
}

fn refusal(project: &ProjectId, decision: &Decision, state: &ProjectState) -> Failure {
    let help = match &state.settings {
        Some(settings) if settings.enabled && state.building.is_some() => {
            format!("wait for it, or end it with: goldenctl cancel {project}")
        }
        Some(settings) if settings.enabled => {
            format!("ask for a new build with: goldenctl trigger {project}")
        }
        Some(settings) => format!(
            "enable it with: goldenctl enable {project} --startup {}",
            settings.startup
        ),
        None => format!("name one with: goldenctl enable {project} --startup FILE"),
    };
    Failure::Refused {
        project: project.clone(),
        reason: decision.reason.clone(),
        help,
    }
}

/// Waits until no request is left, and says what became of the one with this number, or of those
/// that came after it. A builder that was killed is replaced.
fn settle(asking: &Asking<'_>, number: u64) -> Result<Settled, Failure> {
    let Asking { store, project, .. } = *asking;
    let interrupted = interrupt::watch(Interactive::No);
    let progress = Progress::new("waiting for the golden build", interrupted.clone());
    let mut looked = Instant::now();
    loop {
        let state = store.project_state(project)?;
        let settled = state.pending.is_none() && state.building.is_none();
        if settled && !store.is_building(project)? {
            drop(progress);
            let unbuilt = state.unbuilt.as_ref();
            return Ok(Settled {
                built: unbuilt.is_none_or(|unbuilt| unbuilt.number < number),
                status: state.status.name(),
                reason: state.reason,
                generation: store.current(project)?,
            });
        }
        if interrupted.load(Ordering::SeqCst) {
            drop(progress);
            return Err(Failure::Interrupted { kept: Kept::Build });
        }
        if looked.elapsed() >= ROUND {
            looked = Instant::now();
            store.recover()?;
            if store.ask(project, |_, _| ())?.needs_builder {
                builder::start(store, project)?;
            }
        }
        std::thread::sleep(INTERVAL);
    }
}
