//! Invariant 2: killed at any instruction, a command leaves a store in which every earlier golden
//! and live session still works, the same command run again succeeds, and the rest goes.
//!
//! Each operation runs in a process of its own that is killed at a random moment of it, many times.
//! The states between two steps that such a kill seldom meets are made by hand.

use std::fs;
use std::path::Path;

use cachecore::record::Status;
use cachecore::strategy::Strategy;
use goldenstore::StoreError;
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};

use crate::child::Task;
use crate::keeper::{Keeper, Place, base, project};
use crate::layers_on_disk::stamps;
use kills::{KILLS, PRACTICE, kill_often};

mod between_steps;
mod kills;

crate::keeper::on_each_place!(
    a_killed_start_leaves_nothing_and_can_be_repeated,
    a_killed_removal_can_be_repeated,
    a_killed_promotion_can_be_repeated,
    a_killed_import_can_be_repeated,
);

/// A layer of many files, most of them empty. It is their number that makes an operation long enough
/// to be killed in the middle; more of them, or of their blocks, would only make what follows slow on
/// disks that are slow to forget what was deleted.
fn many(name: &str, files: usize) -> Layer {
    let full = files / 20;
    Layer::new(name).files(full, 100).files(files - full, 0)
}

/// A volume of many files, most of them empty.
fn with_rows(root: DataRoot, rows: usize) -> DataRoot {
    let rows: Vec<(String, String)> = (0..rows)
        .map(|row| {
            let content = match row % 20 {
                0 => format!("row {row}"),
                _ => String::new(),
            };
            (format!("rows/{}/{row}", row / 250), content)
        })
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(path, row)| (&**path, &**row)).collect();
    root.volume("rows", &rows)
}

/// Putting a layer in place moves the time of its folder, dropping things that of those above.
fn moved(path: &Path) -> bool {
    path.components().count() <= 3
}

/// What a generation does not keep.
fn dropped(path: &Path) -> bool {
    ["containers", "network", "swarm", "runtimes", "tmp"]
        .iter()
        .any(|name| path.starts_with(name))
        || path.starts_with("image/overlay2/layerdb/mounts")
}

fn a_killed_start_leaves_nothing_and_can_be_repeated(place: Place) {
    let keeper = Keeper::on(place);
    let layers = [base(), many("app", 400)];
    keeper.import(
        "api",
        &with_rows(DataRoot::new().image("api", &layers), 300),
    );
    let golden = keeper
        .seen(keeper.generation("api", 1))
        .without_times(moved);
    let strategy = |nth: u32| {
        let all = place.strategies();
        all[nth as usize % all.len()]
    };
    kill_often(
        &keeper,
        "start",
        |nth| Task::Start {
            project: "api".to_owned(),
            session: "s1".to_owned(),
            strategy: strategy(nth),
        },
        |nth, again| {
            if let Err(error) = again {
                assert!(matches!(error, StoreError::SessionExists { .. }), "{error}");
            }
            let record = keeper.store.session(&crate::keeper::session("s1")).unwrap();
            assert_eq!(record.strategy, strategy(nth));
            let seen = keeper.seen(keeper.data_root("s1")).without_times(moved);
            golden.assert_same(&seen, "the session");
            keeper.remove("s1").unwrap();
        },
    );
}

fn a_killed_removal_can_be_repeated(place: Place) {
    let keeper = Keeper::on(place);
    let layers = [base(), many("app", 500)];
    keeper.import(
        "api",
        &with_rows(DataRoot::new().image("api", &layers), 100),
    );
    kill_often(
        &keeper,
        "rm",
        |_| {
            keeper.start_by("api", "s1", Strategy::Copy).unwrap();
            Task::Remove {
                session: "s1".to_owned(),
            }
        },
        |_, again| {
            if let Err(error) = again {
                assert!(
                    matches!(error, StoreError::UnknownSession { .. }),
                    "{error}"
                );
            }
            assert!(!keeper.data_root("s1").exists());
        },
    );
}

