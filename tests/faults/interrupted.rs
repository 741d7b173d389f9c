//! Ctrl-C in the middle of each command that can take over a second: it ends with 130 and says in one
//! sentence what is kept, and the same command run again does the rest.
//!
//! The middle is a system call, at which strace(1) delivers the signal.

use crate::scene::{By, On, Scene};
use crate::walk::{Again, Walk};

/// Interrupts a command of a session on goldens in layers.
#[track_caller]
fn assert_says(words: &str, again: Again, call: &str, shown: &str, says: &str) {
    let scene = Scene::with_rubbish(On::Memory, By::Overlay2);
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut walk = Walk::new(&scene, &words, again);
    if words.contains(&"DOUBLE") {
        walk = walk.that_starts_programs();
    }
    let ended = walk.interrupted_at(call, shown, &[]);
    let says = says.replace("STAGE", scene.stage().as_str());
    // A build also says how far it had come.
    let is_said = ended.stderr.contains("interrupted") && ended.stderr.contains(&says);
    assert!(is_said, "{ended:?}");
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn a_session_that_is_copied() {
    let words = "session start api new --strategy copy";
    let says = "interrupted: session new was not made\n";
    assert_says(words, Again::Works, "mkdirat", "docker-data-new", says);
}

#[test]
fn a_promotion() {
    let says = "interrupted: session work stays, and was not promoted\n";
    assert_says(
        "session promote work",
        Again::Works,
        "openat",
        "/lock\"",
        says,
    );
}

#[test]
fn the_removal_of_a_session() {
    let says = "interrupted: session work is removed; \
                what is left of its files goes with the next gc\n";
    assert_says(
        "session rm work",
        Again::IsGone,
        "renameat2",
        "docker-data-work",
        says,
    );
}

#[test]
fn an_import_before_it_has_moved_anything() {
    let says = "interrupted: the data root stays where it was, at STAGE/incoming\n";
    let words = "import api --from STAGE/incoming";
    assert_says(words, Again::Works, "openat", "/lock\"", says);
}

/// It is still to become a subvolume.
#[test]
fn an_import_that_has_moved_the_data_root() {
    let scene = Scene::of(On::Btrfs, By::Overlay2);
    let words = ["import", "api", "--from", "STAGE/incoming"];
    let walk = Walk::new(&scene, &words, Again::Works);
    let ended = walk.interrupted_at("renameat2", "\"incoming\"", &[]);
    let says = "the same command run again finishes the import\n";
    assert!(ended.stderr.contains(says), "{ended:?}");
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn an_import_by_copy() {
    let says = "interrupted: the data root stays where it was, at STAGE/incoming\n";
    let words = "import api --copy --from STAGE/incoming";
    assert_says(words, Again::Works, "mkdirat", "docker-data-import", says);
}

#[test]
fn a_collection() {
    let says = "interrupted: 2 of 10 removed; the rest goes with the next gc\n";
    let words = "gc --keep 1 --max-size 0";
    assert_says(words, Again::Works, "renameat2", "/trash>", says);
}

#[test]
fn a_collection_that_only_deletes_yet() {
    let says = "removed; the rest goes with the next gc\n";
    assert_says("gc", Again::Works, "unlinkat", "/trash", says);
}

#[test]
fn the_removal_of_a_golden() {
    let says = "removed; the rest goes with the next gc\n";
    assert_says("rm other", Again::IsGone, "renameat2", "gen-000002", says);
}

#[test]
fn a_verification() {
    let says = "interrupted: 0 of 1 projects were verified; nothing else was changed\n";
    assert_says(
        "verify api --full",
        Again::Works,
        "openat",
        "api/lock\"",
        says,
    );
}

#[test]
fn a_measurement() {
    let says = "interrupted: nothing was measured; what it was measured with is thrown away\n";
    let words = "bench --sessions 1";
    assert_says(words, Again::Works, "mkdirat", "docker-data-bench", says);
}

#[test]
fn a_build() {
    let words = "build api --network isolated --dockerd DOUBLE -- DOUBLE build";
    let says = "; generation 2 serves on\n";
    assert_says(words, Again::Works, "mkdirat", "docker-data-build", says);
}

#[test]
fn the_first_build_of_a_project() {
    let words = "build web --network isolated --dockerd DOUBLE -- DOUBLE build";
    let says = "; there is no golden yet\n";
    assert_says(words, Again::Works, "mkdirat", "docker-data-build", says);
}

#[test]
fn a_command_in_a_session() {
    let words = "run api --network isolated --dockerd DOUBLE -- DOUBLE build";
    let says = "interrupted: the session is thrown away\n";
    assert_says(words, Again::Works, "mkdirat", "docker-data-run", says);
}

/// What cannot look whether it shall end is ended.
#[test]
fn a_store_on_an_image() {
    let scene = Scene::new();
    let words = ["--root", "STAGE/another", "init", "--btrfs-image", "300M"];
    let walk = Walk::new(&scene, &words, Again::Works).that_starts_programs();
    let ended = walk.interrupted_at("openat", "another", &["wait4", "waitid"]);
    let says = "interrupted: the same command run again completes what there is of the store\n";
    assert!(ended.stderr.contains(says), "{ended:?}");
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn who_asks_what_is_there() {
    let scene = Scene::new();
    let walk = Walk::new(&scene, &["status"], Again::Works);
    let ended = walk.interrupted_at("openat", "store", &["getdents64"]);
    let says = "goldenctl: interrupted: nothing was changed\n";
    assert!(ended.stderr.contains(says), "{ended:?}");
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn who_asks_twice_does_not_wait() {
    let scene = Scene::new();
    let walk = Walk::new(&scene, &["session", "promote", "work"], Again::Works);
    let ended = walk.interrupted_again_and_again("fsync", "sessions");
    // nsenter(1) ends by the same signal, or with 1 where it ignores that.
    assert!(matches!(ended.code, None | Some(1)), "{ended:?}");
    assert_eq!((&*ended.stdout, &*ended.stderr), ("", ""), "{ended:?}");
}
