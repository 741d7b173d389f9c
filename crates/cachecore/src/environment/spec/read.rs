//! From a document to a spec.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::fields::{Fields, Read, allowed, kind, list, refused, scalar, shortened, too_many};
use super::line::{Listed, line};
use super::{
    Cpus, Limits, MOST_STAGES, Network, Position, Problem, Run, Script, SecretSource, Spec,
    SpecError, Stage, VERSION, rules,
};
use crate::environment::document::{self, Node, Value};
use crate::environment::nearest::nearest;
use crate::id::{ProjectId, StageName};
use crate::size;

/// How many of a thing there are at most, where nothing else limits it.
const MOST: usize = 256;
/// How many bytes of arguments and how many secrets a stage has at most. Both are in one line of a Dockerfile,
/// which has at most 64 KiB; a control character is six bytes there.
const MOST_ARGS: usize = 6 << 10;
const MOST_SECRETS: usize = 64;

/// Bytes as text.
pub(super) fn text(bytes: &[u8]) -> Read<&str> {
    if bytes.len() > document::LONGEST {
        let problem = Problem::TooLong {
            length: bytes.len(),
            most: document::LONGEST,
        };
        return Err((Position::START, problem));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or(0);
        (document::end_of(&valid), Problem::NotText { byte })
    })
}

/// Reads a spec.
pub(super) fn spec(text: &str, file: &str) -> Result<Spec, SpecError> {
    whole(text, file).map_err(|(at, problem)| SpecError {
        file: file.to_owned(),
        at,
        problem,
    })
}

fn whole(text: &str, file: &str) -> Read<Spec> {
    let document = document::read(text)?;
    let place = "the spec";
    if document.value == Value::Null {
        return Err((Position::START, Problem::Empty));
    }
    let fields = Fields::any(&document, place)?;
    // A later version has fields that are not known here, and is told as what it is.
    let version = version(&fields)?;
    fields.only(&[
        "version",
        "name",
        "image",
        "platform",
        "user",
        "network",
        "args",
        "secrets",
        "stages",
        "run",
        "environment",
        "limits",
    ])?;
    let image = fields.needed("image")?;
    let secrets = secrets(&fields)?;
    let mut spec = Spec {
        version,
        name: project(&fields, file)?,
        image: allowed(image, "image", rules::is_image, rules::IMAGE)?,
        platform: fields.allowed("platform", rules::is_platform, rules::PLATFORM)?,
        user: fields.allowed("user", rules::is_user, rules::USER)?,
        network: network(&fields)?.unwrap_or_default(),
        args: variables(&fields, "args")?,
        secrets,
        stages: Vec::new(),
        run: None,
        environment: variables(&fields, "environment")?,
        limits: limits(&fields)?,
    };
    if let Some(stages) = fields.get("stages") {
        let items = list(stages, "stages")?;
        too_many(stages.at, "stages", items.len(), MOST_STAGES)?;
        let mut listed = Vec::with_capacity(items.len());
        for item in items {
            let stage = stage(item, &spec.secrets)?;
            let args = spec.args_of(&stage.stage);
            let length = args.iter().map(|(name, value)| name.len() + value.len());
            too_many(stage.at, "bytes of arguments", length.sum(), MOST_ARGS)?;
            listed.push(stage);
        }
        spec.stages = line(listed)?;
    }
    if let Some(run) = fields.get("run") {
        let fields = Fields::of(run, "run", &["script", "inline", "sources"])?;
        let script = script(&fields)?;
        spec.run = Some(Run {
            sources: sources(&fields, &script)?,
            script,
        });
    }
    Ok(spec)
}

fn version(fields: &Fields<'_>) -> Read<u64> {
    let node = fields.needed("version")?;
    let version = match &node.value {
        Value::Plain(text) => text.parse::<u64>().ok(),
        _ => None,
    };
    match version {
        Some(version @ 1..=VERSION) => Ok(version),
        Some(version) if version > VERSION => Err((node.at, Problem::Newer { version })),
        _ => Err(refused(node, "version", "write a whole number from 1")),
    }
}

