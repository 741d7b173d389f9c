//! Which builder a build goes to, read from buildx's folder: asking buildx would take as long as many a
//! build.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cachecore::argv::{Command, Program};
use cachecore::builder::{Builder, Choice, Current, instance, is_name};

use crate::Environment;
use crate::cache::digest;
use crate::daemon::Daemon;

/// The largest of buildx's files that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// How many hex digits of a SHA-256 are a file's name in `defaults/` (buildx `store.toHash`).
const HASH: usize = 20;

/// The builder of a command in this program's words; `None` if nothing is known of it.
pub(crate) fn of(
    environment: &Environment,
    program: Program,
    command: &Command,
) -> Option<Builder> {
    // Compose asks for its builder as buildx does.
    let is_buildx = program == Program::Buildx || command.path.first() == Some(&"buildx");
    if environment.without_buildkit && !is_buildx {
        return Some(Builder::of_daemon("default"));
    }
    let dir = folder(environment, command);
    let variable = environment.builder.as_deref();
    // The CLI gives its own builds to the context's builder, whatever `buildx use` has said.
    let current = dir
        .as_ref()
        .filter(|_| is_buildx || command.is_compose)
        .and_then(|dir| used(dir, Daemon::of(environment, command).key()));
    let flag = command.value("builder").map(|name| name.to_string_lossy());
    let choice = Choice {
        flag: flag.as_deref(),
        variable: variable.and_then(|name| name.to_str()),
        current: current.as_deref(),
    };
    let Some(name) = choice.name() else {
        return Some(Builder::of_daemon("default"));
    };
    if !is_name(name) {
        return None;
    }
    instance(&read(&dir?.join("instances").join(name))?)
}

/// What `buildx use` has chosen for the daemon that buildx knows by this key.
fn used(dir: &Path, key: &OsStr) -> Option<String> {
    let current = read(&dir.join("current")).and_then(|bytes| Current::read(&bytes));
    if let Some(name) = current.and_then(|current| current.name_for(key.to_str()?)) {
        return Some(name);
    }
    let hash = digest(key.as_bytes());
    let default = read(&dir.join("defaults").join(&hash[..HASH]))?;
    String::from_utf8(default).ok()
}

/// Buildx's folder.
fn folder(environment: &Environment, command: &Command) -> Option<PathBuf> {
    match &environment.buildx_config {
        Some(dir) => Some(dir.clone()),
        None => Some(environment.config_dir_of(command)?.join("buildx")),
    }
}

/// A small regular file; `None` if it is anything else.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use cachecore::argv::parse;
    use cachecore::builder::Driver;

    use super::*;

    fn name(variables: &[(&str, &str)], line: &str) -> String {
        let lookup = |name: &str| {
            let mut variables = variables.iter();
            variables
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let command = parse(Program::Docker, &words).unwrap();
        let builder = of(&Environment::from_lookup(lookup), Program::Docker, &command).unwrap();
        assert_eq!(builder.driver == Driver::Docker, builder.name == "default");
        builder.name
    }

    #[test]
    fn a_builder_counts_for_the_daemon_that_it_was_chosen_for() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join("buildx").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for name in ["one", "other"] {
            let text = format!(r#"{{"Name":"{name}","Driver":"remote","Nodes":[]}}"#);
            write(&format!("instances/{name}"), &text);
        }
        let current = r#"{"Key":"unix:///a","Name":"one","Global":false}"#;
        write("current", current);
        // The first 20 digits of the SHA-256 of `away`.
        write("defaults/378ce56a9d146d5174c8", "other");
        let config = ("DOCKER_CONFIG", folder.path().to_str().unwrap());
        let there = [config, ("DOCKER_HOST", "unix:///a")];
        let elsewhere = [config, ("DOCKER_HOST", "unix:///b")];
        assert_eq!(name(&there, "buildx build ."), "one");
        assert_eq!(name(&there, "build ."), "default");
        assert_eq!(name(&elsewhere, "buildx build ."), "default");
        assert_eq!(name(&elsewhere, "-H unix:///a buildx build ."), "one");
        assert_eq!(name(&there, "--context away buildx build ."), "other");
        assert_eq!(name(&[config], "buildx build ."), "default");
        let named = format!("--config {} -H unix:///a buildx build .", config.1);
        assert_eq!(name(&[], &named), "one");
        write("current", &current.replace("false", "true"));
        assert_eq!(name(&elsewhere, "buildx build ."), "one");
    }
}
