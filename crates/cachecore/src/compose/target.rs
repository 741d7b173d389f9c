//! A service's `build` as a target of bake: field by field, and nothing that is not known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::definition::Target;
use super::fields::Fields;
use super::model::{Model, Service};
use super::{AsItIs, as_it_is};
use crate::argv::Command;

/// A version of compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64, pub u64, pub u64);

impl Version {
    /// Reads what `compose version --short` prints; `None` if it is not understood.
    ///
    /// ```
    /// use cachecore::compose::Version;
    ///
    /// assert_eq!(Version::read(b"2.26.1-4\n"), Some(Version(2, 26, 1)));
    /// ```
    pub fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let mut parts = text[..end.unwrap_or(text.len())].splitn(3, '.');
        let mut part = || parts.next()?.parse().ok();
        Some(Self(part()?, part()?, part().unwrap_or(0)))
    }
}

/// What a build depends on besides the project.
pub struct Circumstances<'a> {
    /// The command.
    pub command: &'a Command,
    /// Compose's version, which it writes into images.
    pub version: Version,
    /// What stands between a project's and a service's name.
    pub separator: char,
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// What becomes of an image: `type=image` leaves it with the builder.
    pub output: &'a str,
}

/// The fields that `build` may have.
const KNOWN: [&str; 25] = [
    "additional_contexts",
    "args",
    "cache_from",
    "cache_to",
    "context",
    "dockerfile",
    "dockerfile_inline",
    "entitlements",
    "extra_hosts",
    "isolation",
    "labels",
    "network",
    "no_cache",
    "no_cache_filter",
    "platforms",
    "privileged",
    "provenance",
    "pull",
    "sbom",
    "secrets",
    "shm_size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];
/// Those that not every bake has, or that change what an image is.
const NOT_KEPT: [&str; 5] = [
    "entitlements",
    "extra_hosts",
    "privileged",
    "provenance",
    "sbom",
];

/// The targets' names: bake takes fewer letters than compose.
pub(super) fn names(model: &Model) -> BTreeMap<String, String> {
    let mut taken = BTreeSet::new();
    let mut names = BTreeMap::new();
    for service in model.services.keys() {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        let mut name = service.replace(|letter: char| !is_plain(letter), "_");
        while name.is_empty() || name == "default" || !taken.insert(name.clone()) {
            name.push('_');
        }
        names.insert(service.clone(), name);
    }
    names
}

/// Services, and those whose images are contexts of them.
pub(super) fn with_contexts<'a>(
    model: &'a Model,
    services: &'a [String],
) -> Result<BTreeSet<&'a str>, AsItIs> {
    let mut all = BTreeSet::new();
    let mut left: Vec<&str> = services.iter().map(String::as_str).collect();
    while let Some(name) = left.pop() {
        let service = model.services.get(name);
        let Some(build) = service.and_then(|service| service.build.as_ref()) else {
            return as_it_is(format!("{name} is not built, or is not known"));
        };
        if all.insert(name)
            && let Some(Value::Object(contexts)) = build.get("additional_contexts")
        {
            let contexts = contexts.values().filter_map(Value::as_str);
            left.extend(contexts.filter_map(|context| context.strip_prefix("service:")));
        }
    }
    Ok(all)
}

