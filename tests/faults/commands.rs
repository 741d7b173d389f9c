//! Commands that work on a store alone: one test a command, on each kind of golden.

use crate::scene::{By, On, Scene};
use crate::walk::{Again, Walk};

/// Walks the points of `goldenctl` with these words.
fn walk(scene: &Scene, words: &[&str], again: Again) {
    Walk::new(scene, words, again).walk();
}

/// The main commands, where goldens are of another kind too.
macro_rules! on_each_kind {
    ($($kind:ident: $on:ident, $by:ident, $strategy:literal;)+) => {
        $(mod $kind {
            use super::*;

            #[test]
            fn session_start() {
                let scene = Scene::of(On::$on, By::$by);
                let words = ["session", "start", "api", "new", "--strategy", $strategy];
                walk(&scene, &words, Again::IsTaken);
            }

            #[test]
            fn session_promote() {
                let scene = Scene::of(On::$on, By::$by);
                walk(&scene, &["session", "promote", "work"], Again::Works);
            }

            #[test]
            fn session_rm() {
                let scene = Scene::of(On::$on, By::$by);
                walk(&scene, &["session", "rm", "work"], Again::IsGone);
            }

            #[test]
            fn import() {
                let scene = Scene::of(On::$on, By::$by);
                let words = ["import", "api", "--from", "STAGE/incoming"];
                walk(&scene, &words, Again::Works);
            }

            #[test]
            fn import_by_copy() {
                let scene = Scene::of(On::$on, By::$by);
                let words = ["import", "api", "--copy", "--from", "STAGE/incoming"];
                walk(&scene, &words, Again::MakesAnother);
            }

            #[test]
            fn gc() {
                let scene = Scene::with_rubbish(On::$on, By::$by);
                let words = ["gc", "--keep", "1", "--max-size", "0"];
                walk(&scene, &words, Again::Works);
            }

            #[test]
            fn rm() {
                let scene = Scene::with_rubbish(On::$on, By::$by);
                walk(&scene, &["rm", "other"], Again::IsGone);
            }
        })+
    };
}

on_each_kind! {
    layered: Memory, Overlay2, "link";
    of_containerd: Memory, Containerd, "link";
    whole: Btrfs, Overlay2, "snapshot";
    whole_of_containerd: Btrfs, Containerd, "reflink";
}

#[test]
fn verify() {
    let words = ["verify", "api", "--full"];
    walk(&Scene::new(), &words, Again::Works);
}

#[test]
fn verify_of_whole_goldens() {
    let words = ["verify", "api", "--full"];
    walk(&Scene::of(On::Btrfs, By::Overlay2), &words, Again::Works);
}

#[test]
fn verify_of_containerds_store() {
    let words = ["verify", "api", "--full"];
    walk(&Scene::of(On::Memory, By::Containerd), &words, Again::Works);
}

#[test]
fn session_start_by_copy() {
    let words = ["session", "start", "api", "new", "--strategy", "copy"];
    walk(&Scene::new(), &words, Again::IsTaken);
}

/// What was moved before a fault goes back, or the same command finishes it.
#[test]
fn import_with_containerd() {
    let words = [
        "import",
        "api",
        "--from",
        "STAGE/incoming-docker",
        "--containerd",
        "STAGE/incoming-containerd",
    ];
    walk(&Scene::with_containerd(), &words, Again::Works);
}

#[test]
fn init() {
    let words = ["--root", "STAGE/another", "init"];
    walk(&Scene::new(), &words, Again::Works);
}

#[test]
fn disable() {
    walk(&Scene::new(), &["disable", "api"], Again::Works);
}

#[test]
fn cancel() {
    walk(&Scene::new(), &["cancel", "api"], Again::Works);
}
