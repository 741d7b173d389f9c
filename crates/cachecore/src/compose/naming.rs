//! The name of a project, where nobody has named it.
//!
//! Compose then takes the name of the project's folder. Asked about the same folder by another name, it tells
//! whether it did: what the command line, a variable or a file says stays as it is.

use std::ffi::{OsStr, OsString};

use crate::argv::Command;

/// The commands of compose that are about a project.
const OF_A_PROJECT: [&str; 33] = [
    "attach", "build", "commit", "config", "convert", "cp", "create", "down", "events", "exec",
    "export", "images", "kill", "logs", "pause", "port", "ps", "publish", "pull", "push",
    "restart", "rm", "run", "scale", "start", "stats", "stop", "top", "unpause", "up", "volumes",
    "wait", "watch",
];

/// The words that make the real compose print a project whose folder has another name. `None` if the command
/// is not about a project, or names it itself.
pub fn name_question(
    command: &Command,
    words: &[OsString],
    folder: &OsStr,
) -> Option<Vec<OsString>> {
    let names = ["project-name", "workdir", "help"];
    if !command.is_compose || names.iter().any(|flag| command.has(flag)) {
        return None;
    }
    let verb = match command.path.last() {
        Some(&verb) if verb != "compose" => command.path_at.last().copied().zip(Some(verb)),
        _ => command
            .args
            .first()
            .and_then(|at| Some((*at, words[*at].to_str()?))),
    };
    let (at, _) = verb.filter(|(_, verb)| OF_A_PROJECT.contains(verb))?;
    if command.values("file").any(|file| file == "-") {
        return None;
    }
    let mut asked = words[..at].to_vec();
    asked.push("--project-directory".into());
    asked.push(folder.to_owned());
    asked.extend(["config", "--format", "json"].map(OsString::from));
    Some(asked)
}

/// Whether compose takes a name for a project's.
pub fn is_project_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(is_plain)
        && name
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_'))
}
