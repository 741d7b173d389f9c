//! A data root with containerd's image store: images are blobs, layers are numbered snapshots.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::image::{self, Image, LayerOnDisk};
use super::layer::age;
use super::{DataRoot, names, put};
use crate::bolt::{self, Shape, Tree};
use crate::checksum::hex;

/// What the snapshotter's book calls a snapshot.
const ACTIVE: u8 = 2;
const COMMITTED: u8 = 3;

/// The snapshots of a data root, as they are written.
struct Snapshots {
    folder: std::path::PathBuf,
    book: Tree,
    known: BTreeMap<String, String>,
}

impl Snapshots {
    /// Gives the number of a snapshot, and writes it if it is new.
    fn add(&mut self, name: &str, kind: u8, write: impl FnOnce(&Path)) -> String {
        if let Some(known) = self.known.get(&format!("moby {name}")) {
            return known.clone();
        }
        self.add_to("moby", name, kind, write)
    }

    fn add_to(
        &mut self,
        namespace: &str,
        name: &str,
        kind: u8,
        write: impl FnOnce(&Path),
    ) -> String {
        let number = self.known.len() + 1;
        let id = number.to_string();
        let snapshot = self.folder.join("snapshots").join(&id);
        write(&snapshot.join("fs"));
        std::fs::create_dir_all(snapshot.join("work")).unwrap();
        let key = format!("{namespace}/{}/{name}", number * 2);
        let row = ["v1", "snapshots", &key];
        // Below 128 the number's only byte.
        let in_book = [u8::try_from(number).unwrap()];
        for (field, value) in [("id", &in_book), ("kind", &[kind])] {
            let path = [&row[..], &[field]].concat();
            bolt::put(&mut self.book, &path, value);
        }
        self.known.insert(format!("{namespace} {name}"), id.clone());
        id
    }
}

pub(super) fn write(root: &DataRoot, path: &Path) -> BTreeMap<String, Image> {
    let own = || path.join("containerd/daemon");
    let daemon = root.elsewhere.clone().unwrap_or_else(own);
    let mut snapshots = Snapshots {
        folder: daemon.join("io.containerd.snapshotter.v1.overlayfs"),
        book: Tree::new(),
        known: BTreeMap::new(),
    };
    put(
        daemon.join("io.containerd.metadata.v1.bolt/meta.db"),
        "images and leases",
    );
    for unused in ["native", "btrfs"] {
        let name = format!("io.containerd.snapshotter.v1.{unused}");
        std::fs::create_dir_all(daemon.join(name)).unwrap();
    }
    let content = daemon.join("io.containerd.content.v1.content");
    put(content.join("ingest/1/data"), "a part of a blob");
    let blobs = content.join("blobs/sha256");
    let mut images = BTreeMap::new();
    for (name, layers) in &root.images {
        let mut written = Vec::new();
        let mut descriptors = Vec::new();
        for (layer, chain) in layers.iter().zip(image::chains(layers)) {
            let blob = layer.blob();
            let digest = hex(&Sha256::digest(&blob));
            descriptors.push(json!({"digest": format!("sha256:{digest}"), "size": blob.len()}));
            put(blobs.join(digest), blob);
            let key = format!("sha256:{chain}");
            let folder = snapshots.add(&key, COMMITTED, |fs| layer.write(fs, root.gid));
            written.push(LayerOnDisk { chain, folder });
        }
        let (config, id) = image::config(layers);
        let manifest = json!({
            "schemaVersion": 2,
            "config": {"digest": format!("sha256:{id}"), "size": config.len()},
            "layers": descriptors,
        });
        let manifest = manifest.to_string();
        put(blobs.join(names::digest(&manifest)), manifest);
        put(blobs.join(&id), config);
        images.insert(
            name.clone(),
            Image {
                id,
                layers: written,
            },
        );
    }
    let mut built = |name: &str, kind| {
        let key = names::snapshot(&format!("{} {name}", root.daemon));
        snapshots.add(&key, kind, |fs| {
            put(fs.join(name), name);
            age(fs);
        });
    };
    built("build step", COMMITTED);
    built("cache mount", ACTIVE);
    if let (Some(more), Some((_, layers))) = (&root.twin, root.images.first()) {
        let chain = &image::chains(layers)[0];
        snapshots.add_to("k8s.io", &format!("sha256:{chain}"), COMMITTED, |fs| {
            layers[0].write(fs, root.gid);
            if !more.is_empty() {
                put(fs.join("more"), more);
            }
        });
    }
    let book = bolt::file(&snapshots.book, Shape::default());
    put(snapshots.folder.join("metadata.db"), book);
    images
}
