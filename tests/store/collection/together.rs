use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use goldenstore::{ErrorClass, Store};

use super::*;
use crate::concurrency::{in_image, in_volume};
use crate::keeper::import_of;

const STARTERS: u64 = 4;
const SESSIONS_EACH: u64 = 8;

/// Collections run beside sessions that start and end, and goldens that come, go and are superseded:
/// every session has all of its generation for as long as it lives.
#[test]
fn nothing_that_is_needed_is_collected_whatever_goes_on_meanwhile() {
    let keeper = with_generations(1);
    let done = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let working = || done.load(Ordering::SeqCst) < STARTERS && !failed.load(Ordering::SeqCst);
    let guard = |work: &dyn Fn()| {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Err(panic) = outcome {
            failed.store(true, Ordering::SeqCst);
            std::panic::resume_unwind(panic);
        }
    };
    let collections = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for starter in 0..STARTERS {
            let (keeper, done, guard) = (&keeper, &done, &guard);
            let enough = || collections.load(Ordering::SeqCst) > 3;
            scope.spawn(move || {
                guard(&|| start_and_look(keeper, starter, &enough));
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        for max_size in [None, Some(0)] {
            let (keeper, collections, working, guard) = (&keeper, &collections, &working, &guard);
            scope.spawn(move || {
                guard(&|| {
                    let store = Store::open(&keeper.root()).unwrap();
                    let policy = Policy {
                        max_size,
                        ..Policy::default()
                    };
                    while working() {
                        accept_busy(store.collect(&policy, &Silent).map(drop));
                        collections.fetch_add(1, Ordering::SeqCst);
                    }
                });
            });
        }
        let (keeper, working, guard) = (&keeper, &working, &guard);
        scope.spawn(move || {
            guard(&|| {
                let store = Store::open(&keeper.root()).unwrap();
                while working() {
                    match store.remove_golden(&project("api"), &Silent) {
                        Err(StoreError::NoGolden { .. }) => {}
                        other => accept_busy(other.map(drop)),
                    }
                }
            });
        });
        guard(&|| {
            let mut number = 1;
            while working() {
                number += 1;
                let (from, _) = keeper.write(&format!("golden-{number}"), &marked(number));
                keeper
                    .store
                    .import(&import_of("api", &from), &Silent)
                    .unwrap();
            }
        });
    });
    collect(&keeper, &Policy::default());
    Model::of(&keeper)
        .without_unneeded_layers()
        .assert_is(&keeper);
    assert_eq!(keeper.store.list_sessions().unwrap(), []);
    keeper.assert_tidy();
}

fn accept_busy(outcome: Result<(), StoreError>) {
    if let Err(e) = outcome {
        assert_eq!(e.class(), ErrorClass::Busy, "{e}");
    }
}

/// Starts sessions, and goes on until there were enough collections beside them.
fn start_and_look(keeper: &Keeper, starter: u64, enough: &dyn Fn() -> bool) {
    let store = Store::open(&keeper.root()).unwrap();
    let mut nth = 0;
    while nth < SESSIONS_EACH || !enough() {
        let id = session(&format!("s{starter}-{nth}"));
        let request = StartRequest::new(project("api"), id.clone());
        let report = match store.start_session(&request, &Silent) {
            Ok(report) => report,
            Err(StoreError::NoGolden { .. }) => {
                std::thread::yield_now();
                continue;
            }
            Err(e) => panic!("{e}"),
        };
        // Time for the others to take it away.
        for _ in 0..20 {
            let image = in_image(&report.data_root);
            assert_eq!(image, in_volume(&report.data_root), "{id}");
            std::thread::yield_now();
        }
        store.remove_session(&id, &Silent).unwrap();
        nth += 1;
    }
}
