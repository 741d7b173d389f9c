//! Requests for golden builds on disk: whoever is killed between two steps, none is lost, and nobody
//! builds beside another.

use std::sync::atomic::{AtomicU64, Ordering};

use cachecore::id::{BuildId, SessionId};
use cachecore::record::{BuildSummary, Decision, Other, Settings, Status};
use cachecore::trigger::{self, Facts, Taken};
use goldenstore::{Asked, BuildRight, Store, StoreError};
use jiff::Timestamp;

use crate::keeper::{Keeper, project};

fn settings() -> Settings {
    Settings {
        enabled: true,
        startup: "/srv/startup".into(),
        folder: "/srv".into(),
        timeout_ms: 60_000,
        volumes: Default::default(),
        dockerd: None,
        network: "isolated".into(),
        daemon_config: None,
        other: Other::new(),
    }
}

/// A store with a project that is enabled, and what that asks for cancelled.
fn enabled() -> Keeper {
    let keeper = Keeper::with_api();
    let now = Timestamp::now();
    let asked = keeper.store.ask(&project("api"), |state, _| {
        trigger::enable(state, settings(), None, now);
        trigger::cancel(state, now);
    });
    assert!(!asked.unwrap().needs_builder);
    keeper
}

fn ask(store: &Store, revision: &str) -> Asked<Decision> {
    store
        .ask(&project("api"), |state, golden| {
            let facts = Facts {
                golden,
                startup_sha256: Some("s".into()),
            };
            trigger::trigger(state, Some(revision), &facts, Timestamp::now())
        })
        .unwrap()
}

fn take(store: &Store, right: BuildRight, build: &str) -> (Taken, Option<BuildRight>) {
    let (build, session) = (BuildId::new(build).unwrap(), SessionId::new(build).unwrap());
    store
        .take_request(right, &project("api"), |state, _| {
            let facts = Facts::default();
            trigger::take(state, &build, &session, &facts, Timestamp::now())
        })
        .unwrap()
}

fn end(store: &Store) {
    let update = store.update_project(&project("api"), |state| {
        let running = state.building.clone().unwrap();
        let summary = BuildSummary {
            build: running.build,
            generation: None,
            reason: "it ended".into(),
            revision: running.revision,
            cut_short: None,
            started_at: running.started_at,
            ended_at: running.started_at,
        };
        state.end(summary, None);
    });
    update.unwrap();
}

#[test]
fn what_was_recorded_and_not_started_is_found_by_the_next_command() {
    let keeper = enabled();
    assert!(ask(&keeper.store, "r1").needs_builder);
    // Its command is killed here, before it can start a builder.
    let store = Store::open(&keeper.root()).unwrap();
    let again = ask(&store, "r2");
    assert!(again.needs_builder);
    assert_eq!(again.state.pending.unwrap().coalesced, 1);
    let right = store.begin_build(&project("api")).unwrap();
    assert!(!ask(&store, "r3").needs_builder, "somebody builds");
    let (taken, right) = take(&store, right, "b1");
    let Taken::Build(request) = taken else {
        panic!("it is built: {taken:?}")
    };
    assert_eq!(request.revision.as_deref(), Some("r3"));
    end(&store);
    assert_eq!(take(&store, right.unwrap(), "b2").0, Taken::Nothing);
    assert!(ask(&store, "r4").needs_builder, "the right was given back");
}

#[test]
fn a_killed_builders_request_is_pending_again() {
    let keeper = enabled();
    ask(&keeper.store, "r1");
    let right = keeper.store.begin_build(&project("api")).unwrap();
    let (_, right) = take(&keeper.store, right, "b1");
    keeper.store.recover().unwrap();
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!(state.status, Status::Building, "it lives");
    // The kernel frees the lock of a killed process.
    drop(right);
    keeper.store.recover().unwrap();
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!(state.status, Status::Failed);
    assert_eq!(
        state.reason,
        "the command that ran the build was killed; generation 1 serves on"
    );
    let pending = state.pending.unwrap();
    assert_eq!(
        (pending.revision.as_deref(), pending.killed),
        (Some("r1"), 1)
    );
    let asked = keeper.store.ask(&project("api"), |_, _| ()).unwrap();
    assert!(asked.needs_builder);
    // Whoever takes the right to build finds it out as well, without a recovery in between.
    let right = keeper.store.begin_build(&project("api")).unwrap();
    drop(take(&keeper.store, right, "b2"));
    let right = keeper.store.begin_build(&project("api")).unwrap();
    let (taken, right) = take(&keeper.store, right, "b3");
    assert!(matches!(taken, Taken::Build(request) if request.killed == 2));
    // And so does one that could not note the end of its own last build. Three times is enough.
    let (taken, right) = take(&keeper.store, right.unwrap(), "b4");
    assert!(taken == Taken::Nothing && right.is_none());
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!((state.status, state.building), (Status::Failed, None));
    assert_eq!(state.unbuilt.unwrap().revision.as_deref(), Some("r1"));
}

#[test]
fn a_cancelled_build_that_is_killed_was_cancelled() {
    let keeper = enabled();
    ask(&keeper.store, "r1");
    let right = keeper.store.begin_build(&project("api")).unwrap();
    let (_, right) = take(&keeper.store, right, "b1");
    let cancelled = keeper
        .store
        .ask(&project("api"), |state, _| {
            trigger::cancel(state, Timestamp::now())
        })
        .unwrap();
    assert!(cancelled.answer.running.is_some());
    drop(right);
    keeper.store.recover().unwrap();
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!((state.status, state.pending), (Status::Ready, None));
    assert_eq!(
        state.reason,
        "build b1 was cancelled; generation 1 serves on"
    );
}

#[test]
fn no_request_falls_between_a_builder_that_ends_and_a_command_that_asks() {
    const ASKERS: u64 = 4;
    const EACH: u64 = 25;
    let keeper = enabled();
    let (builds, running) = (AtomicU64::new(0), AtomicU64::new(0));
    let builder = || {
        let store = Store::open(&keeper.root()).unwrap();
        let mut right = match store.begin_build(&project("api")) {
            Ok(right) => right,
            Err(StoreError::Busy { .. }) => return,
            Err(e) => panic!("{e}"),
        };
        loop {
            let number = builds.fetch_add(1, Ordering::SeqCst);
            let (taken, kept) = take(&store, right, &format!("b{number}"));
            let Some(kept) = kept else { return };
            right = kept;
            assert!(matches!(taken, Taken::Build(_)));
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
            running.fetch_sub(1, Ordering::SeqCst);
            end(&store);
        }
    };
    std::thread::scope(|scope| {
        for asker in 0..ASKERS {
            let builder = &builder;
            let keeper = &keeper;
            scope.spawn(move || {
                let store = Store::open(&keeper.root()).unwrap();
                for n in 0..EACH {
                    if ask(&store, &format!("{asker}-{n}")).needs_builder {
                        scope.spawn(builder);
                    }
                }
            });
        }
    });
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!(state.requests, ASKERS * EACH + 1);
    assert_eq!((&state.building, &state.pending), (&None, &None));
    assert_eq!(state.unbuilt.unwrap().number, state.requests, "the newest");
}
