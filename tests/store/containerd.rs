//! Data roots with containerd's image store: committed snapshots and blobs are layers like any other.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;

use cachecore::collection::Policy;
use cachecore::dataroot::Kind;
use cachecore::strategy::Strategy;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{Silent, StoreError};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer, Written};

use crate::keeper::{Keeper, base, import_of, refused};
use crate::layers_on_disk::stamps;

const SNAPSHOTS: &str = "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots";
const BLOBS: &str = "containerd/daemon/io.containerd.content.v1.content/blobs/sha256";
/// Two layers, a build step, and a blob of each layer, of the config and of the manifest.
const LAYERS: u64 = 7;

fn api() -> DataRoot {
    DataRoot::new()
        .on_containerd()
        .image("api", &[base(), Layer::new("app").files(10, 200)])
        .volume("db", &[("row", "1")])
}

fn whole(tree: Checksum) -> Checksum {
    let dropped = ["containers", "network", "swarm", "runtimes", "tmp"];
    let moved = |path: &std::path::Path| {
        let name = path.file_name().unwrap_or_default();
        path.as_os_str().is_empty()
            || name == "sha256"
            || path.parent().is_some_and(|p| p.ends_with("snapshots"))
    };
    tree.without(|path| dropped.iter().any(|name| path.starts_with(name)))
        .without_times(moved)
}

#[test]
fn committed_snapshots_and_blobs_become_layers() {
    let keeper = Keeper::new();
    let (from, written) = keeper.write("docker", &api());
    let before = whole(Checksum::of(&from));
    let report = keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    assert_eq!(
        (report.layers, report.layers_moved, &report.notes[..]),
        (LAYERS, LAYERS, &[][..])
    );
    let manifest = keeper.manifest("api");
    assert_eq!(manifest.kind, Kind::Containerd("overlayfs".to_owned()));

    let golden = keeper.generation("api", 1);
    let layers = keeper.store.layout().layers();
    for layer in &manifest.layers {
        let target = keeper.store.layout().layer_diff(&layer.layer);
        assert_eq!(
            fs::read_link(golden.join(layer.folder.path())).unwrap(),
            target
        );
    }
    for layer in &written.image("api").layers {
        let fs = golden.join(SNAPSHOTS).join(&layer.folder).join("fs");
        assert_eq!(
            fs.read_link_utf8().unwrap(),
            layers.join(format!("ctr-{}/diff", layer.chain))
        );
    }
    // The cache mount is the last of four; what is being written is nobody's layer.
    let mount = golden.join(SNAPSHOTS).join("4/fs");
    assert!(mount.join("cache mount").exists() && !mount.is_symlink());
    assert!(golden.join(BLOBS).join("../../ingest/1/data").is_file());
    before.assert_same(&whole(keeper.seen(&golden)), "the golden");

    let linked = keeper.start("api", "s1");
    assert_eq!(
        (linked.strategy, linked.mounts.len(), linked.layers),
        (Strategy::Link, 2, LAYERS)
    );
    before.assert_same(&whole(keeper.seen(&linked.data_root)), "the linked session");
    let copied = keeper.start_by("api", "s2", Strategy::Copy).unwrap();
    before.assert_same(
        &whole(Checksum::of(&copied.data_root)),
        "the copied session",
    );

    // Promoted, both are what they were, whether by their links or compared and linked again.
    let stamps_before = stamps(&keeper);
    for (nth, id) in [(2, "s1"), (3, "s3")] {
        if nth == 3 {
            keeper.start_by("api", id, Strategy::Copy).unwrap();
        }
        let report = keeper.promote(id).unwrap();
        assert_eq!((report.layers, report.layers_moved), (LAYERS, 0), "{id}");
        before.assert_same(&whole(keeper.seen(keeper.generation("api", nth))), id);
    }
    assert_eq!(stamps(&keeper), stamps_before);
    keeper.remove("s2").unwrap();
    keeper.assert_tidy();
}

#[test]
fn another_daemon_shares_what_it_has_in_common() {
    let keeper = Keeper::new();
    keeper.import("api", &api());
    let web = DataRoot::new()
        .on_containerd()
        .of_daemon("another")
        .image("web", &[base(), Layer::new("web").file("web", "1")]);
    let report = keeper.import("web", &web);
    // The base and its blob are known; the build step is its own, whatever it holds.
    assert_eq!((report.layers, report.layers_moved), (LAYERS, LAYERS - 2));
}

/// What a stranger may have left in containerd's part.
type Trap = fn(&Utf8Path, &Written);

fn snapshot(root: &Utf8Path, written: &Written) -> Utf8PathBuf {
    let id = &written.image("api").layers[1].folder;
    root.join(SNAPSHOTS).join(id).join("fs")
}

fn config(root: &Utf8Path, written: &Written) -> Utf8PathBuf {
    root.join(BLOBS).join(&written.image("api").id)
}

fn link_instead(path: &Utf8Path, target: impl AsRef<Utf8Path>) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        fs::remove_file(path).unwrap();
    }
    symlink(target.as_ref(), path).unwrap();
}

