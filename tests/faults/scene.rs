//! A store in memory that can be put back to how it was.

use std::fs::Permissions;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, Silent, StartRequest, Store};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};
use testbed::disk::{Disk, Kind};
use testbed::ground::Ground;
use testbed::mounted::Mounted;
use testbed::waiting_request;

use crate::host::Host;
use crate::picture::Picture;

/// A project `api` with two generations, a session `live` on the first, a session `work` on the
/// second in which a daemon has built something, a data root `incoming` that nobody has imported, and
/// a request for a golden that waits.
pub(crate) struct Scene {
    /// Sees the mounts, and goes before them.
    host: Host,
    _disk: Option<Disk>,
    _memory: Mounted,
    /// Has the mount, and goes after it.
    ground: Ground,
    stage: Utf8PathBuf,
    before: Untouched,
}

/// What a store lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// Goldens have their layers outside.
    Memory,
    /// Goldens are whole.
    Btrfs,
}

/// Whose data roots they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Overlay2,
    Containerd,
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

impl By {
    fn root(self) -> DataRoot {
        match self {
            Self::Overlay2 => DataRoot::new(),
            Self::Containerd => DataRoot::new().on_containerd(),
        }
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::of(On::Memory, By::Overlay2)
    }

    pub(crate) fn of(on: On, by: By) -> Self {
        Self::with(on, by, |_, _| {})
    }