/// A service's target.
pub(super) fn target(
    model: &Model,
    name: &str,
    names: &BTreeMap<String, String>,
    circumstances: &Circumstances<'_>,
) -> Result<Target, AsItIs> {
    let Some((service, build)) = model
        .services
        .get(name)
        .and_then(|service| Some((service, service.build.as_ref()?)))
    else {
        return as_it_is(format!("{name} is not built"));
    };
    let fields = Fields { name, build };
    if let Some(field) = build.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return fields.refuse(field, "is not known here");
    }
    if let Some(field) = NOT_KEPT.iter().find(|field| fields.says(field)) {
        return fields.refuse(field, "is not something that every bake has");
    }
    if fields
        .text("network")?
        .is_some_and(|mode| mode != "default")
    {
        return fields.refuse("network", "is not something that every bake has");
    }
    let command = circumstances.command;
    let is_build = command.path.last() == Some(&"build");
    let is_on = |flag: &str| is_build && command.is_on(flag) == Some(true);
    let (context, dockerfile) = context(&fields)?;
    let mut tags: Vec<String> = model
        .image(name, circumstances.separator)
        .into_iter()
        .collect();
    tags.extend(fields.texts("tags")?);
    let mut ssh = fields.texts("ssh")?;
    if is_build && let Some(value) = command.value("ssh") {
        ssh.push(match value.to_str() {
            Some("") => "default".to_owned(),
            Some(value) if value == "default" || value.contains('=') => value.to_owned(),
            _ => return as_it_is("--ssh is not understood"),
        });
    }
    Ok(Target {
        context,
        contexts: contexts(&fields, names)?,
        dockerfile,
        dockerfile_inline: fields.text("dockerfile_inline")?,
        args: args(&fields, circumstances)?,
        labels: labels(model, &fields, circumstances.version)?,
        tags,
        cache_from: fields.texts("cache_from")?,
        cache_to: fields.texts("cache_to")?,
        target: fields.text("target")?,
        secret: secrets(model, &fields, circumstances)?,
        ssh,
        platforms: platforms(service, &fields, circumstances)?,
        pull: fields.switch("pull")? || is_on("pull"),
        no_cache: fields.switch("no_cache")? || is_on("no-cache"),
        no_cache_filter: fields.texts("no_cache_filter")?,
        // Before its builds went through bake, compose forgot it.
        shm_size: fields
            .scalar("shm_size")?
            .filter(|_| circumstances.version >= Version(2, 37, 0)),
        ulimits: ulimits(&fields)?,
        output: vec![circumstances.output.to_owned()],
    })
}

/// The context, and the Dockerfile's path if there is one.
fn context(fields: &Fields<'_>) -> Result<(String, Option<String>), AsItIs> {
    let Some(context) = fields.text("context")? else {
        return fields.refuse("context", "is missing");
    };
    let dockerfile = fields.text("dockerfile")?;
    let is_git = is_git(&context);
    if !context.starts_with('/') && !is_git {
        return fields.refuse("context", "is neither an absolute path nor a repository");
    }
    let dockerfile = match dockerfile {
        None => None,
        Some(file) if file == "-" || file.contains("://") => {
            return fields.refuse("dockerfile", "is not a path");
        }
        Some(file) if is_git || file.starts_with('/') => Some(file),
        Some(file) => Some(format!("{}/{file}", context.trim_end_matches('/'))),
    };
    Ok((context, dockerfile))
}

/// Whether compose takes a context for a repository of git.
fn is_git(context: &str) -> bool {
    let is_web = ["http://", "https://"]
        .iter()
        .any(|start| context.starts_with(start));
    let path = context.split('#').next().unwrap_or_default();
    (is_web && path.ends_with(".git"))
        || ["git://", "ssh://", "git@", "github.com/"]
            .iter()
            .any(|start| context.starts_with(start))
}

