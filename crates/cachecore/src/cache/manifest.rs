//! What an export of BuildKit's consists of: a manifest that names layers, and a configuration that says
//! which steps they are the results of.

use std::collections::BTreeSet;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::id::BlobId;

/// More blobs than any image has layers are not followed.
const MOST: usize = 20_000;

/// What the last blob of a manifest is.
const CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";

/// The end of an export: what its `index.json` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The manifest.
    pub manifest: BlobId,
}

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub id: BlobId,
    /// Its size in bytes.
    pub size: u64,
}

/// All that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Layers and configuration, each once.
    pub blobs: Vec<Blob>,
    /// The configuration.
    pub config: BlobId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
}

impl Descriptor {
    fn id(&self) -> Option<BlobId> {
        BlobId::new(self.digest.strip_prefix("sha256:")?).ok()
    }
}

/// Reads the `index.json` of an export; `None` if it names no manifest, or several.
pub fn exported(index: &[u8]) -> Option<Exported> {
    #[derive(Deserialize)]
    struct Index {
        manifests: Vec<Descriptor>,
    }
    let index: Index = serde_json::from_slice(index).ok()?;
    let [manifest] = index.manifests.as_slice() else {
        return None;
    };
    Some(Exported {
        manifest: manifest.id()?,
    })
}

/// Reads a manifest, in either of BuildKit's forms: an index whose last entry is the configuration, or
/// (`image-manifest=true`) an image's. `None` if it is neither.
pub fn contents(manifest: &[u8]) -> Option<Contents> {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default)]
        manifests: Vec<Descriptor>,
        #[serde(default)]
        layers: Vec<Descriptor>,
        #[serde(default)]
        config: Option<Descriptor>,
    }
    let written: Written = serde_json::from_slice(manifest).ok()?;
    let all = || {
        let lists = written.manifests.iter().chain(&written.layers);
        lists.chain(&written.config)
    };
    if all().count() > MOST {
        return None;
    }
    let config = all().find(|one| one.media_type == CONFIG)?.id()?;
    let mut seen = BTreeSet::new();
    let mut blobs = Vec::new();
    for one in all() {
        let id = one.id()?;
        if seen.insert(id.clone()) {
            blobs.push(Blob { id, size: one.size });
        }
    }
    Some(Contents { blobs, config })
}

/// Names the steps that a configuration has results of: two exports with one such name serve the same
/// builds, whichever of several results of a step they hold. `None` if it is no configuration.
pub fn steps(config: &[u8]) -> Option<BlobId> {
    #[derive(Deserialize)]
    struct Config {
        records: Vec<Record>,
    }
    #[derive(Deserialize)]
    struct Record {
        digest: String,
    }
    let config: Config = serde_json::from_slice(config).ok()?;
    let mut digests: Vec<&str> = config
        .records
        .iter()
        .map(|one| one.digest.as_str())
        .collect();
    digests.sort_unstable();
    let mut hash = Sha256::new();
    for digest in digests {
        hash.update((digest.len() as u64).to_be_bytes());
        hash.update(digest);
    }
    let hex: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    BlobId::new(&hex).ok()
}
