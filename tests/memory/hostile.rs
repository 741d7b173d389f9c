//! What somebody with root in a session can leave behind to take memory: files and names that are within
//! their limits each.

use std::os::unix::fs::symlink;

use camino::Utf8Path;
use testbed::bolt::{self, Shape, Tree};
use testbed::dataroot::{DataRoot, Layer};

/// What is in the data root, who writes it, and how its promotion may end.
type Case = (&'static str, fn(&Utf8Path), &'static [i32]);

/// The exit code of what is refused.
const REFUSED: i32 = 5;

/// As long as a config may be.
const CONFIG: usize = 8 << 20;

pub(crate) const DATA_ROOTS: [Case; 8] = [
    (
        "an image of two million layers",
        |root| config(root, r#"{"rootfs":{"diff_ids":["#, r#""","#, r#"""]}}"#),
        &[REFUSED],
    ),
    (
        "an image whose config is one list of lists",
        |root| config(root, r#"{"history":"#, "[", ""),
        &[REFUSED],
    ),
    (
        "an image with two million words of history",
        |root| config(root, r#"{"history":["#, r#"{},"#, r#"{}],"rootfs":{}}"#),
        &[0],
    ),
    (
        "a thousand images with thousands of layers each",
        |root| {
            let ids = vec![format!("\"sha256:{}\"", "a".repeat(64)); 4000].join(",");
            let config = format!(r#"{{"rootfs":{{"diff_ids":[{ids}]}}}}"#);
            for number in 0..1000 {
                let image = image_folder(root).join(format!("{number:064x}"));
                std::fs::write(image, &config).unwrap();
            }
        },
        &[REFUSED],
    ),
    (
        "BuildKit's records with names as long as a database takes them",
        |root| {
            let mut tree = Tree::new();
            for name in names() {
                bolt::put(
                    &mut tree,
                    &["_main", &name, "cache.snapshot"],
                    r#"{"value":"a"}"#,
                );
            }
            database(root, "buildkit/metadata_v2.db", &tree);
        },
        &[0, REFUSED],
    ),
    (
        "snapshots of BuildKit's whose names are as long",
        |root| {
            let mut tree = Tree::new();
            for name in names() {
                bolt::put(&mut tree, &[&name, "committed"], &name);
            }
            database(root, "buildkit/snapshots.db", &tree);
        },
        &[0, REFUSED],
    ),
    (
        "snapshots of containerd's whose names are as long",
        |root| {
            let mut tree = Tree::new();
            for name in names() {
                bolt::put(&mut tree, &["v1", "snapshots", &name, "id"], [1]);
            }
            database(root, &format!("{SNAPSHOTTER}/metadata.db"), &tree);
        },
        &[0, REFUSED],
    ),
    (
        "blobs that are links with long targets",
        |root| {
            let blobs = root.join(BLOBS);
            std::fs::create_dir_all(&blobs).unwrap();
            let target = "t".repeat(4000);
            for number in 0..20_000 {
                symlink(&target, blobs.join(format!("{number:064x}"))).unwrap();
            }
        },
        &[REFUSED],
    ),
];

const SNAPSHOTTER: &str = "containerd/daemon/io.containerd.snapshotter.v1.overlayfs";
const BLOBS: &str = "containerd/daemon/io.containerd.content.v1.content/blobs/sha256";

/// Three thousand names of 30,000 bytes.
fn names() -> impl Iterator<Item = String> {
    let long = "n".repeat(30_000);
    (0..3000).map(move |number| format!("{number:06}{long}"))
}

fn database(root: &Utf8Path, path: &str, tree: &Tree) {
    small(root);
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // So that no page is longer than is read.
    let shape = Shape {
        elements: 4,
        ..Shape::default()
    };
    std::fs::write(path, bolt::file(tree, shape)).unwrap();
}

fn small(root: &Utf8Path) {
    DataRoot::new()
        .image("small", &[Layer::new("small").files(1, 1)])
        .write(root);
}

fn image_folder(root: &Utf8Path) -> camino::Utf8PathBuf {
    let images = root.join("image/overlay2/imagedb/content/sha256");
    if !images.exists() {
        small(root);
    }
    images
}

/// Gives an image a config as long as is read, with one part again and again.
fn config(root: &Utf8Path, begin: &str, part: &str, end: &str) {
    let times = (CONFIG - begin.len() - end.len()) / part.len();
    let config = format!("{begin}{}{end}", part.repeat(times));
    std::fs::write(image_folder(root).join("b".repeat(64)), config).unwrap();
}