    /// With rubbish of all kinds, and a project `other` that nobody leases.
    pub(crate) fn with_rubbish(on: On, by: By) -> Self {
        Self::with(on, by, |store, stage| {
            for number in ["1", "2"] {
                let root = by.root().of_daemon("other");
                let root = root.image("api", &[base(), layer(number)]);
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

    /// With a startup file, and whatever a project of triggers still needs.
    pub(crate) fn that_builds(prepare: impl FnOnce(&Store, &Utf8Path)) -> Self {
        Self::with(On::Memory, By::Overlay2, |store, stage| {
            let double = testbed::engines::dockerd_double();
            std::fs::write(stage.join("startup"), format!("exec {double} build\n")).unwrap();
            prepare(store, stage);
        })
    }

    /// With a data root `incoming-docker` whose containerd lies in `incoming-containerd`.
    pub(crate) fn with_containerd() -> Self {
        Self::with(On::Memory, By::Containerd, |_, stage| {
            DataRoot::new()
                .on_containerd_at(stage.join("incoming-containerd"))
                .image("api", &[base(), layer("one")])
                .write(stage.join("incoming-docker"));
        })
    }

    fn with(on: On, by: By, prepare: impl FnOnce(&Store, &Utf8Path)) -> Self {
        let ground = Ground::new();
        let memory = ground.path("memory");
        std::fs::create_dir(&memory).unwrap();
        let mounted = Mounted::tmpfs_of(&memory, "512m");
        let disk = (on == On::Btrfs).then(|| Disk::within(Kind::Btrfs, 400 << 20, &memory));
        let base_folder = disk.as_ref().map_or(&*memory, Disk::root);
        let (stage, template) = (base_folder.join("stage"), base_folder.join("template"));
        std::fs::create_dir(&stage).unwrap();
        let store = stage.join("store");
        Store::init(&store).unwrap();
        let store = Store::open(&store).unwrap();
        let first = by
            .root()
            .image("api", &[base(), layer("one")])
            .volume("db", &[("rows", "1")]);
        import(&store, "api", &stage.join("first"), &first);
        start(&store, "live");
        start(&store, "next");
        let first = first.image("tool", &[base(), layer("two")]);
        work_in(&store, "next", by, &first);
        let next = SessionId::new("next").unwrap();
        store
            .promote_session(&next, &goldenstore::PromoteOptions::default(), &Silent)
            .unwrap();
        start(&store, "work");
        waiting_request::leave(&store, &project());
        let more = by
            .root()
            .image("more", &[base(), layer("two"), layer("three")])
            .volume("db", &[("rows", "2")]);
        work_in(&store, "work", by, &more);
        by.root()
            .of_daemon("stranger")
            .image("api", &[base(), layer("one")])
            .image("other", &[base(), layer("four")])
            .write(stage.join("incoming"));
        prepare(&store, &stage);
        let before = Untouched::of(&stage);
        copy(&stage, &template);
        Self {
            host: Host::new(),
            ground,
            _disk: disk,
            _memory: mounted,
            stage,
            before,
        }
    }

    /// Where commands run.
    pub(crate) fn host(&self) -> &Host {
        &self.host
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
        self.host.reset();
        let stage = std::fs::File::open(&self.stage).unwrap();
        subvolume::destroy_inside(stage.as_fd()).unwrap();
        std::fs::remove_dir_all(&self.stage).unwrap();
        copy(&self.stage.with_file_name("template"), &self.stage);
    }

    /// Ends the test if the earlier golden or the live session is not what it was.
    pub(crate) fn assert_untouched(&self, when: &str) {
        for data_root in [GOLDEN, LIVE] {
            let path = self.store().join(data_root);
            assert!(path.exists(), "{path} is gone, {when}");
        }
        let now = Untouched::of(&self.stage);
        self.before
            .golden
            .assert_same(&now.golden, &format!("the golden, {when},"));
        self.before
            .live
            .assert_same(&now.live, &format!("the live session, {when},"));
    }

    /// Builds of which something is kept although no project remembers them.
    pub(crate) fn builds_of_nobody(&self) -> Vec<String> {
        let store = Store::open(&self.store()).unwrap();
        let states = store.projects().unwrap().into_iter();
        let states: Vec<_> = states.map(|id| store.project_state(&id).unwrap()).collect();
        let builds = states.iter().flat_map(|state| &state.last_builds);
        let known: Vec<&str> = builds.map(|build| build.build.as_str()).collect();
        let kept = store
            .layout()
            .root()
            .join("builds")
            .read_dir_utf8()
            .unwrap();
        let kept = kept.map(|entry| entry.unwrap().file_name().to_owned());
        kept.filter(|name| !known.contains(&name.as_str()))
            .collect()
    }

    pub(crate) fn picture(&self) -> Picture {
        Picture::of(self.stage.as_std_path())
    }
}

const GOLDEN: &str = "golden/api/gen-000001/docker";
const LIVE: &str = "sessions/docker-data-live/docker";

impl Untouched {
    fn of(stage: &Utf8Path) -> Self {
        let store = stage.join("store");
        let seen = |data_root| Checksum::resolved(store.join(data_root), store.join("layers"));
        Self {
            golden: seen(GOLDEN),
            live: seen(LIVE),
        }
    }
}

fn data_root(store: &Store, session: &str) -> Utf8PathBuf {
    store
        .layout()
        .session_data_root(&SessionId::new(session).unwrap())
}

/// Leaves what a daemon leaves in a session.
fn work_in(store: &Store, session: &str, by: By, root: &DataRoot) {
    let path = data_root(store, session);
    if by == By::Containerd {
        // Numbers of snapshots are given anew, so what is there would be in the way.
        for entry in path.read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => std::fs::remove_dir_all(entry.path()).unwrap(),
                false => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
    }
    root.write(path);
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

/// Copies a tree. A subvolume becomes one again.
fn copy(from: &Utf8Path, to: &Utf8Path) {
    let folder = std::fs::File::open(from).unwrap();
    if subvolume::is_subvolume(&folder).unwrap() {
        let parent = std::fs::File::open(to.parent().unwrap()).unwrap();
        let name = to.file_name().unwrap().as_ref();
        subvolume::snapshot(folder.as_fd(), parent.as_fd(), name).unwrap();
        let read_only = subvolume::is_read_only(&folder).unwrap();
        return subvolume::set_read_only(std::fs::File::open(to).unwrap(), read_only).unwrap();
    }
    if subvolume::find_inside(folder.as_fd()).unwrap().is_none() {
        let mut command = Command::new("cp");
        let status = command.arg("-a").args([from, to]).status().unwrap();
        return assert!(status.success());
    }
    std::fs::create_dir(to).unwrap();
    let mode = folder.metadata().unwrap().permissions().mode();
    std::fs::set_permissions(to, Permissions::from_mode(mode)).unwrap();
    for entry in from.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(entry.path(), &to.join(entry.file_name())),
            false => {
                let status = Command::new("cp")
                    .arg("-a")
                    .args([entry.path(), to])
                    .status();
                assert!(status.unwrap().success());
            }
        }
    }
}
