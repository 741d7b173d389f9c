//! A store in memory that can be put back to how it was.

use std::process::Command;

use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, Silent, StartRequest, Store};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};
use testbed::ground::Ground;
use testbed::mounted::Mounted;
use testbed::waiting_request;

use crate::picture::Picture;

/// A project `api` with two generations, a session `live` on the first, a session `work` on the
/// second in which a daemon has built something, a data root `incoming` that nobody has imported, and
/// a request for a golden that waits.
pub(crate) struct Scene {
    _memory: Mounted,
    /// Has the mount, and goes after it.
    ground: Ground,
    stage: Utf8PathBuf,
    before: Untouched,
}

/// What no command of the tests may change: a golden, and a session that somebody works in.
struct Untouched {
    golden: Checksum,
    live: Checksum,
}

fn layer(name: &str) -> Layer {
    Layer::new(name).files(3, 60)
}

fn base() -> Layer {
    layer("base")
}

fn project() -> ProjectId {
    ProjectId::new("api").unwrap()
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// With rubbish of all kinds, and a project `other` that nobody leases.
    pub(crate) fn with_rubbish() -> Self {
        Self::with(|store, stage| {
            for number in ["1", "2"] {
                let root = DataRoot::new()
                    .of_daemon("other")
                    .image("api", &[base(), layer(number)]);
                import(store, "other", &stage.join("other"), &root);
            }
            let root = store.layout().root();
            for rubbish in [
                "trash/1-2-3/folder",
                "sessions/.starting-docker-data-x-1-2-3/docker",
                "layers/nobodys/diff/folder",
                "layers/begun",
                "builds/20200101-000000-abcd",
            ] {
                std::fs::create_dir_all(root.join(rubbish)).unwrap();
            }
        })
    }

    /// With a data root `incoming-docker` whose containerd lies in `incoming-containerd`.
    pub(crate) fn with_containerd() -> Self {
        Self::with(|_, stage| {
            DataRoot::new()
                .on_containerd_at(stage.join("incoming-containerd"))
                .image("api", &[base(), layer("one")])
                .write(stage.join("incoming-docker"));
        })
    }

    fn with(prepare: impl FnOnce(&Store, &Utf8Path)) -> Self {
        let ground = Ground::new();
        let memory = ground.path("memory");
        std::fs::create_dir(&memory).unwrap();
        let mounted = Mounted::tmpfs_of(&memory, "256m");
        let stage = memory.join("stage");
        std::fs::create_dir(&stage).unwrap();
        let store = stage.join("store");
        Store::init(&store).unwrap();
        let store = Store::open(&store).unwrap();
        let first = DataRoot::new()
            .image("api", &[base(), layer("one")])
            .volume("db", &[("rows", "1")]);
        import(&store, "api", &stage.join("first"), &first);
        start(&store, "live");
        start(&store, "next");
        first
            .image("tool", &[base(), layer("two")])
            .write(data_root(&store, "next"));
        let next = SessionId::new("next").unwrap();
        store
            .promote_session(&next, &goldenstore::PromoteOptions::default(), &Silent)
            .unwrap();
        start(&store, "work");
        waiting_request::leave(&store, &project());
        DataRoot::new()
            .image("more", &[base(), layer("two"), layer("three")])
            .volume("db", &[("rows", "2")])
            .write(data_root(&store, "work"));
        DataRoot::new()
            .of_daemon("stranger")
            .image("api", &[base(), layer("one")])
            .image("other", &[base(), layer("four")])
            .write(stage.join("incoming"));
        prepare(&store, &stage);
        let before = Untouched::of(&stage);
        copy(&stage, &memory.join("template"));
        Self {
            ground,
            _memory: mounted,
            stage,
            before,
        }
    }

    /// The folder that a command may work in.
    pub(crate) fn stage(&self) -> &Utf8Path {
        &self.stage
    }

    pub(crate) fn store(&self) -> Utf8PathBuf {
        self.stage.join("store")
    }

    /// Where strace writes.
    pub(crate) fn log(&self) -> Utf8PathBuf {
        self.ground.path("strace.log")
    }

    /// Everything as it was.
    pub(crate) fn reset(&self) {
        std::fs::remove_dir_all(&self.stage).unwrap();
        copy(&self.stage.with_file_name("template"), &self.stage);
    }

    /// Ends the test if the earlier golden or the live session is not what it was.
    pub(crate) fn assert_untouched(&self, when: &str) {
        let now = Untouched::of(&self.stage);
        self.before
            .golden
            .assert_same(&now.golden, &format!("the golden, {when},"));
        self.before
            .live
            .assert_same(&now.live, &format!("the live session, {when},"));
    }

    pub(crate) fn picture(&self) -> Picture {
        Picture::of(self.stage.as_std_path())
    }
}

impl Untouched {
    fn of(stage: &Utf8Path) -> Self {
        let store = stage.join("store");
        let seen = |data_root| Checksum::resolved(store.join(data_root), store.join("layers"));
        Self {
            golden: seen("golden/api/gen-000001/docker"),
            live: seen("sessions/docker-data-live/docker"),
        }
    }
}

fn data_root(store: &Store, session: &str) -> Utf8PathBuf {
    store
        .layout()
        .session_data_root(&SessionId::new(session).unwrap())
}

fn import(store: &Store, project: &str, path: &Utf8Path, root: &DataRoot) {
    root.write(path);
    let request = ImportRequest {
        project: ProjectId::new(project).unwrap(),
        from: path.to_owned(),
        copy: false,
        volumes: Volumes::Keep,
        revision: None,
    };
    store.import(&request, &Silent).unwrap();
}

fn start(store: &Store, session: &str) {
    let request = StartRequest::new(project(), SessionId::new(session).unwrap());
    store.start_session(&request, &Silent).unwrap();
}

fn copy(from: &Utf8Path, to: &Utf8Path) {
    let status = Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status()
        .unwrap();
    assert!(status.success());
}