fn project(fields: &Fields<'_>, file: &str) -> Read<ProjectId> {
    if let Some(node) = fields.get("name") {
        return ProjectId::new(scalar(node, "name")?).map_err(|e| (node.at, e.into()));
    }
    let stem = Utf8Path::new(file).file_stem().unwrap_or_default();
    ProjectId::new(stem).map_err(|_| fields.missing("name"))
}

fn stage(node: &Node, secrets: &BTreeMap<String, SecretSource>) -> Read<Listed> {
    let known = [
        "name", "script", "inline", "sources", "user", "args", "secrets", "network", "after",
        "cache",
    ];
    let fields = Fields::of(node, "a stage", &known)?;
    let name = fields.needed("name")?;
    let stage_name =
        StageName::new(scalar(name, "name")?).map_err(|e| (name.at, Problem::from(e)))?;
    let fields = fields.called(format!("stage {:?}", stage_name.as_str()));
    let script = script(&fields)?;
    let after = match fields.get("after") {
        Some(node) => Some((scalar(node, "after")?.to_owned(), node.at)),
        None => None,
    };
    let cached = match fields.get("cache") {
        Some(node) => match &node.value {
            Value::Plain(text) if text == "true" => true,
            Value::Plain(text) if text == "false" => false,
            other => return Err(kind(node, "cache", "true or false", other)),
        },
        None => true,
    };
    let stage = Stage {
        sources: sources(&fields, &script)?,
        script,
        user: fields.allowed("user", rules::is_user, rules::USER)?,
        args: variables(&fields, "args")?,
        secrets: asked_for(&fields, secrets)?,
        network: network(&fields)?,
        cached,
        name: stage_name,
    };
    Ok(Listed {
        stage,
        at: name.at,
        after,
    })
}

fn script(fields: &Fields<'_>) -> Read<Script> {
    match (fields.get("script"), fields.get("inline")) {
        (Some(_), Some(inline)) => {
            let problem = Problem::Both {
                place: fields.place.clone(),
                one: "script",
                other: "inline",
            };
            Err((inline.at, problem))
        }
        (Some(node), None) => Ok(Script::File(path(node, "script")?)),
        (None, Some(node)) => Ok(Script::Inline(scalar(node, "inline")?.to_owned())),
        (None, None) => Err(fields.missing("script")),
    }
}

