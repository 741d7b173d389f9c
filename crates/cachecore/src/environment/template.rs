//! What a stage is built by: one Dockerfile, and the files that its script sees.
//!
//! The script and the files beside it are mounted while it runs, and are in no layer. Secrets are BuildKit's.
//! There is no `# syntax=` line, because that would be pulled: the daemon's own builder has to know
//! everything here, from Docker 20.10 on.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::Serialize;

use super::key::{self, StageKey};
use super::materials::{Base, Materials};
use super::spec::{Network, SecretSource, Spec, StageName};

/// The version of the template, and of everything in this file that an image depends on. It is in every key.
pub const VERSION: u32 = 1;

/// What stages are built by; what stands in braces is filled in. A line for which there is nothing is left
/// out.
pub const TEMPLATE: &str = "\
FROM {parent}
LABEL {labels}
USER {user}
RUN --mount=type=bind,source=files,target=/dev/cachecore{secrets} {command}
USER {restored}
";

/// Where scripts and the files beside them are while they run, as they are in the spec's folder. `/dev` is
/// in memory in every container, so no image keeps a folder for it.
pub const SCRIPTS: &str = "/dev/cachecore";

/// The folder of a build's context that is mounted there. Not the context itself, where a file could be one
/// that the builder reads, such as `.dockerignore`.
pub const FILES: &str = "files";

/// Under which name a base image is known to the template, which needs a name.
pub const BASE_REPOSITORY: &str = "cachecore-env-base";

/// The labels of a stage's image.
pub mod label {
    /// The project whose spec it was built from first.
    pub const PROJECT: &str = "cachecore.environment.project";
    /// The stage.
    pub const STAGE: &str = "cachecore.environment.stage";
    /// The stage's key.
    pub const KEY: &str = "cachecore.environment.key";
    /// The image that it was built on, as [`super::Build::parent`].
    pub const PARENT: &str = "cachecore.environment.parent";
    /// The base image, as the spec names it.
    pub const BASE: &str = "cachecore.environment.base";
    /// The version of the template.
    pub const TEMPLATE: &str = "cachecore.environment.template";
}

/// How a stage is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The stage.
    pub stage: StageName,
    /// Its key.
    pub key: StageKey,
    /// The name of its image.
    pub image: String,
    /// The image that it is built on. The base image has to get its name here before.
    pub parent: String,
    /// The Dockerfile. Its context has the stage's files in [`FILES`].
    pub dockerfile: String,
    /// The platform, if the spec has one.
    pub platform: Option<String>,
    /// What it reaches of the network.
    pub network: Network,
    /// The secrets that it gets.
    pub secrets: BTreeMap<String, SecretSource>,
}

/// How each stage of a spec is built, in their order. `keys` are those of [`key::keys`].
pub fn builds(spec: &Spec, materials: &Materials, base: &Base, keys: &[StageKey]) -> Vec<Build> {
    let mut parent = base_image(base);
    let mut builds = Vec::with_capacity(keys.len());
    for ((stage, files), key) in spec.stages.iter().zip(&materials.stages).zip(keys) {
        let image = key::image(&stage.name, key);
        let labels = [
            (label::PROJECT, spec.name.to_string()),
            (label::STAGE, stage.name.to_string()),
            (label::KEY, key.to_string()),
            (label::PARENT, parent.clone()),
            (label::BASE, base.name.clone()),
            (label::TEMPLATE, VERSION.to_string()),
        ];
        let labels = labels.map(|(name, value)| format!("{name}={}", json(&value)));
        // Whoever runs the script has to be able to read a secret.
        let secret = |id: &String| format!(" --mount=type=secret,id={id},mode=0444,required=true");
        let user = spec.user_of(stage);
        let restored = match base.user.as_str() {
            "" => "0".to_owned(),
            user => word(user),
        };
        let dockerfile = filled(&[
            ("parent", parent.clone()),
            ("labels", labels.join(" ")),
            ("user", user.unwrap_or_default().to_owned()),
            ("secrets", stage.secrets.iter().map(secret).collect()),
            (
                "command",
                command(&files.script.bytes, &files.script.path, spec.args_of(stage)),
            ),
            ("restored", user.map_or(String::new(), |_| restored)),
        ]);
        let secrets = stage.secrets.iter().filter_map(|id| {
            let source = spec.secrets.get(id)?;
            Some((id.clone(), source.clone()))
        });
        builds.push(Build {
            stage: stage.name.clone(),
            key: *key,
            image: image.clone(),
            parent,
            dockerfile,
            platform: spec.platform.clone(),
            network: spec.network_of(stage),
            secrets: secrets.collect(),
        });
        parent = image;
    }
    builds
}

