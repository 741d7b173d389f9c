//! One test a command.

use crate::scene::Scene;
use crate::walk::{Again, walk, walk_in};

#[test]
fn session_start_by_link() {
    let words = ["session", "start", "api", "new", "--strategy", "link"];
    walk(&words, Again::IsTaken);
}

#[test]
fn session_start_by_copy() {
    let words = ["session", "start", "api", "new", "--strategy", "copy"];
    walk(&words, Again::IsTaken);
}

#[test]
fn session_promote() {
    walk(&["session", "promote", "work"], Again::Works);
}

#[test]
fn session_rm() {
    walk(&["session", "rm", "work"], Again::IsGone);
}

#[test]
fn import() {
    let words = ["import", "api", "--from", "STAGE/incoming"];
    walk(&words, Again::Works);
}

#[test]
fn import_by_copy() {
    let words = ["import", "api", "--copy", "--from", "STAGE/incoming"];
    walk(&words, Again::MakesAnother);
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
    walk_in(&Scene::with_containerd(), &words, Again::Works);
}

#[test]
fn init() {
    walk(&["--root", "STAGE/another", "init"], Again::Works);
}

#[test]
fn gc() {
    let words = ["gc", "--keep", "1", "--max-size", "0"];
    walk_in(&Scene::with_rubbish(), &words, Again::Works);
}

#[test]
fn rm() {
    walk_in(&Scene::with_rubbish(), &["rm", "other"], Again::IsGone);
}

#[test]
fn disable() {
    walk(&["disable", "api"], Again::Works);
}

#[test]
fn cancel() {
    walk(&["cancel", "api"], Again::Works);
}