const TRAPS: [(&str, Trap); 9] = [
    ("differs from what the store holds", |root, written| {
        fs::write(config(root, written), "{}").unwrap();
    }),
    (
        "is a link out of the data root, to /etc",
        |root, written| {
            link_instead(&snapshot(root, written), "/etc");
        },
    ),
    (
        "is a link out of the data root, to /etc/passwd",
        |root, written| {
            link_instead(&config(root, written), "/etc/passwd");
        },
    ),
    (
        "may be written by its daemon but is a link",
        |root, written| {
            let chain = &written.image("api").layers[0].chain;
            let layer = root.join(format!("../store/layers/ctr-{chain}/diff"));
            let layer = camino::absolute_utf8(layer).unwrap();
            let layer = layer.as_str().replace("/docker/..", "");
            link_instead(&root.join(SNAPSHOTS).join("4/fs"), layer);
        },
    ),
    ("should be layer", |root, written| {
        let chain = &written.image("api").layers[0].chain;
        let layers = root.parent().unwrap().join("store/layers");
        link_instead(
            &snapshot(root, written),
            layers.join(format!("ctr-{chain}/diff")),
        );
    }),
    ("is a link out of the data root", |root, written| {
        let layers = root.parent().unwrap().join("store/layers");
        let blob = &written.image("api").id;
        link_instead(
            &snapshot(root, written),
            layers.join(format!("blob-{blob}/diff")),
        );
    }),
    ("which the store lacks", |root, _| {
        let layers = root.parent().unwrap().join("store/layers");
        let absent = "7".repeat(64);
        link_instead(
            &root.join(BLOBS).join(&absent),
            layers.join(format!("blob-{absent}/diff")),
        );
    }),
    ("is a symlink, where no daemon makes one", |root, _| {
        link_instead(&root.join(BLOBS).join("more"), "/etc/passwd");
    }),
    ("is a symlink, where no daemon makes one", |root, _| {
        fs::create_dir(root.join(SNAPSHOTS).join("x")).unwrap();
        link_instead(&root.join(SNAPSHOTS).join("x/fs"), "/etc");
    }),
];

#[test]
fn no_trap_in_containerds_part_is_taken() {
    for (said, trap) in TRAPS {
        let keeper = Keeper::new();
        // The store has the layers that the traps point to.
        keeper.import("known", &api());
        let (from, written) = keeper.write("docker", &api());
        trap(&from, &written);
        let before = (keeper.checksum(), Checksum::of(&from));
        let error = refused(keeper.store.import(&import_of("api", &from), &Silent));
        let is_integrity = matches!(
            error,
            StoreError::Refused { .. } | StoreError::LayerDiffers { .. }
        );
        assert!(is_integrity, "{error}");
        assert!(error.to_string().contains(said), "{said}: {error}");
        before.0.assert_same(&keeper.checksum(), "the store");
        before.1.assert_same(&Checksum::of(&from), "the data root");
    }
}

#[test]
fn links_where_the_images_do_not_lie_are_refused() {
    let keeper = Keeper::new();
    keeper.import("api", &api());
    let (from, _) = keeper.write("docker", &DataRoot::new().image("web", &[base()]));
    let blob = "7".repeat(64);
    fs::create_dir_all(from.join(BLOBS)).unwrap();
    symlink("/etc/passwd", from.join(BLOBS).join(blob)).unwrap();
    let error = refused(keeper.store.import(&import_of("web", &from), &Silent));
    assert!(error.to_string().contains("lie elsewhere"), "{error}");
}

#[test]
fn a_book_that_cannot_be_read_costs_a_copy_and_is_told() {
    let keeper = Keeper::new();
    let (from, _) = keeper.write("docker", &api());
    fs::write(from.join(SNAPSHOTS).join("../metadata.db"), "no database").unwrap();
    let report = keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    // The blobs say by their names what they are.
    assert_eq!(report.layers, 4);
    assert!(
        report.notes[0].contains("metadata.db cannot be read"),
        "{report:?}"
    );
}

#[test]
fn what_no_data_root_links_to_is_collected() {
    let keeper = Keeper::new();
    keeper.import("api", &api());
    keeper.start("api", "s1");
    // As a daemon does that removes an image: the snapshot and the blob go, links as they are.
    let root = keeper.data_root("s1");
    let blobs = root.join(BLOBS);
    let blob = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap();
    fs::remove_file(blob.path()).unwrap();
    fs::remove_dir_all(root.join(SNAPSHOTS).join("3")).unwrap();
    keeper.promote("s1").unwrap();
    let policy = Policy {
        keep: NonZeroUsize::MIN,
        ..Policy::default()
    };
    let layers = || fs::read_dir(keeper.root().join("layers")).unwrap().count();
    let before = layers();
    keeper.start("api", "s2");
    let golden = keeper.seen(keeper.generation("api", 2));
    let session = keeper.seen(keeper.data_root("s2"));
    let report = keeper.store.collect(&policy, &Silent).unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    assert_eq!(layers(), before - 2, "{report:?}");
    golden.assert_same(&keeper.seen(keeper.generation("api", 2)), "the golden");
    session.assert_same(&keeper.seen(keeper.data_root("s2")), "the session");
    keeper.assert_tidy();
}
