//! Which blob of containerd's content store a layer was unpacked from.
//!
//! An image's manifest names the image's config and the blob of each layer, in order; its config has
//! the layers' diff ids in the same order, and with them their chain ids (OCI image specification,
//! "Image Manifest" and "Image Configuration"; Docker's own forms have the same fields).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::chain::chain_ids;
use crate::id::{BlobId, ChainId};

/// Longest manifest or config that is read, in bytes: containerd's own limit is 8 MiB.
pub const MAX_DOCUMENT: usize = 8 << 20;
/// Most layers of one image.
const MAX_LAYERS: usize = 1000;

/// At most [`MAX_LAYERS`] items: a short text may stand for a long list of nothing.
struct Few<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Few<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_LAYERS} layers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Few<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == MAX_LAYERS {
                        return Err(A::Error::invalid_length(items.len() + 1, &self));
                    }
                    items.push(item);
                }
                Ok(Few(items))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// Where a layer came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The digest of its archive, uncompressed: 64 hex digits, as a chain id has.
    pub diff_id: ChainId,
    /// The archive, compressed or not.
    pub blob: BlobId,
}

/// An image's manifest, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    config: BlobId,
    layers: Vec<BlobId>,
}

#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow)]
    digest: std::borrow::Cow<'a, str>,
}

impl Descriptor<'_> {
    fn blob(&self) -> Option<BlobId> {
        BlobId::new(self.digest.strip_prefix("sha256:")?).ok()
    }
}

/// Reads a blob as a manifest; `None` if it is none, whatever else it is.
pub fn manifest(bytes: &[u8]) -> Option<ImageManifest> {
    #[derive(Deserialize)]
    struct Written<'a> {
        #[serde(borrow)]
        config: Descriptor<'a>,
        #[serde(borrow)]
        layers: Few<Descriptor<'a>>,
    }
    let written: Written<'_> = serde_json::from_slice(bytes).ok()?;
    Some(ImageManifest {
        config: written.config.blob()?,
        layers: written
            .layers
            .0
            .iter()
            .map(Descriptor::blob)
            .collect::<Option<_>>()?,
    })
}

impl ImageManifest {
    /// The blob that is the image's config.
    pub fn config(&self) -> &BlobId {
        &self.config
    }

    /// Adds those layers of the image with this config that somebody wants. A config of anything else,
    /// such as an attestation's, adds nothing.
    pub fn layers(
        &self,
        config: &[u8],
        wanted: impl Fn(&ChainId) -> bool,
        sources: &mut BTreeMap<ChainId, Source>,
    ) {
        #[derive(Deserialize)]
        struct Rootfs {
            diff_ids: Few<String>,
        }
        #[derive(Deserialize)]
        struct Written {
            rootfs: Rootfs,
        }
        let Ok(written) = serde_json::from_slice::<Written>(config) else {
            return;
        };
        let diff_ids = written.rootfs.diff_ids.0;
        if diff_ids.len() != self.layers.len() {
            return;
        }
        let Some(chains) = chain_ids(&diff_ids) else {
            return;
        };
        for ((chain, diff_id), blob) in chains.into_iter().zip(diff_ids).zip(&self.layers) {
            let diff_id = diff_id.strip_prefix("sha256:");
            let diff_id = diff_id.and_then(|hex| ChainId::new(hex).ok());
            if let Some(diff_id) = diff_id
                && wanted(&chain)
            {
                let blob = blob.clone();
                sources.entry(chain).or_insert(Source { diff_id, blob });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_from_the_blobs_of_their_manifest() {
        let hex = |of: &str| of.repeat(64);
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{}","size":2}},
                "layers":[{{"digest":"sha256:{}"}},{{"digest":"sha256:{}"}}]}}"#,
            hex("c"),
            hex("1"),
            hex("2")
        );
        let image = manifest(text.as_bytes()).unwrap();
        assert_eq!(image.config().as_str(), hex("c"));
        let config = format!(
            r#"{{"rootfs":{{"type":"layers","diff_ids":["sha256:{}","sha256:{}"]}}}}"#,
            hex("a"),
            hex("b")
        );
        let mut sources = BTreeMap::new();
        image.layers(config.as_bytes(), |_| false, &mut sources);
        assert_eq!(sources.len(), 0);
        image.layers(config.as_bytes(), |_| true, &mut sources);
        let lowest = &sources[&ChainId::new(&hex("a")).unwrap()];
        assert_eq!(
            (lowest.diff_id.as_str(), lowest.blob.as_str()),
            (hex("a").as_str(), hex("1").as_str())
        );
        let upper = sources.values().find(|source| *source != lowest).unwrap();
        assert_eq!(
            (upper.diff_id.as_str(), upper.blob.as_str()),
            (hex("b").as_str(), hex("2").as_str())
        );
        let mut none = BTreeMap::new();
        let many = format!(
            r#"{{"rootfs":{{"diff_ids":[{}""]}}}}"#,
            "\"\",".repeat(MAX_LAYERS)
        );
        for other in ["{}", "[]", r#"{"rootfs":{"diff_ids":["x"]}}"#, "\0", &many] {
            image.layers(other.as_bytes(), |_| true, &mut none);
            assert_eq!(manifest(other.as_bytes()), None, "{other}");
        }
        assert_eq!(none.len(), 0);
    }
}
