use std::fs;
use std::time::SystemTime;

use cachecore::collection::{KeptBecause, Limit};
use goldenstore::ErrorClass;
use testbed::mounted::Mounted;

use super::*;
use crate::keeper::Place;

/// Makes a project look as if it had been promoted and last used so long ago.
fn unused_for(keeper: &Keeper, name: &str, time: Duration) {
    let then = SystemTime::now() - time;
    let folder = keeper.store.layout().project(&project(name));
    let number = keeper.current(name).unwrap();
    let manifest = folder.join(format!("gen-{number:06}/manifest.json"));
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    json["promoted_at"] = jiff::Timestamp::try_from(then).unwrap().to_string().into();
    fs::write(&manifest, json.to_string()).unwrap();
    let note = fs::File::create(folder.join("last-used")).unwrap();
    note.set_modified(then).unwrap();
}

fn idle(days: u32) -> Policy {
    Policy {
        session_idle: Some(days * DAY),
        ..Policy::default()
    }
}

#[test]
fn a_golden_that_nobody_uses_goes_and_its_layers_with_it() {
    let keeper = with_generations(2);
    keeper.import("web", &marked(9));
    unused_for(&keeper, "api", 40 * DAY);
    unused_for(&keeper, "web", 40 * DAY);
    // Starting a session is using it.
    keeper.start("web", "s1");
    keeper.remove("s1").unwrap();
    let expected = Model::of(&keeper)
        .without("golden/api/gen-000001")
        .without("golden/api/gen-000002")
        .without("golden/api/current")
        .without_unneeded_layers();
    let policy = Policy {
        max_idle: Some(30 * DAY),
        ..Policy::default()
    };
    let report = collect(&keeper, &policy);
    assert_eq!(goes(&report.plan), ["golden of api"]);
    expected.assert_is(&keeper);
    assert_eq!(keeper.current("api"), None);
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!(state.status, cachecore::record::Status::None);
    assert!(
        state.reason.contains("not used for too long"),
        "{}",
        state.reason
    );
    let error = keeper
        .store
        .start_session(&StartRequest::new(project("api"), session("s1")), &Silent)
        .unwrap_err();
    assert!(matches!(error, StoreError::NoGolden { .. }), "{error}");
    // And it may come back.
    keeper.import("api", &marked(3));
    keeper.start("api", "s1");
}

#[test]
fn a_smaller_store_keeps_what_is_leased_and_says_so() {
    let keeper = with_generations(2);
    keeper.import("web", &marked(9));
    keeper.import("old", &marked(8));
    unused_for(&keeper, "old", 40 * DAY);
    keeper.start("api", "s1");
    let all = keeper
        .store
        .plan_collection(&Policy::default(), &Silent)
        .unwrap();
    let policy = |max_size| Policy {
        max_size: Some(max_size),
        ..Policy::default()
    };
    // A byte less than there is: the superseded generation goes first, whatever its age.
    let plan = keeper
        .store
        .plan_collection(&policy(all.bytes_before - 1), &Silent)
        .unwrap();
    assert_eq!(goes(&plan), ["generation 1 of api"]);
    assert_eq!(plan.size_reached, Some(true));
    let report = collect(&keeper, &policy(0));
    assert_eq!(
        goes(&report.plan),
        ["generation 1 of api", "golden of old", "golden of web"]
    );
    assert_eq!(report.plan.size_reached, Some(false));
    let [kept] = report.plan.kept.as_slice() else {
        panic!("{:?}", report.plan.kept)
    };
    assert_eq!(kept.over, Limit::MaxSize);
    let sessions = vec![session("s1")];
    assert_eq!(kept.because, KeptBecause::Leased { sessions });
    assert_eq!(crate::concurrency::in_image(&keeper.data_root("s1")), "2");
    assert_eq!(keeper.current("api"), Some(2));
}

