//! The part of an image config that names layers (OCI image specification, "rootfs"). The rest is
//! passed over as it is parsed.

use std::ffi::OsStr;
use std::fmt;

use cachecore::dataroot::listing::ImageConfig;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::MAX_WORD;
use crate::error::StoreError;
use crate::handle::{Handle, Small};

/// Longest image config. Registries refuse manifests over 4 MiB; configs are as large at most.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Most layers of an image. overlay2 takes 128 of them.
const MAX_LAYERS: usize = 4096;

pub(super) fn read(images: &Handle, name: &OsStr) -> Result<ImageConfig, StoreError> {
    Ok(match images.small(name, MAX_BYTES)? {
        Small::Bytes(bytes) => parse(&bytes),
        Small::Missing | Small::Unreadable => ImageConfig::Unreadable,
    })
}

fn parse(bytes: &[u8]) -> ImageConfig {
    serde_json::from_slice::<Config>(bytes).map_or(ImageConfig::Unreadable, |config| {
        ImageConfig::DiffIds(config.rootfs.diff_ids)
    })
}

#[derive(serde::Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(serde::Deserialize)]
struct RootFs {
    #[serde(default, deserialize_with = "diff_ids")]
    diff_ids: Vec<String>,
}

fn diff_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Ids;

    impl<'de> Visitor<'de> for Ids {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the diff ids of at most {MAX_LAYERS} layers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
            let mut ids = Vec::new();
            while let Some(id) = seq.next_element::<String>()? {
                if ids.len() == MAX_LAYERS || id.len() > MAX_WORD {
                    return Err(A::Error::invalid_length(ids.len(), &self));
                }
                ids.push(id);
            }
            Ok(ids)
        }
    }

    from.deserialize_seq(Ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_images_layers_are_read() {
        let nested = "[".repeat(100_000);
        let many = |count| vec!["\"sha256:a\""; count].join(",");
        for (config, layers) in [
            (
                r#"{"rootfs":{"type":"layers","diff_ids":["a","b"]}}"#,
                Some(2),
            ),
            (r#"{"config":{"Env":[{"a":[1]}]},"rootfs":{}}"#, Some(0)),
            (r#"{"rootfs":{"diff_ids":["a",1]}}"#, None),
            (r#"{"rootfs":{"diff_ids":"a"}}"#, None),
            (r#"{"config":{}}"#, None),
            ("", None),
            (
                &format!(r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#, many(MAX_LAYERS)),
                Some(MAX_LAYERS),
            ),
            (
                &format!(r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#, many(MAX_LAYERS + 1)),
                None,
            ),
            (
                &format!(r#"{{"rootfs":{{"diff_ids":["{}"]}}}}"#, "a".repeat(257)),
                None,
            ),
            (&format!(r#"{{"history":{nested}"#), None),
        ] {
            let read = match parse(config.as_bytes()) {
                ImageConfig::DiffIds(ids) => Some(ids.len()),
                ImageConfig::Unreadable => None,
            };
            assert_eq!(read, layers, "{config:.80}");
        }
    }
}
