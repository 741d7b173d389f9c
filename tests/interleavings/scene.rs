//! A small store in memory, put back to how it was before every order.

use std::collections::BTreeSet;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;

use cachecore::collection::Policy;
use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, PromoteOptions, Silent, StartRequest, Store, StoreError};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};
use testbed::ground::Ground;
use testbed::mounted::Mounted;
use treeclone::CopyOptions;

use crate::relay::Relay;

/// A project `api` with a golden; sessions `one` and `two` of it, in each of which a daemon has built
/// something; data roots `left` and `right`, which share a layer with it and with each other.
pub(crate) struct Scene {
    _ground: Ground,
    _memory: Mounted,
    memory: Utf8PathBuf,
    golden: Checksum,
    relay: Relay,
}

fn layer(name: &str) -> Layer {
    Layer::new(name).files(1, 20)
}

fn image(name: &str, top: &str) -> DataRoot {
    DataRoot::new().image(name, &[layer("base"), layer(top)])
}

pub(crate) fn session(id: &str) -> SessionId {
    SessionId::new(id).unwrap()
}

pub(crate) fn project(name: &str) -> ProjectId {
    ProjectId::new(name).unwrap()
}

impl Scene {
    pub(crate) fn new() -> Self {
        let ground = Ground::new();
        let memory = ground.path("memory");
        std::fs::create_dir(&memory).unwrap();
        let mounted = Mounted::tmpfs_of(&memory, "128m");
        let stage = memory.join("stage");
        std::fs::create_dir(&stage).unwrap();
        let scene = Self {
            _ground: ground,
            _memory: mounted,
            golden: Checksum::of(&stage),
            memory,
            relay: Relay::default(),
        };
        Store::init(&scene.store_root()).unwrap();
        image("api", "app").write(scene.stage().join("first"));
        scene.import("api", "first", false).unwrap();
        for (id, top) in [("one", "built-one"), ("two", "built-two")] {
            scene.start(id).unwrap();
            image(id, top).write(scene.data_root(id));
        }
        for name in ["left", "right"] {
            let root = image(name, "common").of_daemon(name);
            root.write(scene.stage().join(name));
        }
        let golden = scene.golden_now();
        copy(&scene.memory, "stage", "template");
        Self { golden, ..scene }
    }

    fn stage(&self) -> Utf8PathBuf {
        self.memory.join("stage")
    }

    pub(crate) fn relay(&self) -> &Relay {
        &self.relay
    }

    pub(crate) fn store_root(&self) -> Utf8PathBuf {
        self.stage().join("store")
    }

    /// As another process would: with a handle of its own.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.store_root()).unwrap()
    }

    /// Everything as it was.
    pub(crate) fn reset(&self) {
        self.relay.reset();
        std::fs::remove_dir_all(self.stage()).unwrap();
        copy(&self.memory, "template", "stage");
    }

    pub(crate) fn data_root(&self, id: &str) -> Utf8PathBuf {
        self.store().layout().session_data_root(&session(id))
    }

    pub(crate) fn start(&self, id: &str) -> Result<(), StoreError> {
        let request = StartRequest::new(project("api"), session(id));
        self.store().start_session(&request, &Silent).map(drop)
    }

    pub(crate) fn promote(&self, id: &str) -> Result<(), StoreError> {
        let options = PromoteOptions::default();
        let promoted = self
            .store()
            .promote_session(&session(id), &options, &Silent);
        promoted.map(drop)
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.store().remove_session(&session(id), &Silent).map(drop)
    }

    pub(crate) fn import(&self, name: &str, from: &str, copy: bool) -> Result<(), StoreError> {
        let request = ImportRequest {
            project: project(name),
            from: self.stage().join(from),
            copy,
            volumes: Volumes::Keep,
            revision: None,
        };
        self.store().import(&request, &Silent).map(drop)
    }

    /// Keeps one generation, and nothing that nobody leases.
    pub(crate) fn collect(&self) -> Result<(), StoreError> {
        let policy = Policy {
            keep: NonZeroUsize::MIN,
            max_size: Some(0),
            ..Policy::default()
        };
        self.store().collect(&policy, &Silent).map(drop)
    }

    pub(crate) fn recover(&self) -> Result<(), StoreError> {
        let store = self.store();
        store.recover()?;
        store.empty_trash(&Silent).map(drop)
    }

    fn golden_now(&self) -> Checksum {
        let store = self.store_root();
        Checksum::resolved(
            store.join("golden/api/gen-000001/docker"),
            store.join("layers"),
        )
    }

    /// Ends the test unless the store is whole: the first golden is what it was, no link of a
    /// generation or a session leads to nothing, and nothing is left of what has ended.
    pub(crate) fn assert_whole(&self) {
        self.recover().unwrap();
        self.golden
            .assert_same(&self.golden_now(), "the first golden");
        let root = self.store_root();
        let mut needed = BTreeSet::new();
        for entry in walkdir::WalkDir::new(&root) {
            let entry = entry.unwrap();
            let path = Utf8Path::from_path(entry.path()).unwrap();
            if path.file_name() == Some("diff") && entry.path_is_symlink() {
                let target = std::fs::read_link(path).unwrap();
                assert!(target.is_dir(), "{path} leads to nothing at {target:?}");
                assert!(!target.is_symlink(), "{path} leads to a placeholder");
                needed.insert(target);
            }
        }
        assert!(needed.len() >= 2, "{needed:?}");
        assert_eq!(names(&root.join("trash")), [""; 0]);
        for name in names(&root.join("sessions")) {
            assert!(name.starts_with("docker-data-"), "sessions/{name} is left");
        }
        for project in names(&root.join("golden")) {
            let current = root.join("golden").join(&project).join("current");
            // A project may have lost its golden, and then names none.
            if current.is_symlink() {
                assert!(
                    current.join("docker").is_dir(),
                    "{current} leads to nothing"
                );
            }
            let inside = names(&root.join("golden").join(&project));
            assert!(
                inside.iter().all(|name| !name.starts_with('.')),
                "{inside:?}"
            );
        }
    }
}

fn names(folder: &Utf8Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn copy(parent: &Utf8Path, from: &str, to: &str) {
    let source = File::open(parent.join(from)).unwrap();
    let parent = File::open(parent).unwrap();
    let options = CopyOptions {
        jobs: NonZeroUsize::new(1),
        ..CopyOptions::default()
    };
    treeclone::copy_tree(
        source.as_fd(),
        parent.as_fd(),
        to.as_ref(),
        &options,
        &Silent,
    )
    .unwrap();
}
