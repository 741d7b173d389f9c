//! Commands that are asked to stop.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cachecore::strategy::{Requested, Strategy};
use goldenstore::{ImportRequest, Observer, PromoteOptions, StartRequest, StoreError};
use testbed::checksum::Checksum;

use crate::keeper::{Keeper, Place, api, import_of, project, refused, session};

crate::keeper::on_each_place!(
    an_interrupted_start_leaves_nothing,
    an_interrupted_import_leaves_nothing,
    an_interrupted_promotion_has_promoted,
);

/// Asks for the end when it has been asked so often.
struct Impatient {
    asked: AtomicU64,
    patience: u64,
}

impl Impatient {
    fn after(patience: u64) -> Self {
        Self {
            asked: AtomicU64::new(0),
            patience,
        }
    }
}

impl Observer for Impatient {
    fn interrupted(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst) >= self.patience
    }
}

fn folders_of_work(path: &Path) -> bool {
    path == Path::new("sessions") || path == Path::new("trash")
}

fn an_interrupted_start_leaves_nothing(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let before = keeper.checksum().without_times(folders_of_work);
    for strategy in place.strategies() {
        if *strategy == Strategy::Snapshot {
            // One call to the kernel, which nobody interrupts.
            continue;
        }
        for patience in [0, 1, 5, 20] {
            let request = StartRequest {
                strategy: Requested::Exactly(*strategy),
                ..StartRequest::new(project("api"), session("s1"))
            };
            let observer = Impatient::after(patience);
            let error = refused(keeper.store.start_session(&request, &observer));
            assert!(matches!(error, StoreError::Interrupted), "{error}");
            let after = keeper.checksum().without_times(folders_of_work);
            before.assert_same(&after, "the store");
        }
    }
    keeper.start("api", "s1");
}

fn an_interrupted_import_leaves_nothing(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let (from, _) = keeper.write("docker", &api().of_daemon("another"));
    let source = Checksum::of(&from);
    let before = keeper.checksum().without_times(folders_of_work);
    let request = ImportRequest {
        copy: true,
        ..import_of("web", &from)
    };
    for patience in [0, 10, 40] {
        let observer = Impatient::after(patience);
        let error = refused(keeper.store.import(&request, &observer));
        assert!(matches!(error, StoreError::Interrupted), "{error}");
        let after = keeper.checksum().without_times(folders_of_work);
        before.assert_same(&after, "the store");
        source.assert_same(&Checksum::of(&from), "the source");
    }
}

#[test]
fn an_interrupted_removal_is_finished_by_the_next() {
    let keeper = Keeper::with_api();
    keeper.start_by("api", "s1", Strategy::Copy).unwrap();
    let observer = Impatient::after(10);
    let error = refused(keeper.store.remove_session(&session("s1"), &observer));
    assert!(matches!(error, StoreError::Interrupted), "{error}");
    assert_eq!(keeper.store.list_sessions().unwrap(), []);
    // The id is free at once, and the next removal takes the rest along.
    keeper.start("api", "s1");
    keeper.remove("s1").unwrap();
    keeper.assert_tidy();
}

/// What is promoted is promoted: only tidying up can be cut short, and that is no failure.
fn an_interrupted_promotion_has_promoted(place: Place) {
    let keeper = Keeper::with_api_on(place);
    keeper.start("api", "s1");
    api().container("another").write(keeper.data_root("s1"));
    let report = keeper
        .store
        .promote_session(
            &session("s1"),
            &PromoteOptions::default(),
            &Impatient::after(0),
        )
        .unwrap();
    assert_eq!(report.generation.number(), 2);
    assert_eq!(keeper.current("api"), Some(2));
    keeper.start("api", "s2");
    keeper.remove("s2").unwrap();
    keeper.assert_tidy();
}