/// The name that stands for exactly this base image.
pub fn base_image(base: &Base) -> String {
    let id = base.id.strip_prefix("sha256:").unwrap_or(&base.id);
    format!("{BASE_REPOSITORY}:{id}")
}

/// What a script is run by: what its first line names, as the kernel reads it, else bash.
///
/// ```
/// use cachecore::environment::template::interpreter;
///
/// assert_eq!(interpreter(b"apt-get update\n"), ["/bin/bash"]);
/// assert_eq!(interpreter(b"#!/usr/bin/env -S bash -e\n"), ["/usr/bin/env", "-S bash -e"]);
/// ```
pub fn interpreter(script: &[u8]) -> Vec<String> {
    let bash = || vec!["/bin/bash".to_owned()];
    let line = script.split(|byte| *byte == b'\n').next().unwrap_or(script);
    let Some(named) = line.strip_prefix(b"#!") else {
        return bash();
    };
    let Ok(named) = std::str::from_utf8(named) else {
        return bash();
    };
    let blank = [' ', '\t'];
    let (program, argument) = named.trim().split_once(blank).unwrap_or((named.trim(), ""));
    if !program.starts_with('/') || named.len() > 4096 {
        return bash();
    }
    let words = [program, argument.trim_matches(blank)];
    let words = words.into_iter().filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The words that run a script with build arguments, as JSON. They are not declared with `ARG`: a variable
/// that the image has would win over it.
fn command(script: &[u8], path: &Utf8Path, args: BTreeMap<&str, &str>) -> String {
    let mut words = Vec::new();
    if !args.is_empty() {
        words.push("env".to_owned());
        words.extend(args.iter().map(|(name, value)| format!("{name}={value}")));
    }
    words.extend(interpreter(script));
    words.push(format!("{SCRIPTS}/{path}"));
    let words: Vec<String> = words.iter().map(|word| json(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A user as one word of a Dockerfile, whatever the base image says: nothing in it is expanded, and nothing
/// begins another line. A user with a blank or a control character is in no image that starts.
fn word(user: &str) -> String {
    let mut word = String::with_capacity(user.len());
    for c in user
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
    {
        if matches!(c, '$' | '\\' | '"' | '\'') {
            word.push('\\');
        }
        word.push(c);
    }
    word
}

/// A text in JSON's quotes, in one line. Nothing in it can be taken for the beginning of a here-document.
fn json(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('<', "\\u003c")
}

/// The template with values for what stands in braces.
fn filled(values: &[(&str, String)]) -> String {
    let mut text = String::new();
    for line in TEMPLATE.lines() {
        let mut rest = line;
        let mut out = String::new();
        let mut left_out = false;
        while let Some((before, name, after)) = braced(rest) {
            let value = values.iter().find(|(known, _)| *known == name);
            let value = value.map_or("", |(_, value)| value);
            left_out |= value.is_empty() && after.is_empty();
            out += before;
            out += value;
            rest = after;
        }
        if !left_out {
            text += &out;
            text += rest;
            text.push('\n');
        }
    }
    text
}

/// What stands before, in and behind the first braces.
fn braced(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
