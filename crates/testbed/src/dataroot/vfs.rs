//! The vfs driver's part of a data root: every layer a whole tree, what lies below included.

use std::collections::BTreeMap;
use std::path::Path;

use super::image::{self, Image, LayerOnDisk};
use super::{DataRoot, names, put};

pub(super) fn write(root: &DataRoot, path: &Path) -> BTreeMap<String, Image> {
    let database = path.join("image/vfs");
    let mut images = BTreeMap::new();
    for (name, layers) in &root.images {
        let mut written = Vec::new();
        for (height, chain) in image::chains(layers).into_iter().enumerate() {
            let folder = names::digest(&format!("{} {chain}", root.daemon));
            let entry = database.join("layerdb/sha256").join(&chain);
            if !entry.exists() {
                for layer in &layers[..=height] {
                    layer.write(&path.join("vfs/dir").join(&folder), root.gid);
                }
                put(entry.join("cache-id"), &folder);
                put(entry.join("diff"), layers[height].diff_id());
            }
            written.push(LayerOnDisk { chain, folder });
        }
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
