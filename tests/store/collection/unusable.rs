use std::fs;

use super::*;

fn all() -> Policy {
    Policy {
        max_size: Some(0),
        session_idle: Some(Duration::ZERO),
        ..Policy::default()
    }
}

/// One record that is lost stops neither the collection nor costs anything that it may tell of.
#[test]
fn what_cannot_be_read_stays_and_the_rest_goes() {
    for (broken, stays) in [
        ("sessions/docker-data-s1/session.json", "session s1"),
        ("golden/api/state.json", "project api"),
        ("golden/api/gen-000002/manifest.json", "generation 2 of api"),
    ] {
        for content in ["", "{", "{\"format\": 99}"] {
            let keeper = with_generations(2);
            keeper.import("web", &marked(9));
            keeper.start("api", "s1");
            fs::write(keeper.root().join(broken), content).unwrap();
            let expected = Model::of(&keeper)
                .without("golden/web/gen-000001")
                .without("golden/web/current");
            let expected = match broken {
                "golden/api/state.json" => expected,
                _ => expected.without("golden/api/gen-000001"),
            };
            // Generation 2 of `api` stays with its session in each case.
            let expected = expected.without_unneeded_layers();
            let report = keeper.store.collect(&all(), &Silent).unwrap();
            let unjudged = &report.plan.unjudged;
            assert!(
                unjudged.iter().any(|u| u.what == stays),
                "{broken}: {unjudged:?}"
            );
            expected_but_for_session(&keeper, expected, broken);
        }
    }
}

fn expected_but_for_session(keeper: &Keeper, expected: Model, broken: &str) {
    // The session is idle at once by this policy, and goes unless it is the one that is unusable.
    if broken.starts_with("sessions") {
        expected.assert_is(keeper);
    } else {
        expected
            .without("sessions/docker-data-s1")
            .assert_is(keeper);
    }
}

#[test]
fn what_the_store_does_not_know_is_left_alone_and_named() {
    let keeper = with_generations(1);
    let strangers = [
        "sessions/lost+found",
        "layers/a b",
        "golden/.hidden",
        "builds/x y",
    ];
    for stranger in strangers {
        fs::create_dir_all(keeper.root().join(stranger)).unwrap();
    }
    let before = Model::of(&keeper);
    let report = collect(&keeper, &Policy::default());
    before.assert_is(&keeper);
    for stranger in strangers {
        let strangers = &report.plan.strangers;
        assert!(strangers.iter().any(|s| s == stranger), "{strangers:?}");
    }
}

/// A promotion that was cut short has its new layers in the store, and only its links tell.
#[test]
fn layers_that_a_promotion_has_begun_to_bring_stay() {
    let keeper = with_generations(1);
    keeper.start("api", "s1");
    marked(5).write(keeper.data_root("s1"));
    // As it is after the fourth step of a promotion, made of one that came to its end.
    let report = keeper.store.promote_session(
        &session("s1"),
        &goldenstore::PromoteOptions::default(),
        &Silent,
    );
    let generation = report.unwrap().generation;
    let folder = keeper
        .store
        .layout()
        .generation(&project("api"), generation);
    let back = keeper.store.layout().session(&session("s1"));
    let manifest = fs::read(folder.join("manifest.json")).unwrap();
    fs::rename(&folder, &back).unwrap();
    let record = serde_json::json!({
        "format": 1, "session": "s1", "project": "api", "generation": 1,
        "purpose": {"kind": "session"}, "stage": "promoting", "strategy": "link", "why": [],
        "lease": {"taken_at": "2024-01-01T00:00:00Z", "ends": "removal"},
        "started_at": "2024-01-01T00:00:00Z",
    });
    fs::write(back.join("session.json"), record.to_string()).unwrap();
    fs::remove_file(back.join("manifest.json")).unwrap();
    let current = keeper.root().join("golden/api/current");
    fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink("gen-000001", &current).unwrap();

    let before = Model::of(&keeper);
    let report = collect(&keeper, &all());
    assert_eq!(goes(&report.plan), Vec::<String>::new());
    before.assert_is(&keeper);
    // It is promoted as if nothing had happened.
    let done = keeper.promote("s1").unwrap();
    assert_eq!(done.generation, generation);
    let again = fs::read(folder.join("manifest.json")).unwrap();
    let layers = |bytes: &[u8]| {
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["layers"].clone()
    };
    assert_eq!(layers(&manifest), layers(&again));
}
