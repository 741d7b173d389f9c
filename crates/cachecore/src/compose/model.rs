//! A project as compose understands it: interpolated, merged, with absolute paths.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::mapped;
use super::{AsItIs, as_it_is};

/// A project: what `compose config --format json` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Model {
    /// The project's name.
    pub name: String,
    /// The services that are not switched off by a profile, and those that were named.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Where secrets come from.
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, Secret>,
}

/// A service, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Service {
    /// The image's name, if the user has given it one.
    #[serde(default)]
    pub image: Option<String>,
    /// The platform that it runs on.
    #[serde(default)]
    pub platform: Option<String>,
    /// When its image is pulled.
    #[serde(default)]
    pub pull_policy: Option<String>,
    /// How its image is built.
    #[serde(default)]
    pub build: Option<Map<String, Value>>,
    /// Its mounts, in the long form.
    #[serde(default)]
    pub volumes: Vec<Map<String, Value>>,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Secret {
    #[serde(default)]
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) environment: Option<String>,
}

impl Model {
    /// Reads compose's answer.
    ///
    /// # Errors
    /// [`AsItIs`] if it is not understood.
    pub fn read(answer: &[u8]) -> Result<Self, AsItIs> {
        let problem = |e: serde_json::Error| AsItIs(format!("compose's answer is not read: {e}"));
        let value: Value = serde_json::from_slice(answer).map_err(problem)?;
        // Compose doubles every dollar of its answer, so that it could be read as a file again.
        let mut is_doubled = true;
        let value = mapped(value, &mut |text| {
            let single = text.replace("$$", "$");
            is_doubled &= text.matches('$').count() == 2 * single.matches('$').count();
            single
        });
        if !is_doubled {
            return as_it_is("compose's answer has a dollar that is not doubled");
        }
        serde_json::from_value(value).map_err(problem)
    }

    /// The name of a service's image.
    pub fn image(&self, name: &str, separator: char) -> Option<String> {
        let service = self.services.get(name)?;
        let named = service.image.clone().filter(|image| !image.is_empty());
        Some(named.unwrap_or_else(|| format!("{}{separator}{name}", self.name)))
    }
}