fn sources(fields: &Fields<'_>, script: &Script) -> Read<Vec<Utf8PathBuf>> {
    let Some(node) = fields.get("sources") else {
        return Ok(Vec::new());
    };
    let items = list(node, "sources")?;
    too_many(node.at, "sources", items.len(), MOST)?;
    let mut seen = BTreeMap::from([(script.path().to_owned(), node.at.line)]);
    let mut paths = Vec::new();
    for item in items {
        let path = path(item, "sources")?;
        if let Some(first) = seen.insert(path.clone(), item.at.line) {
            let name = path.into_string();
            let what = "file";
            return Err((item.at, Problem::Twice { what, name, first }));
        }
        // A file cannot lie in another file.
        let inside = |other: &Utf8PathBuf| *other != path && other.starts_with(&path);
        if seen
            .keys()
            .any(|other| inside(other) || path.ancestors().skip(1).any(|up| up == *other))
        {
            return Err(refused(
                item,
                "sources",
                "another file has this path as a folder",
            ));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn secrets(fields: &Fields<'_>) -> Read<BTreeMap<String, SecretSource>> {
    let mut secrets = BTreeMap::new();
    for (key, value) in entries(fields, "secrets")? {
        let id = allowed(key, "secret", rules::is_secret, rules::SECRET)?;
        let fields = Fields::of(value, &format!("secret {id:?}"), &["file", "env"])?;
        let source = match (fields.get("file"), fields.get("env")) {
            (Some(_), Some(env)) => {
                let problem = Problem::Both {
                    place: fields.place.clone(),
                    one: "file",
                    other: "env",
                };
                return Err((env.at, problem));
            }
            (Some(node), None) => {
                let file = |text: &str| !text.is_empty() && rules::is_value(text);
                SecretSource::File(allowed(node, "file", file, rules::VALUE)?.into())
            }
            (None, Some(node)) => {
                SecretSource::Env(allowed(node, "env", rules::is_variable, rules::VARIABLE)?)
            }
            (None, None) => return Err(fields.missing("file")),
        };
        secrets.insert(id, source);
    }
    Ok(secrets)
}

/// The secrets that a stage asks for, each of them once.
fn asked_for(fields: &Fields<'_>, known: &BTreeMap<String, SecretSource>) -> Read<Vec<String>> {
    let Some(node) = fields.get("secrets") else {
        return Ok(Vec::new());
    };
    let items = list(node, "secrets")?;
    too_many(node.at, "secrets", items.len(), MOST_SECRETS)?;
    let mut asked = BTreeSet::new();
    for item in items {
        let id = scalar(item, "secrets")?;
        if !known.contains_key(id) {
            let problem = Problem::Unknown {
                what: "secret",
                name: shortened(id),
                nearest: nearest(id, known.keys().map(String::as_str)).map(str::to_owned),
            };
            return Err((item.at, problem));
        }
        asked.insert(id.to_owned());
    }
    Ok(asked.into_iter().collect())
}

fn network(fields: &Fields<'_>) -> Read<Option<Network>> {
    let Some(node) = fields.get("network") else {
        return Ok(None);
    };
    match scalar(node, "network")? {
        "default" => Ok(Some(Network::Default)),
        "none" => Ok(Some(Network::None)),
        "host" => Ok(Some(Network::Host)),
        _ => Err(refused(node, "network", "use default, none or host")),
    }
}

fn limits(fields: &Fields<'_>) -> Read<Limits> {
    let Some(node) = fields.get("limits") else {
        return Ok(Limits::default());
    };
    let fields = Fields::of(node, "limits", &["cpus", "memory", "pids"])?;
    let mut limits = Limits::default();
    if let Some(node) = fields.get("cpus") {
        let cpus = Cpus::parse(scalar(node, "cpus")?);
        limits.cpus = Some(cpus.ok_or_else(|| refused(node, "cpus", rules::CPUS))?);
    }
    if let Some(node) = fields.get("memory") {
        let bytes = size::parse(scalar(node, "memory")?).ok();
        let enough = bytes.filter(|bytes| *bytes >= rules::LEAST_MEMORY);
        limits.memory = Some(enough.ok_or_else(|| refused(node, "memory", rules::MEMORY))?);
    }
    if let Some(node) = fields.get("pids") {
        let pids = scalar(node, "pids")?.parse().ok().filter(|pids| *pids > 0);
        limits.pids = Some(pids.ok_or_else(|| refused(node, "pids", rules::PIDS))?);
    }
    Ok(limits)
}

/// Names of variables with their values.
fn variables(fields: &Fields<'_>, field: &'static str) -> Read<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for (key, value) in entries(fields, field)? {
        let name = allowed(key, "variable", rules::is_variable, rules::VARIABLE)?;
        let value = allowed(value, &name, rules::is_value, rules::VALUE)?;
        variables.insert(name, value);
    }
    Ok(variables)
}

/// What stands below a field, by names that people choose.
fn entries<'a>(fields: &Fields<'a>, field: &'static str) -> Read<Vec<(&'a Node, &'a Node)>> {
    let Some(node) = fields.get(field) else {
        return Ok(Vec::new());
    };
    let entries = Fields::any(node, field)?.entries;
    let what = match field {
        "args" => "build arguments",
        "environment" => "variables",
        other => other,
    };
    too_many(node.at, what, entries.len(), MOST)?;
    Ok(entries)
}

fn path(node: &Node, field: &str) -> Read<Utf8PathBuf> {
    rules::path(scalar(node, field)?).ok_or_else(|| refused(node, field, rules::PATH))
}