#[test]
fn a_session_goes_when_it_was_idle_for_too_long_and_not_for_its_age() {
    let keeper = with_generations(1);
    for id in ["idle", "old-and-used", "says-30d", "says-2d", "new"] {
        let request = StartRequest {
            expires: match id {
                "says-30d" => Some(30 * DAY),
                "says-2d" => Some(2 * DAY),
                _ => None,
            },
            ..StartRequest::new(project("api"), session(id))
        };
        keeper.store.start_session(&request, &Silent).unwrap();
        if id != "new" {
            idle_for(&keeper, id, 10 * DAY);
        }
    }
    // What a daemon writes when it builds or runs something.
    let database = keeper.data_root("old-and-used").join("buildkit/cache.db");
    fs::File::open(database)
        .unwrap()
        .set_modified(SystemTime::now())
        .unwrap();

    let without = collect(&keeper, &Policy::default());
    assert_eq!(goes(&without.plan), ["session says-2d"]);
    let report = collect(&keeper, &idle(7));
    assert_eq!(goes(&report.plan), ["session idle"]);
    let left: Vec<String> = keeper
        .store
        .list_sessions()
        .unwrap()
        .into_iter()
        .map(|info| info.record.session.to_string())
        .collect();
    assert_eq!(left, ["new", "old-and-used", "says-30d"]);
}

#[test]
fn a_session_that_is_used_stays_however_idle_it_looks() {
    let keeper = with_generations(1);
    for id in ["mounted", "daemon", "idle"] {
        keeper.start("api", id);
        idle_for(&keeper, id, 99 * DAY);
    }
    let inside = keeper.data_root("mounted").join("overlay2/inside");
    fs::create_dir(&inside).unwrap();
    idle_for(&keeper, "mounted", 99 * DAY);
    let database = keeper.data_root("daemon").join("buildkit/cache.db");
    let database = fs::File::options()
        .read(true)
        .write(true)
        .open(database)
        .unwrap();
    rustix::fs::flock(&database, rustix::fs::FlockOperation::LockExclusive).unwrap();
    {
        let _mounted = Mounted::tmpfs(&inside);
        let report = collect(&keeper, &idle(7));
        assert_eq!(goes(&report.plan), ["session idle"]);
        let kept: Vec<String> = report
            .plan
            .kept
            .iter()
            .map(|kept| format!("{}: {}", kept.item, kept.because))
            .collect();
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(
            kept.iter()
                .any(|k| k.contains("daemon") && k.contains("cache.db")),
            "{kept:?}"
        );
        assert!(
            kept.iter()
                .any(|k| k.contains("mounted") && k.contains("inside")),
            "{kept:?}"
        );
    }
    drop(database);
    let report = collect(&keeper, &idle(7));
    assert_eq!(
        goes(&report.plan),
        ["session daemon", "session mounted"].map(str::to_owned)
    );
}

#[test]
fn nothing_of_a_project_goes_while_its_build_runs() {
    let keeper = with_generations(4);
    let right = keeper.store.begin_build(&project("api")).unwrap();
    let policy = Policy {
        max_size: Some(0),
        ..Policy::default()
    };
    let report = collect(&keeper, &policy);
    assert_eq!(goes(&report.plan), Vec::<String>::new());
    assert!(
        report
            .plan
            .kept
            .iter()
            .all(|kept| kept.because == KeptBecause::Busy)
    );
    let error = keeper
        .store
        .remove_golden(&project("api"), &Silent)
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Busy, "{error}");
    drop(right);
    collect(&keeper, &policy);
    assert_eq!(keeper.current("api"), None);
}

/// Goldens that have their layers inside go as a whole, and sessions keep them as they keep others.
#[test]
fn whole_goldens_are_collected_like_layered_ones() {
    let keeper = Keeper::on(Place::Btrfs);
    for number in 1..=3 {
        keeper.import("api", &marked(number));
    }
    keeper.start("api", "s1");
    keeper.import("web", &marked(9));
    let expected = Model::of(&keeper)
        .without("golden/api/gen-000001")
        .without("golden/api/gen-000002")
        .without("golden/web/gen-000001")
        .without("golden/web/current");
    let policy = Policy {
        max_size: Some(0),
        ..Policy::default()
    };
    let report = collect(&keeper, &policy);
    assert_eq!(report.plan.size_reached, Some(false));
    expected.assert_is(&keeper);
    assert_eq!(crate::concurrency::in_image(&keeper.data_root("s1")), "3");
    keeper.remove("s1").unwrap();
    keeper
        .store
        .remove_golden(&project("api"), &Silent)
        .unwrap();
    assert_eq!(keeper.current("api"), None);
    keeper.assert_tidy();
}
