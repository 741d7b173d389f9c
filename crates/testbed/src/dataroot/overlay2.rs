//! The overlay2 driver's part of a data root, and the layer database that goes with it.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::image::{self, Image, LayerOnDisk};
use super::{DataRoot, Layer, archive, names, put};

pub(super) fn write(root: &DataRoot, path: &Path) -> BTreeMap<String, Image> {
    std::fs::create_dir_all(path.join("overlay2/l")).unwrap();
    for folder in ["overlay2", "overlay2/l"] {
        let folder = path.join(folder);
        chown(&folder, None, Some(root.gid)).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o710)).unwrap();
    }
    let database = path.join("image/overlay2");
    for folder in ["layerdb/sha256", "layerdb/mounts", "layerdb/tmp", "imagedb"] {
        std::fs::create_dir_all(database.join(folder)).unwrap();
    }
    let mut images = BTreeMap::new();
    for (name, layers) in &root.images {
        let written = write_layers(root, path, layers);
        let id = image::register(&database, name, layers);
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

fn write_layers(root: &DataRoot, path: &Path, layers: &[Layer]) -> Vec<LayerOnDisk> {
    let mut written: Vec<LayerOnDisk> = Vec::new();
    for (layer, chain) in layers.iter().zip(image::chains(layers)) {
        let entry = path.join("image/overlay2/layerdb/sha256").join(&chain);
        let folder = match std::fs::read_to_string(entry.join("cache-id")) {
            Ok(folder) => folder,
            Err(_) => {
                let folder = names::digest(&format!("{} {chain}", root.daemon));
                let below: Vec<&str> = written.iter().rev().map(|l| l.folder.as_str()).collect();
                add_folder(path, &folder, &below);
                layer.write(&path.join("overlay2").join(&folder).join("diff"), root.gid);
                put(entry.join("cache-id"), &folder);
                put(entry.join("diff"), layer.diff_id());
                put(entry.join("size"), "4096");
                put(
                    entry.join("tar-split.json.gz"),
                    &archive::of(layer).tar_split,
                );
                if let Some(parent) = written.last() {
                    put(entry.join("parent"), format!("sha256:{}", parent.chain));
                }
                folder
            }
        };
        written.push(LayerOnDisk { chain, folder });
    }
    written
}

/// Makes a folder under `overlay2/` that stands on `below`, nearest first. Its `diff` is empty.
pub(super) fn add_folder(path: &Path, name: &str, below: &[&str]) {
    let driver = path.join("overlay2");
    let folder = driver.join(name);
    std::fs::create_dir_all(folder.join("diff")).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o710)).unwrap();
    put(folder.join("link"), names::short(name));
    symlink(
        format!("../{name}/diff"),
        driver.join("l").join(names::short(name)),
    )
    .unwrap();
    if below.is_empty() {
        return;
    }
    let lower: Vec<String> = below
        .iter()
        .map(|name| format!("l/{}", names::short(name)))
        .collect();
    put(folder.join("lower"), lower.join(":"));
    std::fs::create_dir_all(folder.join("work/work")).unwrap();
    // dockerd marks what has been used as a parent.
    put(driver.join(below[0]).join("committed"), "");
}
