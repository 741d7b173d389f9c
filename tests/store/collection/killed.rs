use std::fs;

use cachecore::record::Status;

use super::*;
use crate::child::{End, Task, Worker};

/// How often each command is killed, from its first moment to its last.
const KILLS: u32 = 12;

fn sweep(
    keeper: &Keeper,
    task: &Task,
    mut prepare: impl FnMut(&Keeper) -> Model,
    check: impl Fn(&Keeper, &Model),
) {
    let live = keeper.seen(keeper.data_root("live"));
    let expected = prepare(keeper);
    let (mut usual, said) = Worker::begin(task, &keeper.root()).finish();
    assert_eq!(said, "well");
    check(keeper, &expected);
    let mut landed = 0;
    for nth in 0..KILLS {
        let expected = prepare(keeper);
        let moment = usual * nth / KILLS;
        match Worker::begin(task, &keeper.root()).kill_after(moment) {
            End::Killed => landed += 1,
            // The machine has become faster: aim earlier.
            End::Done(time) => usual = usual.min(time),
        }
        live.assert_same(&keeper.seen(keeper.data_root("live")), "the live session");
        check(keeper, &expected);
    }
    assert!(
        landed >= KILLS / 4,
        "only {landed} of {KILLS} kills came before the end"
    );
}

#[test]
fn a_killed_collection_leaves_a_working_store_and_the_next_one_its_exact_size() {
    let keeper = with_generations(2);
    keeper.start("api", "live");
    let mut number = 2;
    sweep(
        &keeper,
        &Task::Collect,
        |keeper| {
            number += 1;
            keeper.import("api", &marked(number));
            let oldest = if number == 3 { 1 } else { number - 2 };
            // Generation 2 is leased by the one who lives through all of it.
            let model = Model::of(keeper);
            let model = if oldest == 2 {
                model
            } else {
                model.without(&format!("golden/api/gen-{oldest:06}"))
            };
            let model = model.without_unneeded_layers();
            fs::create_dir_all(keeper.root().join("trash/1-2-3/deep")).unwrap();
            fs::create_dir_all(keeper.root().join("sessions/.starting-x-1-2-3/docker")).unwrap();
            model
        },
        |keeper, expected| {
            // The golden works between the two.
            keeper.start("api", "next");
            let seen = crate::concurrency::in_image(&keeper.data_root("next"));
            assert_eq!(seen, keeper.current("api").unwrap().to_string());
            keeper.remove("next").unwrap();
            collect(keeper, &Policy::default());
            expected.assert_is(keeper);
            keeper.assert_tidy();
        },
    );
}

#[test]
fn a_golden_whose_removal_is_killed_serves_or_is_gone() {
    let keeper = Keeper::new();
    keeper.import("web", &marked(1));
    keeper.start("web", "live");
    sweep(
        &keeper,
        &Task::RemoveGolden {
            project: "api".to_owned(),
        },
        |keeper| {
            keeper.import("api", &marked(2));
            keeper.import("api", &marked(3));
            Model::of(keeper)
        },
        |keeper, _| {
            keeper.store.recover().unwrap();
            let serves = keeper.current("api").is_some();
            if serves {
                assert_eq!(keeper.status("api"), Status::Ready);
                keeper.start("api", "next");
                assert_eq!(crate::concurrency::in_image(&keeper.data_root("next")), "3");
                keeper.remove("next").unwrap();
                keeper
                    .store
                    .remove_golden(&project("api"), &Silent)
                    .unwrap();
            }
            assert_eq!(keeper.status("api"), Status::None);
            collect(keeper, &Policy::default());
            let only_web = Model::of(keeper).without_unneeded_layers();
            only_web.assert_is(keeper);
            keeper.assert_tidy();
        },
    );
}

/// The states between two steps that a kill seldom meets, made by hand.
#[test]
fn the_steps_of_a_removal_are_finished_or_undone_by_the_next_command() {
    let keeper = with_generations(2);
    let golden = keeper.root().join("golden/api");
    // Killed after `current` went: the golden serves again.
    fs::remove_file(golden.join("current")).unwrap();
    keeper.store.recover().unwrap();
    assert_eq!(
        (keeper.current("api"), keeper.status("api")),
        (Some(2), Status::Ready)
    );
    // Killed before the state was told: it is told.
    fs::remove_file(golden.join("current")).unwrap();
    for generation in ["gen-000001", "gen-000002"] {
        fs::rename(
            golden.join(generation),
            keeper.root().join("trash").join(generation),
        )
        .unwrap();
    }
    keeper.store.recover().unwrap();
    assert_eq!(
        (keeper.current("api"), keeper.status("api")),
        (None, Status::None)
    );
    collect(&keeper, &Policy::default());
    assert_eq!(
        fs::read_dir(keeper.root().join("layers")).unwrap().count(),
        0
    );
}
