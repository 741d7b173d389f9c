//! Commands that start daemons, or builders that do. The daemon is a double.

use cachecore::id::ProjectId;
use cachecore::record::ProjectState;
use cachecore::trigger;
use camino::Utf8Path;
use goldenstore::Store;
use jiff::Timestamp;
use testbed::engines::dockerd_double;
use testbed::waiting_request;

use crate::scene::Scene;
use crate::walk::{Again, Walk};

/// Asks for what a request of the tests wants, unless it is there.
const TRIGGER: [&str; 5] = ["trigger", "api", "--revision", "r1", "--wait"];

fn walk(scene: &Scene, words: &[&str], again: Again) {
    let walk = Walk::new(scene, words, again).that_starts_programs();
    walk.walk();
}

/// A request that waits, with a startup file that is there.
fn waiting(store: &Store, stage: &Utf8Path) {
    let api = ProjectId::new("api").unwrap();
    let dockerd = Some(dockerd_double().to_owned());
    waiting_request::leave_with(store, &api, stage.join("startup"), dockerd);
}

/// The same, but somebody has cancelled the request.
fn cancelled(store: &Store, stage: &Utf8Path) {
    waiting(store, stage);
    let api = ProjectId::new("api").unwrap();
    let cancel = |state: &mut ProjectState| trigger::cancel(state, Timestamp::UNIX_EPOCH);
    let asked = store.ask(&api, |state, _| cancel(state)).unwrap();
    assert!(asked.answer.dropped.is_some());
}

#[test]
fn build() {
    let scene = Scene::that_builds(|_, _| {});
    let words = "build api --network isolated --timeout 30s --dockerd DOUBLE -- DOUBLE build";
    let words: Vec<&str> = words.split(' ').collect();
    walk(&scene, &words, Again::MakesAnother);
}

#[test]
fn run() {
    let scene = Scene::that_builds(|_, _| {});
    let words = "run api --network isolated --dockerd DOUBLE -- DOUBLE build";
    let words: Vec<&str> = words.split(' ').collect();
    walk(&scene, &words, Again::Works);
}

#[test]
fn builder() {
    let scene = Scene::that_builds(waiting);
    let walk = Walk::new(&scene, &["builder", "api"], Again::MakesAnother).that_starts_programs();
    walk.repeated_by(&["trigger", "api", "--wait"]).walk();
}

#[test]
fn trigger() {
    let scene = Scene::that_builds(cancelled);
    let walk = Walk::new(&scene, &TRIGGER[..4], Again::Works).that_starts_programs();
    walk.repeated_by(&TRIGGER).walk();
}

#[test]
fn enable() {
    let scene = Scene::that_builds(|_, _| {});
    let words = "enable web --startup STAGE/startup --revision r1 --network isolated \
                 --dockerd DOUBLE";
    let words: Vec<&str> = words.split_whitespace().collect();
    walk(&scene, &words, Again::MakesAnother);
}

#[test]
fn retry() {
    let scene = Scene::that_builds(cancelled);
    walk(&scene, &["retry", "api"], Again::IsDone);
}
