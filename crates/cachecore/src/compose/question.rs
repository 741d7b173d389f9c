//! Whether a command is one of those that build, and how the real compose is asked about its project.

use std::ffi::OsString;

use serde::Serialize;

use super::{AsItIs, as_it_is};
use crate::argv::Command;

/// What the real compose is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The words that make it print the project.
    #[serde(skip)]
    pub config: Vec<OsString>,
    /// The words that make it print its version.
    #[serde(skip)]
    pub version: Vec<OsString>,
    /// The services that the user named.
    pub services: Vec<String>,
}

/// Flags of `build` whose result is not an image in the daemon, or of which BuildKit knows nothing.
const OF_BUILD: [&str; 7] = [
    "check",
    "dry-run",
    "memory",
    "print",
    "provenance",
    "push",
    "sbom",
];
/// Flags of the others with which compose has to build itself, or does nothing.
const OF_START: [&str; 3] = ["dry-run", "watch", "no-build"];

/// Whether a command may build something that can be built here.
///
/// # Errors
/// [`AsItIs`] if it is no such command, or one that compose has to do itself.
pub fn may_build(command: &Command) -> Result<(), AsItIs> {
    let not_kept: &[&str] = match verb(command) {
        "build" => &OF_BUILD,
        "up" | "create" | "run" => &OF_START,
        _ => return as_it_is("the command builds nothing"),
    };
    let modes = ["auto", "none", "plain", "quiet", "tty"];
    let progress = command.value("progress");
    if progress.is_some_and(|mode| !modes.iter().any(|known| mode == *known)) {
        return as_it_is("--progress is one that bake does not have");
    }
    match not_kept.iter().find(|flag| command.has(flag)) {
        Some(flag) => as_it_is(format!("--{flag} is compose's own matter")),
        None => Ok(()),
    }
}

/// The question about the services that a command builds or starts.
///
/// # Errors
/// [`AsItIs`] if it names none that could be asked about.
pub fn question(command: &Command, words: &[OsString]) -> Result<Question, AsItIs> {
    let verb = verb(command);
    if command.values("file").any(|file| file == "-") {
        return as_it_is("the project is read from stdin, which can be read once");
    }
    let arguments = command.args.iter().map(|at| &words[*at]);
    // What follows the service of `run` is its command.
    let count = if verb == "run" { 1 } else { usize::MAX };
    let services: Option<Vec<String>> = arguments
        .take(count)
        .map(|word| word.to_str())
        // `scale` has numbers behind its services.
        .map(|word| Some(word?.split('=').next()?.to_owned()))
        .collect();
    let Some(services) = services else {
        return as_it_is("a service's name is not UTF-8");
    };
    if services.is_empty() && verb == "run" {
        return as_it_is("there is no service to run");
    }
    let before = command.path_at.last().copied().unwrap_or_default();
    let asked = |more: &[&str]| -> Vec<OsString> {
        let more = more.iter().map(OsString::from);
        words[..before].iter().cloned().chain(more).collect()
    };
    let mut config = asked(&["config", "--format", "json", "--"]);
    config.extend(services.iter().map(OsString::from));
    Ok(Question {
        config,
        version: asked(&["version", "--short"]),
        services,
    })
}

/// The command's last name.
fn verb(command: &Command) -> &'static str {
    command.path.last().copied().unwrap_or_default()
}
