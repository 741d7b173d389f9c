//! A data root with containerd's image store: images are blobs, layers are numbered snapshots.

use std::collections::BTreeMap;
use std::path::Path;

use super::image::{self, Image, LayerOnDisk};
use super::{DataRoot, names, put};

pub(super) fn write(root: &DataRoot, path: &Path) -> BTreeMap<String, Image> {
    let daemon = path.join("containerd/daemon");
    let snapshotter = daemon.join("io.containerd.snapshotter.v1.overlayfs");
    put(snapshotter.join("metadata.db"), "which are committed");
    put(
        daemon.join("io.containerd.metadata.v1.bolt/meta.db"),
        "images and leases",
    );
    for unused in ["native", "btrfs"] {
        let name = format!("io.containerd.snapshotter.v1.{unused}");
        std::fs::create_dir_all(daemon.join(name)).unwrap();
    }
    let blobs = daemon.join("io.containerd.content.v1.content/blobs/sha256");
    let mut images = BTreeMap::new();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (name, layers) in &root.images {
        let mut written = Vec::new();
        for (layer, chain) in layers.iter().zip(image::chains(layers)) {
            let next = (known.len() + 1).to_string();
            let folder = known.entry(chain.clone()).or_insert_with(|| {
                let snapshot = snapshotter.join("snapshots").join(&next);
                layer.write(&snapshot.join("fs"), root.gid);
                std::fs::create_dir_all(snapshot.join("work")).unwrap();
                put(blobs.join(names::digest(&chain)), &chain);
                next
            });
            written.push(LayerOnDisk {
                chain,
                folder: folder.clone(),
            });
        }
        let (config, id) = image::config(layers);
        put(blobs.join(&id), config);
        images.insert(
            name.clone(),
            Image {
                id,
                layers: written,
            },
        );
    }
    images
}
