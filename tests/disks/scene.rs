//! A store on a small disk, and what has to be true of it whatever happens to the disk.

use std::process::Child;

use cachecore::collection::Policy;
use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, PromoteOptions, Silent, StartRequest, Store};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};
use testbed::waiting_request;

use crate::commands::Command;
use crate::picture::Picture;
use crate::program::{self, Ended};
use crate::volume::Volume;

/// A project `api` with two generations, a session `live` on the first, a session `work` on the second
/// in which a daemon has built something, a data root `incoming` that nobody has imported, a request
/// that waits, and rubbish.
pub(crate) struct Scene {
    pub(crate) volume: Volume,
    golden: Checksum,
    live: Checksum,
}

fn layer(name: &str) -> Layer {
    Layer::new(name).files(6, 9000)
}

impl Scene {
    pub(crate) fn new() -> Self {
        let volume = Volume::new();
        let stage = volume.root().join("stage");
        std::fs::create_dir(&stage).unwrap();
        furnish(&stage);
        let [golden, live] = seen(&stage);
        volume.note();
        Self {
            volume,
            golden,
            live,
        }
    }

    pub(crate) fn stage(&self) -> Utf8PathBuf {
        self.volume.root().join("stage")
    }

    pub(crate) fn store(&self) -> Utf8PathBuf {
        self.stage().join("store")
    }

    pub(crate) fn picture(&self) -> Picture {
        Picture::of(self.stage().as_std_path())
    }

    /// Begins a command.
    pub(crate) fn begin(&self, command: &Command) -> Child {
        program::begin(
            &command.root(&self.stage()),
            &command.words_in(&self.stage()),
        )
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, command: &Command, when: &str) -> Ended {
        program::end(self.begin(command), when)
    }

    /// Ends the test if the earlier golden or the live session is not what it was.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, when: &str) {
        let [golden, live] = seen(&self.stage());
        self.golden
            .assert_same(&golden, &format!("the golden, {when},"));
        self.live
            .assert_same(&live, &format!("the live session, {when},"));
    }

    /// What a command gives on a disk that is well, collected: how often it may have been done.
    pub(crate) fn expected(&self, command: &Command) -> Vec<Picture> {
        self.volume.reset();
        (0..command.again.times())
            .map(|_| {
                let ended = self.run(command, "on a disk that is well");
                assert!(ended.worked(), "{ended:?}");
                self.collect();
                self.picture()
            })
            .collect()
    }

    /// On a disk that is well again: the same command works, if what it did is lost, and the store is as
    /// if nothing had happened.
    #[track_caller]
    pub(crate) fn assert_made_good(
        &self,
        command: &Command,
        lost: bool,
        expected: &[Picture],
        when: &str,
    ) {
        self.assert_untouched(when);
        if lost {
            let when = format!("{when}, again");
            let ended = self.run(command, &when);
            let fine = ended.worked() || ended.code == command.again.code();
            assert!(fine, "{when}: {ended:?}");
            self.assert_untouched(&when);
        }
        self.collect();
        self.assert_untouched(when);
        let found = self.picture();
        if !expected.contains(&found)
            && let Some(difference) = found.first_difference(&expected[0])
        {
            panic!("{when}, collected: {difference}");
        }
    }

    /// Returns what nobody needs.
    pub(crate) fn collect(&self) {
        let store = Store::open(&self.store()).unwrap();
        let report = store.collect(&Policy::default(), &Silent).unwrap();
        assert!(report.failed.is_empty(), "{report:?}");
        assert!(report.plan.unjudged.is_empty(), "{report:?}");
    }
}

fn seen(stage: &Utf8Path) -> [Checksum; 2] {
    let store = stage.join("store");
    [
        "golden/api/gen-000001/docker",
        "sessions/docker-data-live/docker",
    ]
    .map(|data_root| Checksum::resolved(store.join(data_root), store.join("layers")))
}

fn furnish(stage: &Utf8Path) {
    let root = stage.join("store");
    Store::init(&root).unwrap();
    let store = Store::open(&root).unwrap();
    let base = layer("base");
    let first = DataRoot::new()
        .image("api", &[base.clone(), layer("one")])
        .volume("db", &[("rows", "1")]);
    first.write(stage.join("first"));
    let request = ImportRequest {
        project: project(),
        from: stage.join("first"),
        copy: false,
        volumes: Volumes::Keep,
        revision: None,
    };
    store.import(&request, &Silent).unwrap();
    start(&store, "live");
    start(&store, "next");
    first
        .image("tool", &[base.clone(), layer("two")])
        .write(data_root(&store, "next"));
    store
        .promote_session(
            &SessionId::new("next").unwrap(),
            &PromoteOptions::default(),
            &Silent,
        )
        .unwrap();
    start(&store, "work");
    waiting_request::leave(&store, &project());
    DataRoot::new()
        .image("more", &[base.clone(), layer("two"), layer("three")])
        .volume("db", &[("rows", "2")])
        .write(data_root(&store, "work"));
    DataRoot::new()
        .of_daemon("stranger")
        .image("api", &[base, layer("one")])
        .image("other", &[layer("four")])
        .write(stage.join("incoming"));
    for rubbish in ["trash/1-2-3/folder", "layers/nobodys/diff/folder"] {
        std::fs::create_dir_all(root.join(rubbish)).unwrap();
    }
}

fn project() -> ProjectId {
    ProjectId::new("api").unwrap()
}

fn start(store: &Store, session: &str) {
    let request = StartRequest::new(project(), SessionId::new(session).unwrap());
    store.start_session(&request, &Silent).unwrap();
}

fn data_root(store: &Store, session: &str) -> Utf8PathBuf {
    store
        .layout()
        .session_data_root(&SessionId::new(session).unwrap())
}
