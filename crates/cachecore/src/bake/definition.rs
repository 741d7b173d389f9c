//! What a bake builds: the JSON that `docker buildx bake --print` prints, and that Compose hands to bake.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// More targets than anybody builds at once.
const MOST_TARGETS: usize = 4096;

/// What is built, resolved: no file, variable or inheritance is left to look at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Definition {
    /// Groups of targets and of groups.
    #[serde(default)]
    group: BTreeMap<String, Group>,
    /// The targets by name, also those that are only built for others.
    #[serde(default)]
    target: BTreeMap<String, Target>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Group {
    #[serde(default)]
    targets: Vec<String>,
}

/// One image that is built.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Target {
    /// The image's names.
    pub tags: Option<Vec<String>>,
    /// What becomes of it. Each is a string, or an object in newer versions.
    output: Option<Vec<Value>>,
    platforms: Option<Vec<String>>,
    attest: Option<Vec<Value>>,
    call: Option<String>,
    cache_from: Option<Vec<Value>>,
    cache_to: Option<Vec<Value>>,
    no_cache: Option<bool>,
    no_cache_filter: Option<Vec<String>>,
    args: Option<BTreeMap<String, Value>>,
}

impl Definition {
    /// Reads what `--print` has printed.
    ///
    /// # Errors
    /// What is not understood in it.
    pub fn printed(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|e| e.to_string())
    }

    /// Reads a definition that is resolved as it is, as Compose writes it; `None` if bake would still have
    /// to look for something else, and has to be asked.
    pub fn resolved(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let root = value.as_object()?;
        if root.keys().any(|key| key != "group" && key != "target") {
            return None;
        }
        for target in root.get("target")?.as_object()?.values() {
            let target = target.as_object()?;
            let is_known = |key: &String| KNOWN.binary_search(&key.as_str()).is_ok();
            if !target.keys().all(is_known) {
                return None;
            }
            let read = ["tags", "output", "platforms", "attest", "call"];
            if read
                .iter()
                .filter_map(|key| target.get(*key))
                .any(has_variable)
            {
                return None;
            }
        }
        Self::deserialize(value).ok()
    }

    /// The targets that a bake without words, or one that was printed, builds for themselves: those of the
    /// group `default`. `None` if a name leads nowhere.
    pub fn selected(&self) -> Option<Vec<(&str, &Target)>> {
        let mut names: Vec<&str> = match self.group.get("default") {
            Some(group) => group.targets.iter().map(String::as_str).collect(),
            None => vec!["default"],
        };
        let (mut seen, mut targets) = (BTreeSet::new(), BTreeMap::new());
        while let Some(name) = names.pop() {
            if !seen.insert(name) {
                continue;
            }
            if let Some((name, target)) = self.target.get_key_value(name) {
                targets.insert(name.as_str(), target);
            } else {
                names.extend(self.group.get(name)?.targets.iter().map(String::as_str));
            }
            if seen.len() > MOST_TARGETS {
                return None;
            }
        }
        Some(targets.into_iter().collect())
    }
}

/// What Compose writes of a target, sorted. `inherits` and `matrix` are not among it.
const KNOWN: [&str; 24] = [
    "args",
    "attest",
    "cache-from",
    "cache-to",
    "call",
    "context",
    "contexts",
    "dockerfile",
    "dockerfile-inline",
    "entitlements",
    "extra-hosts",
    "labels",
    "network",
    "no-cache",
    "no-cache-filter",
    "output",
    "platforms",
    "pull",
    "secret",
    "shm-size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];

/// Whether bake would put something in.
fn has_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${") || text.contains("%{"),
        Value::Array(values) => values.iter().any(has_variable),
        Value::Object(fields) => fields.values().any(has_variable),
        _ => false,
    }
}

impl Target {
    /// Why it is not one image that the daemon gets, and gets all of; `None` if it is.
    pub fn is_for_others(&self) -> Option<&'static str> {
        if self.tags.as_ref().is_none_or(Vec::is_empty) {
            return Some("it has no name");
        }
        if self.platforms.as_ref().is_some_and(|all| all.len() > 1) {
            return Some("it is of several platforms");
        }
        if self
            .call
            .as_deref()
            .is_some_and(|call| !matches!(call, "" | "build"))
        {
            return Some("it is asked for something else than an image");
        }
        if self
            .attest
            .iter()
            .flatten()
            .any(|value| !is_disabled(value))
        {
            return Some("it has attestations");
        }
        match self.output.as_deref() {
            Some([output]) if is_load(output) => None,
            _ => Some("its output is not the daemon alone"),
        }
    }

    /// Whether it says something about its provenance.
    pub fn says_provenance(&self) -> bool {
        let is_it = |value| fields(value).is_some_and(|all| all.contains(&("type", "provenance")));
        self.attest.iter().flatten().any(is_it)
    }

    /// Whether it says something about caches.
    pub fn decides_about_caches(&self) -> bool {
        let is_set =
            |values: &Option<Vec<Value>>| values.as_ref().is_some_and(|all| !all.is_empty());
        let mut args = self.args.iter().flat_map(BTreeMap::keys);
        is_set(&self.cache_from)
            || is_set(&self.cache_to)
            || self.no_cache == Some(true)
            || self
                .no_cache_filter
                .as_ref()
                .is_some_and(|all| !all.is_empty())
            || args.any(|name| name == "BUILDKIT_INLINE_CACHE")
    }
}

