//! Images: the names of their layers, and what the image database holds about them.

use std::path::Path;

use cachecore::dataroot::chain::chain_ids;
use serde_json::{Map, Value, json};

use super::{Layer, names, put};

/// An image that was written.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its id: the digest of its config, 64 hex digits.
    pub id: String,
    /// Its layers, from the lowest up.
    pub layers: Vec<LayerOnDisk>,
}

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerOnDisk {
    /// Its chain id, 64 hex digits.
    pub chain: String,
    /// Its folder under `overlay2/`, or wherever the driver keeps it.
    pub folder: String,
}

/// The chain ids of layers, from the lowest up.
pub(super) fn chains(layers: &[Layer]) -> Vec<String> {
    let diff_ids: Vec<String> = layers.iter().map(Layer::diff_id).collect();
    let chains = chain_ids(&diff_ids).unwrap();
    chains
        .iter()
        .map(|chain| chain.as_str().to_owned())
        .collect()
}

/// The config of an image, and the image's id.
pub(super) fn config(layers: &[Layer]) -> (String, String) {
    let diff_ids: Vec<String> = layers.iter().map(Layer::diff_id).collect();
    let history: Vec<Value> = layers
        .iter()
        .map(|_| json!({"created": "2023-11-14T22:13:20Z", "created_by": "RUN true"}))
        .collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2023-11-14T22:13:20Z",
        "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["serve"]},
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string();
    let id = names::digest(&config);
    (config, id)
}

/// Writes the image database's part of an image: `folder` is `image/<driver>`.
pub(super) fn register(folder: &Path, name: &str, layers: &[Layer]) -> String {
    let (config, id) = config(layers);
    put(folder.join("imagedb/content/sha256").join(&id), config);
    put(
        folder
            .join("imagedb/metadata/sha256")
            .join(&id)
            .join("lastUpdated"),
        "2023-11-14T22:13:20Z",
    );
    for layer in layers {
        let digest = layer.diff_id();
        let digest = digest.trim_start_matches("sha256:");
        put(
            folder
                .join("distribution/v2metadata-by-diffid/sha256")
                .join(digest),
            "[]",
        );
    }
    tag(folder, name, &id);
    id
}

/// Makes a name stand for an image.
fn tag(folder: &Path, name: &str, id: &str) {
    let path = folder.join("repositories.json");
    let mut names: Value = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Err(_) => json!({"Repositories": {}}),
    };
    let (repository, tag) = name.split_once(':').unwrap_or((name, "latest"));
    let repositories = names["Repositories"].as_object_mut().unwrap();
    repositories
        .entry(repository)
        .or_insert_with(|| Value::Object(Map::new()))[format!("{repository}:{tag}")] =
        json!(format!("sha256:{id}"));
    put(path, names.to_string());
}