fn contexts(
    fields: &Fields<'_>,
    names: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, AsItIs> {
    let mut contexts = fields.pairs("additional_contexts")?;
    for context in contexts.values_mut() {
        if let Some(service) = context.strip_prefix("service:") {
            let Some(target) = names.get(service) else {
                return fields.refuse("additional_contexts", "names a service that is not there");
            };
            *context = format!("target:{target}");
        } else if context.starts_with("target:") || context.starts_with("cwd://") {
            return fields.refuse("additional_contexts", "would mean something else to bake");
        }
    }
    Ok(contexts)
}

/// Build arguments: the project's, then the user's. One without a value has the environment's.
fn args(
    fields: &Fields<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<BTreeMap<String, String>, AsItIs> {
    let mut args = fields.pairs("args")?;
    if circumstances.command.path.last() != Some(&"build") {
        return Ok(args);
    }
    for word in circumstances.command.values("build-arg") {
        let Some(word) = word.to_str() else {
            return as_it_is("--build-arg is not UTF-8");
        };
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            // It may still stand in a file of variables.
            None => match (circumstances.variable)(word) {
                Some(value) => (word, value),
                None => return as_it_is(format!("--build-arg {word} has no value here")),
            },
        };
        args.insert(name.to_owned(), value);
    }
    Ok(args)
}

/// The user's labels, and those that compose puts on every image that it builds.
fn labels(
    model: &Model,
    fields: &Fields<'_>,
    version: Version,
) -> Result<BTreeMap<String, String>, AsItIs> {
    let mut labels = fields.pairs("labels")?;
    let Version(major, minor, patch) = version;
    for (label, value) in [
        ("project", model.name.clone()),
        ("service", fields.name.to_owned()),
        ("version", format!("{major}.{minor}.{patch}")),
    ] {
        labels.insert(format!("com.docker.compose.{label}"), value);
    }
    Ok(labels)
}

fn secrets(
    model: &Model,
    fields: &Fields<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<Vec<String>, AsItIs> {
    const FIELD: &str = "secrets";
    let Some(list) = fields.list(FIELD)? else {
        return Ok(Vec::new());
    };
    let mut secrets = Vec::new();
    for item in list {
        let secret = item.as_object();
        let text = |key| secret.and_then(|secret| secret.get(key)?.as_str());
        let is_plain = secret
            .is_some_and(|secret| secret.keys().all(|key| key == "source" || key == "target"));
        let (true, Some(source)) = (is_plain, text("source")) else {
            return fields.refuse(FIELD, "has more than a source and a target");
        };
        let id = text("target").filter(|id| !id.is_empty()).unwrap_or(source);
        let from = model.secrets.get(source).map(|from| {
            let file = from.file.as_deref().filter(|file| !file.is_empty());
            (file, from.environment.as_deref())
        });
        let from = match from {
            Some((Some(file), _)) if file.starts_with('/') => format!("src={file}"),
            Some((None, Some(name))) if (circumstances.variable)(name).is_some() => {
                format!("env={name}")
            }
            _ => return fields.refuse(FIELD, "is neither a file nor in the environment"),
        };
        let entry = format!("id={id},{from}");
        if entry.matches(',').count() > 1 || entry.contains(['"', '\n', '\r']) {
            return fields.refuse(FIELD, "has a comma or a quote in it");
        }
        secrets.push(entry);
    }
    Ok(secrets)
}

/// The platform: the service's own, unless `build` has another. Several stay with the builder.
fn platforms(
    service: &Service,
    fields: &Fields<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<Vec<String>, AsItIs> {
    let usual = (circumstances.variable)("DOCKER_DEFAULT_PLATFORM");
    let own = service.platform.clone().or(usual);
    let own = own.filter(|platform| !platform.is_empty());
    let platforms = fields.texts("platforms")?;
    if let Some(own) = &own
        && !platforms.is_empty()
        && !platforms.contains(own)
    {
        return fields.refuse("platforms", "does not have the platform that is wanted");
    }
    let is_build = circumstances.command.path.last() == Some(&"build");
    match (own, platforms.len()) {
        (Some(own), 0) => Ok(vec![own]),
        (Some(own), _) if !is_build => Ok(vec![own]),
        (_, 0 | 1) => Ok(platforms),
        (None, _) if !is_build => Ok(Vec::new()),
        _ => fields.refuse("platforms", "has several, which are not loaded"),
    }
}

fn ulimits(fields: &Fields<'_>) -> Result<Vec<String>, AsItIs> {
    const FIELD: &str = "ulimits";
    let limits = match fields.build.get(FIELD) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(limits)) => limits,
        Some(_) => return fields.refuse(FIELD, "is no map"),
    };
    let mut all = Vec::new();
    for (name, limit) in limits {
        let number = |value: Option<&Value>| value.and_then(Value::as_i64);
        let both = match limit {
            Value::Object(limit) => (number(limit.get("soft")), number(limit.get("hard"))),
            single => (number(Some(single)), number(Some(single))),
        };
        let (Some(soft), Some(hard)) = both else {
            return fields.refuse(FIELD, "is no number");
        };
        all.push(format!("{name}={soft}:{hard}"));
    }
    Ok(all)
}