/// The fields of an output or an attestation, in either way to write them; `None` if they are quoted, or
/// of another kind.
fn fields(value: &Value) -> Option<Vec<(&str, &str)>> {
    match value {
        Value::String(text) if text.contains('"') => None,
        Value::String(text) => text.split(',').map(|field| field.split_once('=')).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::String(text) => text.as_str(),
                    Value::Bool(true) => "true",
                    Value::Bool(false) => "false",
                    _ => return None,
                };
                Some((key.as_str(), value))
            })
            .collect(),
        _ => None,
    }
}

fn is_load(output: &Value) -> bool {
    let Some(fields) = fields(output) else {
        return false;
    };
    let is_known = |field: &(&str, &str)| {
        matches!(
            field,
            ("type", "docker") | ("load", "true") | ("push", "false")
        )
    };
    fields.contains(&("type", "docker")) && fields.iter().all(is_known)
}

fn is_disabled(attestation: &Value) -> bool {
    fields(attestation).is_some_and(|fields| fields.contains(&("disabled", "true")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str) -> Option<Vec<String>> {
        let definition = Definition::printed(text.as_bytes()).unwrap();
        let names = definition.selected()?;
        Some(names.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    #[test]
    fn groups_are_followed_to_their_targets() {
        let all = r#""target":{"a":{},"b":{},"c":{},"default":{}}"#;
        for (group, names) in [
            (r#"{"default":{"targets":["b","a"]}}"#, "a b"),
            (
                r#"{"default":{"targets":["g"]},"g":{"targets":["c","h"]},"h":{"targets":["g","a"]}}"#,
                "a c",
            ),
            ("{}", "default"),
        ] {
            let text = format!(r#"{{"group":{group},{all}}}"#);
            assert_eq!(selected(&text).unwrap().join(" "), names);
        }
        assert_eq!(selected(r#"{"group":{"default":{"targets":["x"]}}}"#), None);
        assert_eq!(selected("{}"), None);
    }

    #[test]
    fn only_an_image_for_the_daemon_is_one() {
        let target = |fields: &str| {
            let text = format!(r#"{{"tags":["a"],{fields}}}"#);
            serde_json::from_str::<Target>(&text).unwrap()
        };
        for fields in [
            r#""output":["type=docker"]"#,
            r#""output":["type=docker,load=true,push=false"]"#,
            r#""output":[{"type":"docker"}]"#,
            r#""output":["type=docker"],"platforms":["linux/amd64"]"#,
            r#""output":["type=docker"],"attest":["type=provenance,disabled=true"]"#,
            r#""output":["type=docker"],"call":"build""#,
        ] {
            assert_eq!(target(fields).is_for_others(), None, "{fields}");
        }
        for fields in [
            r#""output":[]"#,
            r#""output":["type=docker","type=local,dest=x"]"#,
            r#""output":["type=docker,dest=x.tar"]"#,
            r#""output":["type=docker,\"dest=a,b\""]"#,
            r#""output":[{"type":"docker","dest":"x"}]"#,
            r#""output":["type=docker,push=true"]"#,
            r#""output":["type=registry"]"#,
            r#""output":["folder"]"#,
            r#""output":[7]"#,
            r#""output":["type=docker"],"platforms":["linux/amd64","linux/arm64"]"#,
            r#""output":["type=docker"],"attest":["type=sbom"]"#,
            r#""output":["type=docker"],"call":"lint""#,
        ] {
            assert!(target(fields).is_for_others().is_some(), "{fields}");
        }
        assert!(Target::default().is_for_others().is_some());
    }

    #[test]
    fn who_says_something_about_caches_decides() {
        let decides = |text: &str| {
            let target: Target = serde_json::from_str(text).unwrap();
            target.decides_about_caches()
        };
        for text in [
            r#"{"cache-from":["type=gha"]}"#,
            r#"{"cache-to":[{"type":"inline"}]}"#,
            r#"{"no-cache":true}"#,
            r#"{"no-cache-filter":["a"]}"#,
            r#"{"args":{"BUILDKIT_INLINE_CACHE":"1"}}"#,
        ] {
            assert!(decides(text), "{text}");
        }
        assert!(!decides(
            r#"{"cache-from":[],"no-cache":false,"args":{"A":null}}"#
        ));
    }

    #[test]
    fn what_bake_has_to_resolve_is_not_read() {
        assert!(KNOWN.is_sorted());
        let plain = r#"{"group":{"default":{"targets":["a"]}},"target":{"a":{"tags":["x"],"args":{"A":"${B}"}}}}"#;
        assert!(Definition::resolved(plain.as_bytes()).is_some());
        for other in [
            "",
            "[]",
            r#"{"variable":{"B":{}},"target":{}}"#,
            r#"{"target":{"a":{"inherits":["b"]}}}"#,
            r#"{"target":{"a":{"matrix":{}}}}"#,
            r#"{"target":{"a":{"tags":["x:${B}"]}}}"#,
            r#"{"target":[{"a":{}}]}"#,
        ] {
            assert!(Definition::resolved(other.as_bytes()).is_none(), "{other}");
        }
    }
}
