use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use goldenstore::{ErrorClass, Store};

use std::sync::Mutex;

use goldenstore::BuildRight;

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

/// Somebody who begins to build once a collection has decided, and removed the first thing.
struct Builder<'a> {
    keeper: &'a Keeper,
    right: Mutex<Option<BuildRight>>,
}

impl Builder<'_> {
    const FIRST: &'static str = "sessions/.starting-docker-data-s9-1-2-3";
}

impl treeclone::Observer for Builder<'_> {
    fn interrupted(&self) -> bool {
        let mut right = self.right.lock().unwrap();
        if right.is_none() && !self.keeper.root().join(Self::FIRST).exists() {
            *right = Some(self.keeper.store.begin_build(&project("api")).unwrap());
        }
        false
    }
}

#[test]
fn what_a_builder_is_at_by_now_stays_and_is_said_to_be_busy() {
    let keeper = with_generations(4);
    fs::create_dir(keeper.root().join(Builder::FIRST)).unwrap();
    let builder = Builder {
        keeper: &keeper,
        right: Mutex::new(None),
    };
    let report = keeper.store.collect(&Policy::default(), &builder).unwrap();
    let superseded = ["generation 1 of api", "generation 2 of api"];
    assert_eq!(goes(&report.plan)[1..], superseded);
    let stayed: Vec<&str> = report.failed.iter().map(|f| f.what.as_str()).collect();
    assert_eq!(stayed[..2], superseded);
    assert!(report.failed.iter().all(|failed| failed.busy), "{report:?}");
    assert_eq!(keeper.store.generations(&project("api")).unwrap().len(), 4);
    drop(builder);
    let report = collect(&keeper, &Policy::default());
    assert_eq!(report.failed, []);
    assert_eq!(keeper.store.generations(&project("api")).unwrap().len(), 2);
}
