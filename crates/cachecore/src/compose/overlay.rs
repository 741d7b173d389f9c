//! A last file of a project that says where the daemon has what its client mounts, and how it comes to be the
//! last one: all files that compose would have read stay before it.

use std::ffi::{OsStr, OsString};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::definition::mapped;
use super::{AsItIs, Model, as_it_is};
use crate::argv::Command;
use crate::argv::edit::Edit;
use crate::binds::Sources;

/// What other mounts the services have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overlay {
    /// The file.
    pub file: Value,
    /// What became of what.
    pub why: Vec<String>,
}

/// The mounts whose sources the daemon has elsewhere; `None` if it has all at the same place. Named volumes
/// stay as they are.
pub fn overlay(model: &Model, sources: &Sources<'_>) -> Option<Overlay> {
    let mut services = Map::new();
    let mut why = Vec::new();
    for (name, service) in &model.services {
        let mut mounts = Vec::new();
        for mount in &service.volumes {
            if mount.get("type").and_then(Value::as_str) != Some("bind") {
                continue;
            }
            let Some(source) = mount.get("source").and_then(Value::as_str) else {
                continue;
            };
            let elsewhere = sources.source(source.as_bytes());
            let Some(elsewhere) = elsewhere.as_deref().and_then(OsStr::to_str) else {
                continue;
            };
            why.push(format!("{source} of {name} is {elsewhere} for the daemon"));
            let mut mount = mount.clone();
            mount.insert("source".to_owned(), elsewhere.into());
            mounts.push(Value::Object(mount));
        }
        if !mounts.is_empty() {
            services.insert(name.clone(), json!({ "volumes": mounts }));
        }
    }
    if services.is_empty() {
        return None;
    }
    // Compose puts the values of variables in place of single dollars.
    let file = mapped(json!({ "services": services }), &mut |text| {
        text.replace('$', "$$")
    });
    Some(Overlay { file, why })
}

/// The files that compose reads if the command line names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// All of them, as `COMPOSE_FILE` would name them.
    pub files: OsString,
    /// What stands between them.
    pub separator: OsString,
}

/// How one more file comes to be the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Last {
    /// By a change of the words.
    Words(Edit),
    /// By the variable `COMPOSE_FILE`.
    #[serde(serialize_with = "lossy")]
    Variable(OsString),
}

/// Puts one more file behind all that compose reads. `chain` are those that it reads if the words name none.
///
/// # Errors
/// [`AsItIs`] if nobody can say which files it reads.
pub fn last(command: &Command, chain: Option<Chain>, file: &str) -> Result<Last, AsItIs> {
    if let Some(used) = command.uses("file").last() {
        return Ok(Last::Words(Edit::Insert {
            before: used.words.end,
            words: vec!["--file".into(), file.into()],
        }));
    }
    let Some(mut chain) = chain else {
        return as_it_is("the files of the project are not known");
    };
    chain.files.push(&chain.separator);
    chain.files.push(file);
    Ok(Last::Variable(chain.files))
}

fn lossy<S: serde::Serializer>(value: &OsString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.to_string_lossy())
}
