//! Sessions start and end while generations change under them.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{Silent, StartRequest, Store};
use serde_json::Value;
use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, Place, base, project, session};

crate::keeper::here_and_on_btrfs!(
    every_session_is_wholly_of_one_generation,
    one_session_starts_once,
);

const STARTERS: u64 = 20;
const SESSIONS_EACH: u64 = 8;

/// A generation that says its number in an image, in a volume, and in the build cache.
pub(crate) fn marked(number: u64) -> DataRoot {
    let number = number.to_string();
    DataRoot::new()
        .image(
            "api",
            &[base(), Layer::new("app").file("generation", &number)],
        )
        // Another project has brought these layers: here they are swapped for links.
        .image("tool", &[base(), tool(&number)])
        .volume("db", &[("generation", &number)])
        .build_cache(&number)
}

fn tool(number: &str) -> Layer {
    Layer::new(&format!("tool-{number}")).files(3, 50)
}

pub(crate) fn in_volume(root: &Utf8Path) -> String {
    fs::read_to_string(root.join("volumes/db/_data/generation")).unwrap()
}

fn in_build_cache(root: &Utf8Path) -> String {
    let text = fs::read_to_string(root.join("buildkit/cache.db")).unwrap();
    text.strip_prefix("cache.db ").unwrap().to_owned()
}

/// What a daemon would find: from the name by the config and the layer database to the file.
pub(crate) fn in_image(root: &Utf8Path) -> String {
    let database = root.join("image/overlay2");
    let json =
        |path: Utf8PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let names = json(database.join("repositories.json"));
    let id = names["Repositories"]["api"]["api:latest"].as_str().unwrap();
    let id = id.strip_prefix("sha256:").unwrap();
    let config = json(database.join("imagedb/content/sha256").join(id));
    let diff_ids: Vec<String> =
        serde_json::from_value(config["rootfs"]["diff_ids"].clone()).unwrap();
    let chains = cachecore::dataroot::chain::chain_ids(&diff_ids).unwrap();
    let top = chains.last().unwrap().as_str();
    let entry = database.join("layerdb/sha256").join(top);
    let folder = fs::read_to_string(entry.join("cache-id")).unwrap();
    fs::read_to_string(root.join("overlay2").join(folder).join("diff/generation")).unwrap()
}

/// Every session is wholly of one generation, the one that its report names.
fn every_session_is_wholly_of_one_generation(place: Place) {
    let keeper = Keeper::on(place);
    let library = (1..=400).fold(DataRoot::new().of_daemon("library"), |root, number| {
        root.image(
            &format!("tool-{number}"),
            &[base(), tool(&number.to_string())],
        )
    });
    keeper.import("library", &library);
    keeper.import("api", &marked(1));
    let done = AtomicU64::new(0);
    let promoted = AtomicU64::new(1);
    let failed = AtomicBool::new(false);
    let promotions = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..STARTERS)
            .map(|starter| {
                let (keeper, done, failed) = (&keeper, &done, &failed);
                let enough =
                    || promoted.load(Ordering::SeqCst) > 3 || failed.load(Ordering::SeqCst);
                scope.spawn(move || {
                    let outcome =
                        std::panic::catch_unwind(|| start_and_look(keeper, starter, &enough));
                    done.fetch_add(1, Ordering::SeqCst);
                    if let Err(panic) = outcome {
                        failed.store(true, Ordering::SeqCst);
                        std::panic::resume_unwind(panic);
                    }
                })
            })
            .collect();
        let mut number = 1;
        while done.load(Ordering::SeqCst) < STARTERS && !failed.load(Ordering::SeqCst) {
            number += 1;
            let id = format!("promoted-{number}");
            keeper.start("api", &id);
            marked(number).write(keeper.data_root(&id));
            let report = keeper.promote(&id).unwrap();
            assert_eq!(report.generation.number(), number);
            // The tool is in the store already; on btrfs no layer is.
            let moved = u64::from(place != Place::Btrfs);
            assert_eq!(report.layers_moved, moved);
            promoted.store(number, Ordering::SeqCst);
        }
        for starter in starters {
            starter.join().unwrap();
        }
        number
    });
    assert_eq!(keeper.current("api"), Some(promotions));
    keeper.store.recover().unwrap();
    keeper.store.empty_trash(&Silent).unwrap();
    keeper.assert_tidy();
    assert_eq!(keeper.store.list_sessions().unwrap(), []);
    for number in 1..=promotions {
        let golden = keeper.generation("api", number);
        let number = number.to_string();
        assert_eq!(in_volume(&golden), number);
        assert_eq!(in_build_cache(&golden), number);
        assert_eq!(in_image(&golden), number);
    }
}

