//! A definition as bake reads it: JSON, whose strings are templates.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{AsItIs, as_it_is};

/// What bake builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Definition {
    group: BTreeMap<&'static str, Group>,
    target: BTreeMap<String, Target>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Group {
    targets: Vec<String>,
}

/// One image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The folder or address of the build context.
    pub context: String,
    /// Other contexts by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    /// The Dockerfile's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The Dockerfile itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Labels of the image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Names of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where a cache is read from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// Where a cache is written to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<String>,
    /// The stage that is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Where secrets come from, never what they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
    /// Keys or agents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
    /// At most one platform.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Whether base images are looked for anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
    /// Whether nothing is taken from a cache.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
    /// Stages for which nothing is taken from a cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_cache_filter: Vec<String>,
    /// The size of `/dev/shm`, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    /// Limits, `name=soft:hard`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<String>,
    /// What becomes of the image.
    pub output: Vec<String>,
}

impl Target {
    /// Whether a cache that nobody asked for would be in nobody's way.
    pub(super) fn shares_cache(&self) -> bool {
        let is_undecided = self.cache_from.is_empty()
            && self.cache_to.is_empty()
            && self.no_cache_filter.is_empty()
            && !self.no_cache;
        is_undecided && !self.args.contains_key("BUILDKIT_INLINE_CACHE")
    }
}

/// Instead of a value that explanations do not show.
const HIDDEN: &str = "(not shown)";

impl Definition {
    pub(super) fn add(&mut self, name: String, target: Target) {
        let group = self.group.entry("default").or_default();
        group.targets.push(name.clone());
        self.target.insert(name, target);
    }

    /// A target, by its name.
    pub fn target_mut(&mut self, name: &str) -> Option<&mut Target> {
        self.target.get_mut(name)
    }

    /// Nothing in it may look as if it were escaped already: bake's rules for that are not worth a guess.
    pub(super) fn check(&self) -> Result<(), AsItIs> {
        let value = serde_json::to_value(self).map_err(|e| AsItIs(e.to_string()))?;
        let mut is_odd = false;
        let _ = mapped(value, &mut |text| {
            is_odd |= text.contains("$${") || text.contains("%%{");
            text
        });
        if is_odd {
            return as_it_is("a value has $${ or %%{ in it, which bake reads in its own way");
        }
        Ok(())
    }

    /// The bytes that bake reads, with nothing in them that it would take for an expression.
    ///
    /// # Errors
    /// Never, as far as is known: serde's own.
    pub fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let value = serde_json::to_value(self)?;
        let escaped = mapped(value, &mut |text| {
            text.replace("${", "$${").replace("%{", "%%{")
        });
        serde_json::to_vec(&escaped)
    }

    /// The same for people: without the values of build arguments, and without what caches are opened with.
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        for target in shown.target.values_mut() {
            for value in target.args.values_mut() {
                HIDDEN.clone_into(value);
            }
            if target.dockerfile_inline.is_some() {
                target.dockerfile_inline = Some(HIDDEN.to_owned());
            }
            for entry in target.cache_from.iter_mut().chain(&mut target.cache_to) {
                *entry = public(entry);
            }
        }
        shown
    }
}

/// What of a cache's address can be shown.
fn public(entry: &str) -> String {
    const PUBLIC: [&str; 6] = ["type", "ref", "src", "dest", "mode", "compression"];
    if !entry.contains('=') {
        return entry.to_owned();
    }
    let fields: Vec<String> = entry
        .split(',')
        .map(|field| match field.split_once('=') {
            Some((name, _)) if !PUBLIC.contains(&name) => format!("{name}={HIDDEN}"),
            _ => field.to_owned(),
        })
        .collect();
    fields.join(",")
}

/// A document with other strings, keys included.
pub(super) fn mapped(value: Value, other: &mut impl FnMut(String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(other(text)),
        Value::Array(items) => items.into_iter().map(|item| mapped(item, other)).collect(),
        Value::Object(fields) => {
            let mut out = Map::new();
            for (key, value) in fields {
                let key = other(key);
                out.insert(key, mapped(value, other));
            }
            Value::Object(out)
        }
        other => other,
    }
}
