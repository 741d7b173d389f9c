//! Data roots whose containerd has a root of its own: one golden of two folders.

mod refused;

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;

use cachecore::collection::Policy;
use cachecore::dataroot::{Kind, Part};
use cachecore::record::Form;
use cachecore::strategy::Strategy;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{
    Depth, ImportRequest, LayerFindings, PromoteReport, Silent, StartReport, StartRequest,
    StoreError, VerifyOptions,
};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer, Written, blob_name};

use crate::keeper::{Keeper, Place, base, import_of, link, project, refused, session};

crate::keeper::on_each_place!(two_folders_are_one_golden);

const SNAPSHOTS: &str = "io.containerd.snapshotter.v1.overlayfs/snapshots";
const BLOBS: &str = "io.containerd.content.v1.content/blobs/sha256";
const META: &str = "io.containerd.metadata.v1.bolt/meta.db";
/// Two layers, a build step, and a blob of each layer, of the config and of the manifest.
const LAYERS: u64 = 7;

fn api() -> DataRoot {
    DataRoot::new()
        .image("api", &[base(), Layer::new("app").files(10, 200)])
        .volume("db", &[("row", "1")])
}

/// The two folders of a data root.
struct Folders {
    docker: Utf8PathBuf,
    containerd: Utf8PathBuf,
    written: Written,
}

impl Folders {
    fn write(keeper: &Keeper, name: &str, root: DataRoot) -> Self {
        let containerd = keeper.path(&format!("{name}-containerd"));
        let (docker, written) = keeper.write(name, &root.on_containerd_at(&containerd));
        Self {
            docker,
            containerd,
            written,
        }
    }

    fn import(&self, keeper: &Keeper, of: &str, copy: bool) -> Result<PromoteReport, StoreError> {
        let request = ImportRequest {
            copy,
            ..import_of(of, &self.docker)
        };
        let containerd = &self.containerd;
        keeper
            .store
            .import_with_containerd(&request, containerd, &Silent)
    }

    fn checksums(&self) -> [Checksum; 2] {
        [&self.docker, &self.containerd].map(Checksum::of)
    }
}

fn with_api(place: Place) -> Keeper {
    let keeper = Keeper::on(place);
    let folders = Folders::write(&keeper, "docker", api());
    folders.import(&keeper, "api", false).unwrap();
    keeper
}

/// What the daemons of a session or generation see, in both folders.
fn seen(keeper: &Keeper, docker: &Utf8Path) -> [Checksum; 2] {
    let dropped = ["containers", "network", "swarm", "runtimes", "tmp"];
    let moved = |path: &std::path::Path| {
        let name = path.file_name().unwrap_or_default();
        path.as_os_str().is_empty()
            || name == "sha256"
            || path.parent().is_some_and(|p| p.ends_with("snapshots"))
    };
    let containerd = docker.with_file_name("containerd");
    [docker, &containerd].map(|folder| {
        keeper
            .seen(folder)
            .without(|path| dropped.iter().any(|name| path.starts_with(name)))
            .without_times(moved)
    })
}

#[track_caller]
fn assert_same(before: &[Checksum; 2], after: &[Checksum; 2], what: &str) {
    for (before, after) in before.iter().zip(after) {
        before.assert_same(after, what);
    }
}

fn targets(report: &StartReport) -> Vec<(&str, bool)> {
    let mounts = report.mounts.iter();
    mounts
        .map(|mount| (mount.target.as_str(), mount.read_only))
        .collect()
}

/// Another blob, as a daemon of the session pulls one.
fn pull(keeper: &Keeper, id: &str) -> String {
    let content = format!("pulled in {id}");
    let name = blob_name(&content);
    let containerd = keeper
        .store
        .layout()
        .session_part(&session(id), Part::Containerd);
    fs::write(containerd.join(BLOBS).join(&name), content).unwrap();
    name
}

