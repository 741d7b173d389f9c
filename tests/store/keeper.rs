//! A store of one test's own, with short words for what is done to it.

use std::path::Path;

use cachecore::id::{Generation, ProjectId, SessionId};
use cachecore::promotion::Volumes;
use cachecore::record::{Manifest, Status};
use cachecore::strategy::{Requested, Strategy};
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{
    ImportRequest, PromoteOptions, PromoteReport, RemovalReport, Silent, StartReport, StartRequest,
    Store, StoreError,
};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer, Written};
use testbed::disk::{Disk, Kind};
use testbed::ground::Ground;

/// What a store lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The disk of this machine, whatever it is.
    Here,
    /// An XFS of the test's own.
    Xfs,
    /// A btrfs of the test's own, where goldens are whole.
    Btrfs,
}

/// Runs tests here and on btrfs, in modules named after the place.
macro_rules! here_and_on_btrfs {
    ($($test:ident),+ $(,)?) => {
        mod here {
            $(#[test] fn $test() { super::$test($crate::keeper::Place::Here); })+
        }
        mod on_btrfs {
            $(#[test] fn $test() { super::$test($crate::keeper::Place::Btrfs); })+
        }
    };
}
pub(crate) use here_and_on_btrfs;

/// Runs tests on every kind of place: what copies or removes files is another on XFS too.
macro_rules! on_each_place {
    ($($test:ident),+ $(,)?) => {
        $crate::keeper::here_and_on_btrfs!($($test),+);
        mod on_xfs {
            $(#[test] fn $test() { super::$test($crate::keeper::Place::Xfs); })+
        }
    };
}
pub(crate) use on_each_place;

impl Place {
    /// The strategies that clone a golden of overlay2 layers there, best first.
    pub(crate) fn strategies(self) -> &'static [Strategy] {
        match self {
            Self::Here => &[Strategy::Link, Strategy::Copy],
            Self::Xfs => &[Strategy::Link, Strategy::Reflink, Strategy::Copy],
            Self::Btrfs => &[Strategy::Snapshot, Strategy::Reflink, Strategy::Copy],
        }
    }

    /// Less of what takes long, where it was done in full on this machine's disk.
    pub(crate) fn times(self, often: u32) -> u32 {
        match self {
            Self::Here => often,
            Self::Xfs | Self::Btrfs => often / 5,
        }
    }
}

/// Where a test has its files.
enum Room {
    Ground(Ground),
    Disk(Disk),
}

pub(crate) struct Keeper {
    pub(crate) place: Place,
    room: Room,
    pub(crate) store: Store,
}

/// The layer that every image of these tests stands on.
pub(crate) fn base() -> Layer {
    Layer::new("base").files(12, 300).oddities()
}

/// A data root with everything that daemons leave, and one image, `api`, of two layers.
pub(crate) fn api() -> DataRoot {
    DataRoot::new()
        .image("api", &[base(), Layer::new("app").files(6, 500)])
        .volume("db", &[("rows/1", "one"), ("rows/2", "two")])
        .volume("cache", &[("warm", "yes")])
        .container("web")
}

pub(crate) fn project(name: &str) -> ProjectId {
    ProjectId::new(name).unwrap()
}

pub(crate) fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

pub(crate) fn import_of(name: &str, from: &Utf8Path) -> ImportRequest {
    ImportRequest {
        project: project(name),
        from: from.to_owned(),
        copy: false,
        volumes: Volumes::Keep,
        revision: None,
    }
}

impl Room {
    fn path(&self, name: &str) -> Utf8PathBuf {
        match self {
            Self::Ground(ground) => ground.path(name),
            Self::Disk(disk) => disk.root().join(name),
        }
    }
}

impl Keeper {
    /// A new, empty store.
    pub(crate) fn new() -> Self {
        Self::on(Place::Here)
    }

    /// A new, empty store in a place.
    pub(crate) fn on(place: Place) -> Self {
        let room = match place {
            Place::Here => Room::Ground(Ground::new()),
            Place::Xfs => Room::Disk(Disk::new(Kind::Xfs)),
            Place::Btrfs => Room::Disk(Disk::new(Kind::Btrfs)),
        };
        let root = room.path("store");
        Store::init(&root).unwrap();
        let store = Store::open(&root).unwrap();
        Self { place, room, store }
    }

    /// A store with [`api`] as the golden of project `api`.
    pub(crate) fn with_api() -> Self {
        Self::with_api_on(Place::Here)
    }

    /// The same in a place.
    pub(crate) fn with_api_on(place: Place) -> Self {
        let keeper = Self::on(place);
        keeper.import("api", &api());
        keeper
    }

    /// A path beside the store.
    pub(crate) fn path(&self, name: &str) -> Utf8PathBuf {
        self.room.path(name)
    }

    /// The store's root.
    pub(crate) fn root(&self) -> Utf8PathBuf {
        self.path("store")
    }

    /// Writes a data root beside the store.
    pub(crate) fn write(&self, name: &str, root: &DataRoot) -> (Utf8PathBuf, Written) {
        let path = self.path(name);
        let written = root.write(&path);
        (path, written)
    }

    /// Makes a golden of a data root.
    pub(crate) fn import(&self, name: &str, root: &DataRoot) -> PromoteReport {
        let (from, _) = self.write(&format!("import-of-{name}"), root);
        self.store.import(&import_of(name, &from), &Silent).unwrap()
    }

    pub(crate) fn start(&self, of: &str, id: &str) -> StartReport {
        self.store
            .start_session(&StartRequest::new(project(of), session(id)), &Silent)
            .unwrap()
    }

    pub(crate) fn start_by(
        &self,
        of: &str,
        id: &str,
        strategy: Strategy,
    ) -> Result<StartReport, StoreError> {
        let request = StartRequest {
            strategy: Requested::Exactly(strategy),
            ..StartRequest::new(project(of), session(id))
        };
        self.store.start_session(&request, &Silent)
    }

    pub(crate) fn promote(&self, id: &str) -> Result<PromoteReport, StoreError> {
        self.promote_with(id, &PromoteOptions::default())
    }

    pub(crate) fn promote_with(
        &self,
        id: &str,
        options: &PromoteOptions,
    ) -> Result<PromoteReport, StoreError> {
        self.store.promote_session(&session(id), options, &Silent)
    }

    pub(crate) fn remove(&self, id: &str) -> Result<RemovalReport, StoreError> {
        self.store.remove_session(&session(id), &Silent)
    }

    /// A session as an import of project `api` opens it, a record without a data root: its folder. The
    /// record is that of session `s1`, which is started for it.
    pub(crate) fn open_import(&self, id: &str) -> Utf8PathBuf {
        let sessions = self.root().join("sessions");
        let opened = sessions.join(format!("docker-data-{id}"));
        self.start("api", "s1");
        let record = std::fs::read_to_string(sessions.join("docker-data-s1/session.json")).unwrap();
        let record = record.replace("\"s1\"", &format!("\"{id}\""));
        std::fs::create_dir(&opened).unwrap();
        std::fs::write(opened.join("session.json"), record).unwrap();
        opened
    }

    /// The data root of a session.
    pub(crate) fn data_root(&self, id: &str) -> Utf8PathBuf {
        self.store.layout().session_data_root(&session(id))
    }

    /// The data root of a generation.
    pub(crate) fn generation(&self, of: &str, number: u64) -> Utf8PathBuf {
        let generation = Generation::new(number);
        let folder = self.store.layout().generation(&project(of), generation);
        folder.join("docker")
    }

    pub(crate) fn current(&self, of: &str) -> Option<u64> {
        let current = self.store.current(&project(of)).unwrap();
        current.map(Generation::number)
    }

    /// The manifest of the generation that serves.
    pub(crate) fn manifest(&self, of: &str) -> Manifest {
        let current = self.store.current(&project(of)).unwrap().unwrap();
        self.store.manifest(&project(of), current).unwrap()
    }

    pub(crate) fn status(&self, of: &str) -> Status {
        self.store.project_state(&project(of)).unwrap().status
    }

    /// What the daemon on a data root sees.
    pub(crate) fn seen(&self, data_root: impl AsRef<Path>) -> Checksum {
        Checksum::resolved(data_root, self.store.layout().layers())
    }

    /// Everything in the store but its locks, the times of last use, and what it learnt of its disk.
    pub(crate) fn checksum(&self) -> Checksum {
        let note = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            ["lock", "build.lock", "last-used", "sharing.json"]
                .contains(&name.to_str().unwrap_or(""))
        };
        // Making a lock file moves the time of the folder that it lies in.
        let holds_notes = |path: &Path| {
            path.as_os_str().is_empty()
                || (path.starts_with("golden") && path.components().count() == 2)
        };
        Checksum::of(self.root())
            .without(note)
            .without_times(holds_notes)
    }

    /// Ends the test if a killed command has left anything that the last command should have found.
    #[track_caller]
    pub(crate) fn assert_tidy(&self) {
        let left = |folder: &str| -> Vec<String> {
            std::fs::read_dir(self.root().join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        };
        assert_eq!(left("trash"), Vec::<String>::new(), "the trash is empty");
        for name in left("sessions") {
            assert!(name.starts_with("docker-data-"), "sessions/{name} is left");
        }
        for project in left("golden") {
            for name in left(&format!("golden/{project}")) {
                assert!(!name.starts_with('.'), "golden/{project}/{name} is left");
                if name.starts_with("gen-") {
                    let mut inside = left(&format!("golden/{project}/{name}"));
                    inside.retain(|name| name != "containerd");
                    inside.sort();
                    assert_eq!(inside, ["docker", "manifest.json"], "{project}/{name}");
                }
            }
        }
        for layer in left("layers") {
            let diff = self.root().join("layers").join(&layer).join("diff");
            let whole = if layer.starts_with("blob-") {
                diff.is_file()
            } else {
                diff.is_dir()
            };
            assert!(whole, "layers/{layer} is a placeholder");
            assert!(!diff.is_symlink(), "layers/{layer} is a placeholder");
        }
    }
}

/// Where a path leads, one step.
#[track_caller]
pub(crate) fn link(path: impl AsRef<Path>) -> Utf8PathBuf {
    let target = std::fs::read_link(path.as_ref()).unwrap();
    target.try_into().unwrap()
}

/// Ends the test unless this failed, and gives how.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> StoreError {
    match outcome {
        Ok(report) => panic!("it was not refused: {report:?}"),
        Err(error) => error,
    }
}
