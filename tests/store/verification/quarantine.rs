//! A damaged layer: who may not start, what still works, and what repairs it.

use std::fs;

use cachecore::id::Generation;
use goldenstore::{ErrorClass, Silent, StartRequest, StoreError};

use super::{damaged, holding, verify};
use crate::keeper::{Keeper, api, project, refused, session};

/// Changes a file of the layer of [`api`] that every image stands on.
fn damage(keeper: &Keeper) {
    fs::write(holding(keeper, "usr/bin/ping").join("usr/bin/ping"), "oops").unwrap();
}

#[test]
fn nobody_starts_from_a_damaged_golden_in_any_project() {
    let keeper = Keeper::with_api();
    keeper.import("other", &api().of_daemon("another"));
    keeper.start("api", "before");
    damage(&keeper);
    let report = verify(&keeper, "api", true);
    let found = damaged(&report);
    assert_eq!(found.len(), 1, "{report:#?}");
    let needed: Vec<&str> = found[0]
        .needed_by
        .iter()
        .map(|need| need.project.as_str())
        .collect();
    assert_eq!(needed, ["api", "other"]);
    for of in ["api", "other"] {
        let error = refused(
            keeper
                .store
                .start_session(&StartRequest::new(project(of), session("s1")), &Silent),
        );
        assert_eq!(error.class(), ErrorClass::Integrity, "{error}");
        assert!(error.to_string().contains("generation 1"), "{error}");
        assert!(error.help().unwrap().contains("build"), "{error:?}");
    }
    // What stands on it can be removed, and does not become a golden.
    let error = refused(keeper.promote("before"));
    assert!(
        matches!(error, StoreError::LayerQuarantined { .. }),
        "{error}"
    );
    keeper.remove("before").unwrap();
    // Without reading contents it is known all the same.
    assert!(!verify(&keeper, "other", false).is_sound());
}

#[test]
fn an_older_generation_that_is_well_is_named_and_starts() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    let more = [
        crate::keeper::base(),
        testbed::dataroot::Layer::new("more").file("only/here", "1"),
    ];
    let root = testbed::dataroot::DataRoot::new()
        .of_daemon("more")
        .image("more", &more);
    root.write(keeper.data_root("s1"));
    keeper.promote("s1").unwrap();
    fs::remove_file(holding(&keeper, "only/here").join("only/here")).unwrap();
    verify(&keeper, "api", true);
    let request = StartRequest::new(project("api"), session("s2"));
    let error = refused(keeper.store.start_session(&request, &Silent));
    assert!(
        error.help().unwrap().contains("--generation 1"),
        "{error:?}"
    );
    let older = StartRequest {
        generation: Some(Generation::new(1)),
        ..request.clone()
    };
    let report = keeper.store.start_session(&older, &Silent).unwrap();
    assert_eq!(report.generation, Some(Generation::new(1)));
    let none = StartRequest {
        generation: Some(Generation::new(7)),
        session: session("s3"),
        ..request
    };
    let error = refused(keeper.store.start_session(&none, &Silent));
    assert_eq!(error.class(), ErrorClass::NotFound, "{error}");
}

#[test]
fn whoever_brings_the_layer_again_repairs_it() {
    let keeper = Keeper::with_api();
    keeper.import("other", &api().of_daemon("another"));
    damage(&keeper);
    verify(&keeper, "api", true);
    let report = keeper.import("third", &api().of_daemon("third"));
    assert_eq!(
        report.layers_moved, 2,
        "the repaired one, and a step of its own: {report:?}"
    );
    for of in ["api", "other", "third"] {
        let report = verify(&keeper, of, true);
        assert!(
            report.is_sound() && !report.generations[0].quarantined,
            "{report:#?}"
        );
        keeper.start(of, &format!("of-{of}"));
    }
    keeper.assert_tidy();
}

#[test]
fn what_is_damaged_is_not_repaired_by_what_is_damaged_too() {
    let keeper = Keeper::with_api();
    damage(&keeper);
    verify(&keeper, "api", true);
    let (from, written) = keeper.write("worse", &api().of_daemon("worse"));
    let base = &written.image("api").layers[0].folder;
    let ping = from.join("overlay2").join(base).join("diff/usr/bin/ping");
    fs::write(ping, "worse").unwrap();
    let import = keeper
        .store
        .import(&crate::keeper::import_of("worse", &from), &Silent);
    let error = refused(import);
    assert!(matches!(error, StoreError::LayerUnsound { .. }), "{error}");
    assert!(from.exists(), "what is refused stays where it was");
}

#[test]
fn a_layer_that_is_gone_is_repaired_by_the_next_who_brings_it() {
    let keeper = Keeper::with_api();
    let diff = holding(&keeper, "usr/bin/ping");
    fs::remove_dir_all(diff.parent().unwrap()).unwrap();
    let report = verify(&keeper, "api", false);
    let found = damaged(&report);
    assert_eq!(found[0].findings, ["it is not in the store"], "{report:#?}");
    let request = StartRequest::new(project("api"), session("s1"));
    refused(keeper.store.start_session(&request, &Silent));
    keeper.import("other", &api().of_daemon("another"));
    let report = verify(&keeper, "api", false);
    assert!(report.is_sound(), "{report:#?}");
    keeper.start("api", "s1");
}

#[test]
fn a_golden_that_is_removed_takes_its_mark_along() {
    let keeper = Keeper::with_api();
    damage(&keeper);
    assert!(!verify(&keeper, "api", true).is_sound());
    keeper
        .store
        .remove_golden(&project("api"), &Silent)
        .unwrap();
    let left: Vec<_> = fs::read_dir(keeper.root().join("golden/api"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("quarantine"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // Its layer went with it, so what comes now is new, and has the same number.
    keeper.import("api", &api().of_daemon("another"));
    assert_eq!(keeper.current("api"), Some(1));
    keeper.start("api", "s1");
}