fn two_folders_are_one_golden(place: Place) {
    let keeper = Keeper::on(place);
    let folders = Folders::write(&keeper, "docker", api());
    let sources = folders.checksums();
    folders.import(&keeper, "copied", true).unwrap();
    assert_same(&sources, &folders.checksums(), "the copied data root");
    let report = folders.import(&keeper, "api", false).unwrap();
    assert!(!folders.docker.exists() && !folders.containerd.exists());
    let whole = place == Place::Btrfs;
    let layers = if whole { 0 } else { LAYERS };
    assert_eq!((report.layers, report.layers_moved), (layers, 0));

    let manifest = keeper.manifest("api");
    assert_eq!(manifest.kind, Kind::Containerd("overlayfs".to_owned()));
    assert!(manifest.containerd);
    assert_eq!(manifest.form == Form::Whole, whole);
    let golden = keeper.generation("api", 1);
    let beside = golden.with_file_name("containerd");
    for layer in &manifest.layers {
        assert_eq!(layer.folder.part(), Part::Containerd, "{layer:?}");
        let target = keeper.store.layout().layer_diff(&layer.layer);
        assert_eq!(link(beside.join(layer.folder.path())), target);
    }
    let cache_mount = beside.join(SNAPSHOTS).join("4/fs");
    assert!(cache_mount.join("cache mount").is_file() && !cache_mount.is_symlink());
    let before = seen(&keeper, &golden);

    let mut strategies = vec![
        (Strategy::Link, "link"),
        (Strategy::Reflink, "reflink"),
        (Strategy::Copy, "copy"),
    ];
    match place {
        Place::Here => strategies.retain(|(strategy, _)| *strategy != Strategy::Reflink),
        Place::Xfs => {}
        Place::Btrfs => strategies[0] = (Strategy::Snapshot, "snapshot"),
    }
    for (strategy, id) in strategies {
        let report = keeper.start_by("api", id, strategy).unwrap();
        let docker = keeper.data_root(id);
        let own = [("/var/lib/docker", false), ("/var/lib/containerd", false)];
        let shared = keeper.root().join("layers");
        let linked = (strategy == Strategy::Link).then_some((shared.as_str(), true));
        let expected: Vec<_> = own.into_iter().chain(linked).collect();
        assert_eq!(targets(&report), expected, "{strategy}");
        assert_eq!(
            report.containerd.as_deref(),
            Some(docker.with_file_name("containerd").as_path())
        );
        assert_same(&before, &seen(&keeper, &docker), id);
    }

    // Promoted, each is what it was and one blob more.
    for (nth, id) in [(2, "copy"), (3, "again")] {
        if nth == 3 {
            keeper.start("api", id);
        }
        let pulled = pull(&keeper, id);
        let report = keeper.promote(id).unwrap();
        let new = u64::from(!whole);
        assert_eq!(report.layers_moved, new, "{id}");
        let golden = keeper.generation("api", nth);
        let blob = golden.with_file_name("containerd").join(BLOBS).join(pulled);
        assert_eq!(
            fs::read_to_string(&blob).unwrap(),
            format!("pulled in {id}")
        );
        assert_eq!(blob.is_symlink(), !whole, "{id}");
    }
    assert_same(&before, &seen(&keeper, &golden), "the first generation");

    let full = |full: bool| {
        let options = VerifyOptions { full };
        keeper
            .store
            .verify(&project("api"), options, &Silent)
            .unwrap()
    };
    let verified = full(true);
    assert!(verified.is_sound(), "{verified:?}");
    let read = |layer: &&LayerFindings| layer.depth == Depth::Contents;
    let (read, all) = (
        verified.layers.iter().filter(read).count(),
        verified.layers.len(),
    );
    // No image describes the build step, which every generation has inside where it is whole.
    assert_eq!(all - read, if whole { 3 } else { 1 }, "{verified:?}");
    if !whole {
        let lost = keeper.generation("api", 3).with_file_name("containerd");
        let lost = lost.join(SNAPSHOTS).join("1/fs");
        let target = link(&lost);
        fs::remove_file(&lost).unwrap();
        assert!(!full(false).is_sound());
        std::os::unix::fs::symlink(target, &lost).unwrap();
        assert!(full(false).is_sound());
    }

    // What is left over goes, and with the last generation all layers.
    for info in keeper.store.list_sessions().unwrap() {
        keeper.remove(info.record.session.as_str()).unwrap();
    }
    let policy = Policy {
        keep: NonZeroUsize::MIN,
        ..Policy::default()
    };
    keeper
        .store
        .remove_golden(&project("copied"), &Silent)
        .unwrap();
    keeper.store.collect(&policy, &Silent).unwrap();
    let needed = keeper.manifest("api").layers.into_iter();
    let needed: BTreeSet<String> = needed.map(|layer| layer.layer.to_string()).collect();
    assert_eq!(layers_of(&keeper), needed);
    keeper.assert_tidy();
    keeper
        .store
        .remove_golden(&project("api"), &Silent)
        .unwrap();
    assert_eq!(layers_of(&keeper), BTreeSet::new());
    keeper.assert_tidy();
}

