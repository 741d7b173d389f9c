//! Sets of commands that could get into each other's way.

use goldenstore::{ErrorClass, StoreError};

use crate::schedule::{interleave, interleave_one_in};

fn succeeded(ended: &[Result<(), StoreError>]) -> usize {
    ended.iter().filter(|end| end.is_ok()).count()
}

/// Ends the test if a command failed otherwise than by finding somebody else there.
fn only_busy(ended: &[Result<(), StoreError>]) {
    for error in ended.iter().filter_map(|end| end.as_ref().err()) {
        assert_eq!(error.class(), ErrorClass::Busy, "{error}");
    }
}

#[test]
fn a_session_starts_while_another_is_promoted_and_a_third_removed() {
    interleave(
        &[
            |scene| scene.start("new"),
            |scene| scene.promote("one"),
            |scene| scene.remove("two"),
        ],
        |scene, ended| {
            only_busy(ended);
            assert_eq!(succeeded(ended), 3, "{ended:?}");
            assert!(scene.data_root("new").join("image").is_dir());
        },
    );
}

#[test]
fn of_two_promotions_one_wins() {
    let ends = interleave(
        &[|scene| scene.promote("one"), |scene| scene.promote("two")],
        |_, ended| {
            assert_eq!(succeeded(ended), 1, "{ended:?}");
            let lost = ended.iter().find_map(|end| end.as_ref().err());
            assert!(matches!(lost, Some(StoreError::MovedOn { .. })), "{lost:?}");
        },
    );
    assert_eq!(ends.len(), 2, "each of them wins in some order: {ends:?}");
}

#[test]
fn a_session_is_promoted_or_removed() {
    interleave(
        &[|scene| scene.promote("one"), |scene| scene.remove("one")],
        |_, ended| {
            assert!(succeeded(ended) >= 1, "{ended:?}");
            for error in ended.iter().filter_map(|end| end.as_ref().err()) {
                let class = error.class();
                assert!(
                    matches!(class, ErrorClass::Busy | ErrorClass::NotFound),
                    "{error}"
                );
            }
        },
    );
}

#[test]
fn a_session_starts_once() {
    interleave(
        &[
            |scene| scene.start("new"),
            |scene| scene.start("new"),
            |scene| scene.recover(),
        ],
        |_, ended| {
            only_busy(ended);
            assert_eq!(succeeded(&ended[..2]), 1, "{ended:?}");
        },
    );
}

#[test]
fn two_imports_bring_the_same_layers() {
    interleave(
        &[
            |scene| scene.import("left", "left", false),
            |scene| scene.import("right", "right", true),
            |scene| scene.recover(),
        ],
        |_, ended| {
            only_busy(ended);
            assert_eq!(succeeded(ended), 3, "{ended:?}");
        },
    );
}

#[test]
fn left_overs_are_collected_while_sessions_come_and_go() {
    interleave(
        &[
            |scene| scene.recover(),
            |scene| scene.start("new"),
            |scene| scene.remove("one"),
            |scene| scene.recover(),
        ],
        |_, ended| {
            only_busy(ended);
            assert_eq!(succeeded(ended), 4, "{ended:?}");
        },
    );
}

#[test]
fn a_collection_takes_nothing_from_those_who_start_and_promote() {
    interleave(
        &[
            |scene| scene.collect(),
            |scene| scene.start("new"),
            |scene| scene.promote("one"),
            |scene| scene.import("left", "left", false),
        ],
        |scene, ended| {
            only_busy(ended);
            assert_eq!(succeeded(&ended[1..]), 3, "{ended:?}");
            assert!(scene.data_root("new").join("image").is_dir());
        },
    );
}

#[test]
fn a_collection_gets_its_turn_among_clones_that_leave_no_gap() {
    interleave_one_in(
        5,
        &[
            |scene| scene.clone_without_a_gap("left"),
            |scene| scene.clone_without_a_gap("right"),
            |scene| scene.collect_among_clones(),
        ],
        |_, ended| assert_eq!(succeeded(ended), 3, "{ended:?}"),
    );
}

#[test]
fn nobody_waits_for_a_collection_that_waits_for_a_long_clone() {
    interleave_one_in(
        5,
        &[
            |scene| scene.clone_for_long("long"),
            |scene| scene.collect_among_clones(),
            |scene| scene.start_before_it_has_collected("new"),
        ],
        |_, ended| {
            only_busy(ended);
            let succeeded: Vec<bool> = ended.iter().map(Result::is_ok).collect();
            assert_eq!(succeeded, [true, false, true], "{ended:?}");
        },
    );
}
