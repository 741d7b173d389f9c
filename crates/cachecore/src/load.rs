//! Bringing an image from a builder into a daemon, without what the daemon has already.
//!
//! | [`Store`] of the daemon | an image's id is the digest of its | it has a layer by | an archive |
//! |---|---|---|---|
//! | classic | configuration | its chain id | of `docker save`, [`thin`] |
//! | containerd's | manifest | its blob's digest | with OCI's layout, [`layout`] |
//!
//! What a daemon has it does not look for in an archive. So one with the descriptions and the layers that are
//! missing is enough.
//!
//! Formats: image-spec of the Open Container Initiative ("Image Manifest", "Image Configuration", the chain
//! id, "Image Layout"), and `manifest.json` of `docker save`.

mod archive;
mod name;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use archive::{END, Entry, Source, header, padding};
pub use name::Name;

/// More layers than any image store allows (overlay2: 128).
const MOST_LAYERS: usize = 1024;

/// The kind of a manifest that does not say it.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What a builder says of what it has built: the file of `--metadata-file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Built {
    /// The digest of the image's configuration.
    pub config: String,
    /// The digest of its manifest.
    pub manifest: String,
}

/// The image store of a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// A graph driver's, with layerdb.
    Classic,
    /// containerd's.
    Containerd,
}

impl Built {
    /// The image's id in a daemon with this store.
    pub fn id(&self, store: Store) -> &str {
        match store {
            Store::Classic => &self.config,
            Store::Containerd => &self.manifest,
        }
    }
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
    /// The digest of its manifest: its id in containerd's store.
    pub manifest: String,
    /// What kind of manifest that is.
    pub media_type: String,
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
    /// An image cannot get this name.
    #[error("{0:?} is no name with a tag")]
    Name(String),
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
    #[serde(rename_all = "camelCase")]
    struct Manifest {
        media_type: Option<String>,
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
        manifest: built.manifest.clone(),
        media_type: manifest.media_type.unwrap_or_else(|| MANIFEST.to_owned()),
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

/// What a thin archive for a classic store holds: the list of `docker save`, which names all layers, the
/// configuration, and the layers whose chain ids the daemon does not have.
pub fn thin(image: &Image, config: &[u8], names: &[Name], known: &BTreeSet<String>) -> Vec<Entry> {
    let list = serde_json::json!([{
        "Config": file(&image.config),
        "RepoTags": names.iter().map(Name::familiar).collect::<Vec<_>>(),
        "Layers": image.layers.iter().map(|layer| file(&layer.digest)).collect::<Vec<_>>(),
    }]);
    let mut entries = vec![
        Entry::of_bytes("manifest.json", list.to_string().into_bytes()),
        Entry::of_bytes(&file(&image.config), config.to_vec()),
    ];
    entries.extend(blobs(image, |layer| known.contains(&layer.chain_id)));
    entries
}

/// What an archive with OCI's layout holds: an index that names the manifest once for each name, the manifest,
/// the configuration, and the layers whose blobs the daemon does not have.
pub fn layout(
    image: &Image,
    manifest: &[u8],
    config: &[u8],
    names: &[Name],
    known: &BTreeSet<String>,
) -> Vec<Entry> {
    let described = |name: Option<&Name>| {
        let mut described = serde_json::json!({
            "mediaType": image.media_type,
            "digest": image.manifest,
            "size": manifest.len(),
        });
        if let Some(name) = name {
            described["annotations"] = serde_json::json!({
                "io.containerd.image.name": name.whole(),
                "org.opencontainers.image.ref.name": name.tag,
            });
        }
        described
    };
    let manifests: Vec<_> = match names {
        [] => vec![described(None)],
        names => names.iter().map(|name| described(Some(name))).collect(),
    };
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": manifests });
    let version = br#"{"imageLayoutVersion":"1.0.0"}"#;
    let mut entries = vec![
        Entry::of_bytes("oci-layout", version.to_vec()),
        Entry::of_bytes("index.json", index.to_string().into_bytes()),
        Entry::of_bytes(&file(&image.manifest), manifest.to_vec()),
        Entry::of_bytes(&file(&image.config), config.to_vec()),
    ];
    entries.extend(blobs(image, |layer| known.contains(&layer.digest)));
    entries
}

/// Where a blob is in an archive.
fn file(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// The blobs of the layers that the daemon does not have.
fn blobs(image: &Image, is_known: impl Fn(&Layer) -> bool) -> Vec<Entry> {
    let mut added = BTreeSet::new();
    let missing = image.layers.iter().filter(|layer| !is_known(layer));
    // Two layers may be of one blob, as those of empty folders are.
    let missing = missing.filter(|layer| added.insert(layer.digest.as_str()));
    missing
        .map(|layer| Entry {
            name: file(&layer.digest),
            size: layer.size,
            source: Source::Blob(layer.digest.clone()),
        })
        .collect()
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