/// Each round brings a layer that is new, and one that another project has brought to the store.
fn a_killed_promotion_can_be_repeated(place: Place) {
    let keeper = Keeper::on(place);
    let known = |nth: u32| many(&format!("known-{nth}"), 150);
    let rounds = PRACTICE + place.times(KILLS);
    let library = (0..rounds).fold(DataRoot::new().of_daemon("library"), |root, nth| {
        root.image(&format!("known-{nth}"), &[known(nth)])
    });
    keeper.import("library", &library);
    let root = DataRoot::new().image("api", &[base()]);
    keeper.import("api", &with_rows(root, 100));
    let mut expected = Vec::new();
    kill_often(
        &keeper,
        "promote",
        |nth| {
            keeper.start("api", "s1");
            let new = many(&format!("new-{nth}"), 150);
            DataRoot::new()
                .image("api", &[base(), new])
                .image(&format!("known-{nth}"), &[known(nth)])
                .build_cache(&nth.to_string())
                .write(keeper.data_root("s1"));
            expected = vec![keeper.seen(keeper.data_root("s1"))];
            Task::Promote {
                session: "s1".to_owned(),
            }
        },
        |nth, again| {
            again.unwrap();
            // Each round made one generation, however often it took.
            let current = keeper.current("api").unwrap();
            assert_eq!(current, u64::from(nth) + 2);
            let state = keeper.store.project_state(&project("api")).unwrap();
            let reason = format!("generation {current} was promoted from session s1");
            assert_eq!((state.status, state.reason), (Status::Ready, reason));
            let manifest = keeper.manifest("api");
            assert_eq!(state.last_ready_at, Some(manifest.promoted_at));
            assert_eq!(manifest.base.unwrap().number(), current - 1);
        },
    );
    // The last session is the last generation, whole; the layers of all rounds are there.
    let last = keeper.generation("api", keeper.current("api").unwrap());
    expected
        .remove(0)
        .without(dropped)
        .without_times(moved)
        .assert_same(&keeper.seen(last).without_times(moved), "the generation");
    let layers = match place {
        Place::Here | Place::Xfs => 1 + 2 + 2 * rounds,
        // They are inside.
        Place::Btrfs => 0,
    };
    assert_eq!(stamps(&keeper).len() as u32, layers);
}

/// By copy and by move in turns; every round brings a known and a new layer.
fn a_killed_import_can_be_repeated(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let known = many("known", 200);
    let from = keeper.path("docker");
    let mut whole = None;
    let copies = |nth: u32| nth.is_multiple_of(2);
    // Both closures look at the round's source.
    let source = std::cell::RefCell::new(None);
    kill_often(
        &keeper,
        "import",
        |nth| {
            if from.exists() {
                fs::remove_dir_all(&from).unwrap();
            }
            let new = many(&format!("new-{nth}"), 200);
            let root = DataRoot::new().image("web", &[known.clone(), new]);
            with_rows(root, 150).write(&from);
            *source.borrow_mut() = Some(Checksum::of(&from));
            Task::Import {
                project: "web".to_owned(),
                from: from.clone(),
                copy: copies(nth),
            }
        },
        |nth, again| {
            again.unwrap();
            let source = source.borrow_mut().take().unwrap();
            if copies(nth) {
                source.assert_same(&Checksum::of(&from), "the source");
            } else {
                assert!(!from.exists());
            }
            let golden = keeper.generation("web", keeper.current("web").unwrap());
            let seen = keeper.seen(golden).without_times(moved);
            source
                .without(dropped)
                .without_times(moved)
                .assert_same(&seen, "the golden");
            let state = keeper.store.project_state(&project("web")).unwrap();
            assert_eq!(state.status, Status::Ready);
            assert_eq!(
                state.last_ready_at,
                Some(keeper.manifest("web").promoted_at)
            );
            whole = Some(seen);
        },
    );
    assert!(whole.unwrap().entries() > 600);
}
