//! Bringing an image from a builder into a daemon, without what the daemon has already.
//!
//! A daemon with the classic image store names an image by the digest of its configuration, and a layer by
//! its chain id: the digest of its diff id and of those below it. What it has under that name it does not
//! look for in an archive. So an archive with the configuration and the layers that are missing is enough:
//! [`thin`] says what goes into it.
//!
//! Formats: image-spec of the Open Container Initiative ("Image Manifest", "Image Configuration", the chain
//! id), and `manifest.json` of `docker save`.

mod archive;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use archive::{END, Entry, Source, header, padding};

/// More layers than any image store allows (overlay2: 128).
const MOST_LAYERS: usize = 1024;

/// What a builder says of what it has built: the file of `--metadata-file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Built {
    /// The digest of the image's configuration.
    pub config: String,
    /// The digest of its manifest.
    pub manifest: String,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The digest of its blob, as it is stored: compressed, usually.
    pub digest: String,
    /// The blob's bytes.
    pub size: u64,
    /// The digest of what it unpacks to.
    pub diff_id: String,
    /// What a daemon knows it by.
    pub chain_id: String,
}

/// An image, by its manifest and its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The digest of its configuration: its id in a classic store.
    pub config: String,
    /// Lowest first.
    pub layers: Vec<Layer>,
}

/// Why what a builder says cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is not JSON of the right form.
    #[error("the builder's {what} cannot be read: {problem}")]
    Unreadable {
        /// Which document.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing says which image it is: it is of several platforms, has attestations, or was not kept.
    #[error("the builder does not name one image")]
    NotOne,
    /// Two documents do not fit together.
    #[error("the image's manifest and configuration are of different images: {0}")]
    Mismatch(String),
    /// A digest is none.
    #[error("{0:?} is not a digest")]
    Digest(String),
}

/// Reads the file of `--metadata-file`.
///
/// # Errors
/// [`LoadError`] if it does not name one image.
pub fn built(metadata: &[u8]) -> Result<Built, LoadError> {
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(rename = "containerimage.config.digest")]
        config: Option<String>,
        #[serde(rename = "containerimage.digest")]
        manifest: Option<String>,
    }
    let metadata: Metadata = json("report", metadata)?;
    let (Some(config), Some(manifest)) = (metadata.config, metadata.manifest) else {
        return Err(LoadError::NotOne);
    };
    Ok(Built {
        config: digest(config)?,
        manifest: digest(manifest)?,
    })
}

/// Reads an image's manifest and configuration, whose digests are checked.
///
/// # Errors
/// [`LoadError`] if they are not what their digests say, or not of one image.
pub fn image(built: &Built, manifest: &[u8], config: &[u8]) -> Result<Image, LoadError> {
    #[derive(Deserialize)]
    struct Manifest {
        config: Descriptor,
        layers: Vec<Descriptor>,
    }
    #[derive(Deserialize)]
    struct Descriptor {
        digest: String,
        size: u64,
    }
    #[derive(Deserialize)]
    struct Config {
        rootfs: RootFs,
    }
    #[derive(Deserialize)]
    struct RootFs {
        diff_ids: Vec<String>,
    }
    for (what, digest, bytes) in [
        ("manifest", &built.manifest, manifest),
        ("configuration", &built.config, config),
    ] {
        if *digest != sha256(bytes) {
            return Err(LoadError::Mismatch(format!("the {what} is not {digest}")));
        }
    }
    let manifest: Manifest = json("manifest", manifest)?;
    let config: Config = json("configuration", config)?;
    if manifest.config.digest != built.config {
        let other = format!("the manifest names {}", manifest.config.digest);
        return Err(LoadError::Mismatch(other));
    }
    let (layers, diff_ids) = (manifest.layers, config.rootfs.diff_ids);
    if layers.len() != diff_ids.len() || layers.len() > MOST_LAYERS {
        let counts = format!("{} layers, {} diff ids", layers.len(), diff_ids.len());
        return Err(LoadError::Mismatch(counts));
    }
    let chain_ids = chain_ids(&diff_ids);
    let layers = layers.into_iter().zip(diff_ids).zip(chain_ids);
    let layers = layers.map(|((layer, diff_id), chain_id)| {
        Ok(Layer {
            digest: digest(layer.digest)?,
            size: layer.size,
            diff_id: digest(diff_id)?,
            chain_id,
        })
    });
    Ok(Image {
        config: built.config.clone(),
        layers: layers.collect::<Result<_, _>>()?,
    })
}

/// The chain ids of layers by their diff ids, lowest first.
pub fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let mut chain: Option<String> = None;
    let chains = diff_ids.iter().map(|diff_id| {
        let next = match &chain {
            None => diff_id.clone(),
            Some(below) => sha256(format!("{below} {diff_id}").as_bytes()),
        };
        chain = Some(next.clone());
        next
    });
    chains.collect()
}

/// What a thin archive holds: the configuration, the layers whose chain ids the daemon does not have, and
/// the list of `docker save`, which names them all.
pub fn thin(
    image: &Image,
    config: &[u8],
    names: &[String],
    known: &BTreeSet<String>,
) -> Vec<Entry> {
    let file = |digest: &str| format!("blobs/{}", digest.replacen(':', "/", 1));
    let list = serde_json::json!([{
        "Config": file(&image.config),
        "RepoTags": names,
        "Layers": image.layers.iter().map(|layer| file(&layer.digest)).collect::<Vec<_>>(),
    }]);
    let mut entries = vec![
        Entry::of_bytes("manifest.json", list.to_string().into_bytes()),
        Entry::of_bytes(&file(&image.config), config.to_vec()),
    ];
    let mut added = BTreeSet::new();
    for layer in &image.layers {
        // Two layers may be of one blob, as those of empty folders are.
        if !known.contains(&layer.chain_id) && added.insert(&layer.digest) {
            entries.push(Entry {
                name: file(&layer.digest),
                size: layer.size,
                source: Source::Blob(layer.digest.clone()),
            });
        }
    }
    entries
}

fn json<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, LoadError> {
    serde_json::from_slice(bytes).map_err(|e| LoadError::Unreadable {
        what,
        problem: e.to_string(),
    })
}

fn digest(text: String) -> Result<String, LoadError> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    let is_digest = hex.len() == 64
        && hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_digest {
        Ok(text)
    } else {
        Err(LoadError::Digest(text))
    }
}

fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests;