fn layers_of(keeper: &Keeper) -> BTreeSet<String> {
    let layers = fs::read_dir(keeper.root().join("layers")).unwrap();
    let names = layers.map(|layer| layer.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn layers_are_shared_wherever_containerd_lies() {
    let keeper = with_api(Place::Here);
    let inside = DataRoot::new()
        .on_containerd()
        .of_daemon("another")
        .image("web", &[base(), Layer::new("web").file("web", "1")]);
    let report = keeper.import("web", &inside);
    // The base and its blob are known; the build step is its own, whatever it holds.
    assert_eq!((report.layers, report.layers_moved), (LAYERS, LAYERS - 2));
    assert!(!keeper.manifest("web").containerd);
    assert_eq!(keeper.start("web", "s1").containerd, None);
}

#[test]
fn a_layer_that_two_namespaces_have_comes_in_once() {
    for differs in [false, true] {
        let keeper = Keeper::new();
        let root = api().in_two_namespaces(if differs { "other bytes" } else { "" });
        let folders = Folders::write(&keeper, "docker", root);
        let imported = folders.import(&keeper, "api", false);
        if differs {
            let error = refused(imported);
            assert!(matches!(error, StoreError::LayerDiffers { .. }), "{error}");
            assert!(folders.docker.exists() && folders.containerd.exists());
            continue;
        }
        let report = imported.unwrap();
        assert_eq!((report.layers, report.layers_moved), (LAYERS + 1, LAYERS));
        keeper.start("api", "s1");
    }
}

#[test]
fn a_session_without_a_golden_gets_the_second_folder_if_it_is_asked_for() {
    for place in [Place::Here, Place::Btrfs] {
        let keeper = Keeper::on(place);
        let request = |id: &str| StartRequest {
            or_empty: true,
            containerd: true,
            ..StartRequest::new(project("api"), session(id))
        };
        let report = keeper.store.start_session(&request("s1"), &Silent).unwrap();
        let own = [("/var/lib/docker", false), ("/var/lib/containerd", false)];
        assert_eq!(targets(&report), own);
        let containerd = report.containerd.unwrap();
        api()
            .on_containerd_at(&containerd)
            .write(keeper.data_root("s1"));
        keeper.promote("s1").unwrap();
        assert!(keeper.manifest("api").containerd);

        // It has one of its own as long as its goldens have, also where it does without them.
        let fresh = StartRequest {
            fresh: true,
            ..StartRequest::new(project("api"), session("fresh"))
        };
        let fresh = keeper.store.start_session(&fresh, &Silent).unwrap();
        assert_eq!(fs::read_dir(fresh.containerd.unwrap()).unwrap().count(), 0);

        // Beside images that lie in the data root it would hide them.
        let inside = DataRoot::new().on_containerd().image("web", &[base()]);
        keeper.import("web", &inside);
        let request = StartRequest {
            containerd: true,
            ..StartRequest::new(project("web"), session("s2"))
        };
        let error = refused(keeper.store.start_session(&request, &Silent));
        assert!(matches!(error, StoreError::ImagesInside { .. }), "{error}");
        keeper.assert_tidy();
    }
}
