//! Which files compose reads of a project, found as compose finds them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use cachecore::argv::Command;
use cachecore::compose::Chain;

use crate::Environment;
use crate::builder::read;

/// Where compose looks for a project that it is not told of.
const FILES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// What it reads after that.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The folder of a project; `None` if it is not known.
pub(super) fn folder(environment: &Environment, command: &Command) -> Option<PathBuf> {
    if let Some(dir) = command.value("project-directory") {
        return Some(dir.into());
    }
    let listed = environment.compose_file.as_deref();
    let first = command
        .values("file")
        .next()
        .or_else(|| split(listed?, &environment.compose_separator).next());
    let Some(first) = first else {
        return found(&std::env::current_dir().ok()?);
    };
    let parent = Path::new(first).parent()?;
    Some(match parent.as_os_str().is_empty() {
        true => ".".into(),
        false => parent.to_owned(),
    })
}

/// The files of a project, if the command line names none; `None` if nobody can say.
pub(super) fn chain(environment: &Environment, command: &Command) -> Option<Chain> {
    let separator = environment.compose_separator.clone();
    let listed = |files| Chain {
        files,
        separator: separator.clone(),
    };
    if let Some(files) = &environment.compose_file {
        return Some(listed(files.clone()));
    }
    for file in variables(environment, command) {
        let bytes = read(&file).unwrap_or_default();
        if contains(&bytes, b"COMPOSE_FILE") || contains(&bytes, b"COMPOSE_PATH_SEPARATOR") {
            return plain(&bytes).map(listed);
        }
    }
    let start = match command.value("project-directory") {
        Some(dir) => std::path::absolute(dir).ok()?,
        None => std::env::current_dir().ok()?,
    };
    let dir = found(&start)?;
    let there = |names: &[&str]| {
        let paths = names.iter().map(|name| dir.join(name));
        paths.into_iter().find(|path| path.exists())
    };
    let mut files = there(&FILES)?.into_os_string();
    if let Some(more) = there(&OVERRIDES) {
        files.push(&separator);
        files.push(more);
    }
    Some(listed(files))
}

/// Every file of variables that compose may read.
pub(super) fn variables(environment: &Environment, command: &Command) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = command.values("env-file").map(PathBuf::from).collect();
    let named = environment.compose_env_files.as_deref().unwrap_or_default();
    files.extend(split(named, OsStr::new(",")).map(PathBuf::from));
    let folders = [Some(PathBuf::from(".")), folder(environment, command)];
    files.extend(folders.into_iter().flatten().map(|dir| dir.join(".env")));
    files
}

/// The nearest folder with a project, from this one up.
fn found(start: &Path) -> Option<PathBuf> {
    let has_project = |dir: &&Path| FILES.iter().any(|file| dir.join(file).exists());
    start.ancestors().find(has_project).map(Path::to_owned)
}

/// `COMPOSE_FILE` of a file of variables, if there is nothing about it that would have to be interpreted.
fn plain(bytes: &[u8]) -> Option<OsString> {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| contains(line, b"COMPOSE_"));
    let (line, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    let value = line.strip_prefix(b"COMPOSE_FILE=")?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-:".contains(byte);
    value
        .iter()
        .all(is_plain)
        .then(|| OsString::from_vec(value.to_vec()))
}

pub(super) fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn split<'a>(list: &'a OsStr, separator: &'a OsStr) -> impl Iterator<Item = &'a OsStr> {
    let mut left = Some(list.as_bytes());
    let separator = separator.as_bytes();
    std::iter::from_fn(move || {
        let bytes = left?;
        let at = bytes
            .windows(separator.len().max(1))
            .position(|window| window == separator);
        let (first, rest) = match at {
            Some(at) => (&bytes[..at], Some(&bytes[at + separator.len()..])),
            None => (bytes, None),
        };
        left = rest;
        Some(OsStr::from_bytes(first))
    })
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_and_odd_variables_left_alone() {
        let parts: Vec<_> = split(OsStr::new("a::b"), OsStr::new(":")).collect();
        assert_eq!(parts, ["a", "b"]);
        assert_eq!(
            plain(b"A=1\nCOMPOSE_FILE=a.yaml:b/c.yml\n"),
            Some("a.yaml:b/c.yml".into())
        );
        for odd in [
            "COMPOSE_FILE='a'",
            "COMPOSE_FILE=$A",
            "# COMPOSE_FILE=a",
            "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=a",
        ] {
            assert_eq!(plain(odd.as_bytes()), None, "{odd}");
        }
    }
}