/// Starts sessions, and goes on until there were enough promotions beside them.
fn start_and_look(keeper: &Keeper, starter: u64, enough: &dyn Fn() -> bool) {
    // As another process would: with a store handle of its own.
    let store = Store::open(&keeper.root()).unwrap();
    let mut nth = 0;
    while nth < SESSIONS_EACH || !enough() {
        nth += 1;
        let id = session(&format!("s{starter}-{nth}"));
        let request = StartRequest::new(project("api"), id.clone());
        let report = store.start_session(&request, &Silent).unwrap();
        let generation = report.generation.unwrap().to_string();
        assert_eq!(in_volume(&report.data_root), generation, "{id}");
        assert_eq!(in_build_cache(&report.data_root), generation, "{id}");
        assert_eq!(in_image(&report.data_root), generation, "{id}");
        assert_eq!(
            store.session(&id).unwrap().generation.unwrap().to_string(),
            generation
        );
        store.remove_session(&id, &Silent).unwrap();
    }
}

/// Known layers become links by way of the trash, which others empty meanwhile.
#[test]
fn known_layers_become_links_while_the_trash_is_emptied() {
    let keeper = Keeper::new();
    let library = |daemon: &str| {
        (0..150).fold(DataRoot::new().of_daemon(daemon), |root, number| {
            let number_file = number.to_string();
            let layer = Layer::new("numbered").file("number", &number_file);
            root.image(&format!("image-{number}"), &[layer])
        })
    };
    keeper.import("first", &library("first"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = Store::open(&keeper.root()).unwrap();
                while !stop.load(Ordering::SeqCst) {
                    store.empty_trash(&Silent).unwrap();
                }
            });
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for name in ["second", "third", "fourth"] {
                // The lower step of its build is the only layer that is its own.
                let report = keeper.import(name, &library(name));
                assert_eq!((report.layers, report.layers_moved), (151, 1));
            }
        }));
        stop.store(true, Ordering::SeqCst);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
    let first = keeper.seen(keeper.generation("first", 1));
    assert!(first.entries() > 150 * 5);
    // What came in after the last look of one who was told to stop is for the next.
    keeper.store.empty_trash(&Silent).unwrap();
    keeper.assert_tidy();
}

/// Of many commands that start the same session one wins, and nothing of the others is left.
fn one_session_starts_once(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let golden = keeper.seen(keeper.generation("api", 1));
    for round in 0..5 {
        let id = session(&format!("s{round}"));
        let won = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = Store::open(&keeper.root()).unwrap();
                    let request = StartRequest::new(project("api"), id.clone());
                    match store.start_session(&request, &Silent) {
                        Ok(_) => {
                            won.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            assert_eq!(error.to_string(), format!("session {id} exists already"));
                        }
                    }
                });
            }
        });
        assert_eq!(won.load(Ordering::SeqCst), 1);
        golden.assert_same(&keeper.seen(keeper.data_root(id.as_str())), "the session");
        keeper.assert_tidy();
    }
}

/// A session that its command keeps is not taken for one whose command is gone.
#[test]
fn keeping_a_session_is_not_missed_by_recovery() {
    let keeper = Keeper::with_api();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = Store::open(&keeper.root()).unwrap();
                while !stop.load(Ordering::SeqCst) {
                    store.recover().unwrap();
                }
            });
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for nth in 0..100 {
                let id = session(&format!("s{nth}"));
                let request = StartRequest::new(project("api"), id.clone());
                let held = keeper
                    .store
                    .start_held_session(&request, cachecore::record::Purpose::Run, &Silent)
                    .unwrap();
                keeper.store.keep_session(held).unwrap();
                keeper.store.session(&id).unwrap();
                keeper.store.remove_session(&id, &Silent).unwrap();
            }
        }));
        stop.store(true, Ordering::SeqCst);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}
