//! Collection: what nobody needs goes, and all that somebody needs stays.

mod killed;
mod limits;
mod model;
mod removed;
mod room;
mod together;
mod unusable;

use std::fs;
use std::time::{Duration, SystemTime};

use cachecore::collection::{CollectionPlan, Policy, Unjudged};
use cachecore::record::Purpose;
use goldenstore::{CollectionReport, Silent, StartRequest, StoreError};
use walkdir::WalkDir;

use crate::concurrency::marked;
use crate::keeper::{Keeper, project, session};
use model::Model;

const DAY: Duration = Duration::from_secs(86_400);

/// A store in which `api` has so many generations, of which no two have the same layers but `base`.
fn with_generations(count: u64) -> Keeper {
    let keeper = Keeper::new();
    for number in 1..=count {
        keeper.import("api", &marked(number));
    }
    keeper
}

fn collect(keeper: &Keeper, policy: &Policy) -> CollectionReport {
    let report = keeper.store.collect(policy, &Silent).unwrap();
    assert_eq!(report.failed, Vec::<Unjudged>::new());
    report
}

/// What a plan removes by name, but for layers.
fn goes(plan: &CollectionPlan) -> Vec<String> {
    let removals = plan.removals.iter().map(|r| r.item.to_string());
    removals
        .filter(|item| !item.starts_with("layer "))
        .collect()
}

/// Makes a session look as if nothing had been done in it for so long.
fn idle_for(keeper: &Keeper, id: &str, time: Duration) {
    let then = SystemTime::now() - time;
    let stamp = jiff::Timestamp::try_from(then).unwrap();
    let folder = keeper.store.layout().session(&session(id));
    let record = folder.join("session.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    json["started_at"] = stamp.to_string().into();
    fs::write(&record, json.to_string()).unwrap();
    for entry in WalkDir::new(folder.join("docker")).contents_first(true) {
        let entry = entry.unwrap();
        if entry.file_type().is_dir() || entry.file_type().is_file() {
            fs::File::open(entry.path())
                .unwrap()
                .set_modified(then)
                .unwrap();
        }
    }
}

#[test]
fn a_collection_without_limits_returns_the_store_to_its_exact_size() {
    let keeper = with_generations(4);
    keeper.import("web", &marked(9));
    keeper.start("api", "leases-4");
    // A promoted generation, a left-over of every kind, and somebody's session on generation 4.
    keeper.import("api", &marked(5));
    keeper.import("api", &marked(6));
    keeper.start("api", "lives");
    let held = keeper
        .store
        .start_held_session(
            &StartRequest::new(project("api"), session("works")),
            Purpose::Run,
            &Silent,
        )
        .unwrap();
    let expected = Model::of(&keeper)
        .without("golden/api/gen-000001")
        .without("golden/api/gen-000002")
        .without("golden/api/gen-000003")
        .without_unneeded_layers();
    let abandoned = StartRequest::new(project("api"), session("abandoned"));
    let lost = keeper
        .store
        .start_held_session(&abandoned, Purpose::Run, &Silent);
    drop(lost.unwrap());
    for (path, content) in [
        ("trash/1-2-3/deep/file", "x"),
        ("sessions/.starting-docker-data-s9-1-2-3/docker/file", "x"),
        ("layers/nobodys/diff/file", "x"),
        ("builds/20200101-000000-abcd/log", "x"),
        ("golden/api/.state.json.1-2-3", "{"),
        ("sessions/docker-data-lives/.session.json.1-2-3", "{"),
    ] {
        let path = keeper.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let begun = keeper.root().join("layers/begun");
    fs::create_dir_all(&begun).unwrap();
    std::os::unix::fs::symlink(begun.join("diff"), begun.join("diff")).unwrap();
    let planned = keeper
        .store
        .plan_collection(&Policy::default(), &Silent)
        .unwrap();
    let report = collect(&keeper, &Policy::default());
    assert_eq!(goes(&planned), goes(&report.plan));
    assert_eq!(
        goes(&report.plan),
        [
            "trash, 1 entries",
            "session .starting-docker-data-s9-1-2-3",
            "session abandoned",
            "generation 1 of api",
            "generation 2 of api",
            "generation 3 of api",
            "build 20200101-000000-abcd",
        ]
    );
    assert_eq!(report.plan.kept.len(), 1, "{:?}", report.plan.kept);
    assert!(
        report.entries > 100 && report.plan.bytes() > 0,
        "{report:?}"
    );
    expected.assert_is(&keeper);
    keeper.assert_tidy();
    drop(held);
    // Once more, with nothing to do.
    keeper.store.recover().unwrap();
    let again = collect(&keeper, &Policy::default());
    assert_eq!(goes(&again.plan), ["trash, 1 entries"]);
    assert_eq!(again.plan.bytes_after, report_size(&keeper));
}

/// What the store holds by the next plan's reckoning.
fn report_size(keeper: &Keeper) -> u64 {
    let plan = keeper.store.plan_collection(&Policy::default(), &Silent);
    plan.unwrap().bytes_before
}

#[test]
fn a_dry_run_changes_nothing() {
    let keeper = with_generations(4);
    keeper.start("api", "s1");
    idle_for(&keeper, "s1", 9 * DAY);
    let staging = keeper
        .root()
        .join("sessions/.starting-docker-data-s9-1-2-3");
    fs::create_dir_all(staging.join("docker")).unwrap();
    let before = keeper.checksum();
    let policy = Policy {
        max_size: Some(0),
        max_idle: Some(Duration::ZERO),
        session_idle: Some(DAY),
        ..Policy::default()
    };
    let plan = keeper.store.plan_collection(&policy, &Silent).unwrap();
    assert!(plan.removals.len() > 5, "{plan:?}");
    before.assert_same(&keeper.checksum(), "the store");
}

#[test]
fn a_collection_can_be_interrupted_and_goes_on_later() {
    struct Impatient(std::sync::atomic::AtomicU64);
    impl goldenstore::Observer for Impatient {
        fn interrupted(&self) -> bool {
            self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) <= 1
        }
    }
    let keeper = with_generations(4);
    let expected = Model::of(&keeper)
        .without("golden/api/gen-000001")
        .without("golden/api/gen-000002")
        .without_unneeded_layers();
    let mut interrupted = 0;
    for patience in 1.. {
        let observer = Impatient((patience * 3).into());
        match keeper.store.collect(&Policy::default(), &observer) {
            Ok(_) => break,
            // While it only looked, or with so much done.
            Err(StoreError::Interrupted) => {}
            Err(StoreError::CollectionInterrupted { removed, planned }) => {
                assert!(removed <= planned, "{removed} of {planned}");
            }
            Err(e) => panic!("{e}"),
        }
        interrupted += 1;
        keeper.start("api", "s1");
        keeper.remove("s1").unwrap();
    }
    assert!(interrupted > 3, "{interrupted}");
    collect(&keeper, &Policy::default());
    expected.assert_is(&keeper);
}

#[test]
fn progress_is_told() {
    #[derive(Default)]
    struct Seen(std::sync::atomic::AtomicU64);
    impl goldenstore::Observer for Seen {
        fn advanced(&self, entries: u64, _: u64) {
            self.0
                .fetch_add(entries, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let keeper = with_generations(3);
    let seen = Seen::default();
    let report = keeper.store.collect(&Policy::default(), &seen).unwrap();
    assert!(report.entries > 0);
    assert_eq!(seen.0.into_inner(), report.entries);
}
