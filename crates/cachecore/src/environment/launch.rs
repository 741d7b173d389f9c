//! The command line of docker that starts a container of an environment.

mod limits;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use camino::Utf8PathBuf;
pub use limits::{LimitsError, limits};
use serde::{Serialize, Serializer};

use super::shell_word::spelled;
use super::spec::Limits;
use super::startup::{FIRST, MOUNTED, SCRATCH};

/// What a container is started from and with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// The project, for a label.
    pub project: String,
    /// The image.
    pub image: String,
    /// The image's platform, if the spec names it.
    pub platform: Option<String>,
    /// As whom it runs, instead of the image's user.
    pub user: Option<String>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// What it may use.
    pub limits: Limits,
    /// Scripts that run before the command.
    pub startup: Option<Startup>,
    /// What the caller asks for.
    pub options: Options,
    /// The command, with its arguments; the image's own if there is none.
    pub command: Vec<OsString>,
}

/// Scripts that run before the command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Startup {
    /// Where the folder is on the daemon's machine.
    pub folder: Utf8PathBuf,
    /// What the image puts before each command.
    pub entrypoint: Vec<String>,
    /// What the image runs where no command is given.
    pub default_command: Vec<String>,
    /// Files that are there while the scripts run: where they are, and where they are mounted.
    pub secrets: Vec<(Utf8PathBuf, Utf8PathBuf)>,
}

/// What the caller of a run asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The container's name.
    pub name: Option<String>,
    /// Whether it stays when it has ended.
    pub keep: bool,
    /// Variables, as docker takes them: `NAME=VALUE`, or `NAME` for that of the caller.
    pub variables: Vec<String>,
    /// Mounts: `SOURCE:TARGET[:ro]` or docker's `type=...,source=...`.
    pub mounts: Vec<String>,
    /// Its network, instead of docker's own choice.
    pub network: Option<String>,
    /// The command's folder, instead of the image's.
    pub folder: Option<String>,
    /// Whether it gets a terminal.
    pub terminal: bool,
}

/// The command line of docker, the program's name first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerRun(pub Vec<OsString>);

/// The label that says of which project a container is.
pub const LABEL: &str = "cachecore.environment.run";

/// The command line that starts a container.
pub fn docker_run(container: &Container) -> DockerRun {
    let mut words: Vec<OsString> = ["docker", "run", "--interactive", "--pull=never"]
        .map(OsString::from)
        .into();
    let mut say = |word: String| words.push(word.into());
    let options = &container.options;
    if !options.keep {
        say("--rm".to_owned());
    }
    if options.terminal {
        say("--tty".to_owned());
    }
    say(format!("--label={LABEL}={}", container.project));
    let user = container.user.as_ref();
    for (flag, value) in [
        ("name", options.name.as_ref()),
        ("network", options.network.as_ref()),
        ("workdir", options.folder.as_ref()),
        ("platform", container.platform.as_ref()),
        ("user", user),
    ] {
        if let Some(value) = value {
            say(format!("--{flag}={value}"));
        }
    }
    let limits = &container.limits;
    let numbers = [
        ("cpus", limits.cpus.map(|cpus| cpus.to_string())),
        ("memory", limits.memory.map(|bytes| bytes.to_string())),
        ("pids-limit", limits.pids.map(|pids| pids.to_string())),
    ];
    for (flag, number) in numbers {
        if let Some(number) = number {
            say(format!("--{flag}={number}"));
        }
    }
    for (name, value) in &container.environment {
        say(format!("--env={name}={value}"));
    }
    for variable in &options.variables {
        say(format!("--env={variable}"));
    }
    for mount in &options.mounts {
        let is_fields = mount
            .split_once('=')
            .is_some_and(|(field, _)| !field.contains(['/', ':']));
        let flag = if is_fields { "mount" } else { "volume" };
        say(format!("--{flag}={mount}"));
    }
    let mut before = Vec::new();
    if let Some(startup) = &container.startup {
        say(format!(
            "--mount=type=tmpfs,destination={SCRATCH},tmpfs-mode=1777"
        ));
        say(read_only(startup.folder.as_str(), MOUNTED));
        for (source, target) in &startup.secrets {
            say(read_only(source.as_str(), target.as_str()));
        }
        say("--entrypoint=/bin/sh".to_owned());
        before.push(OsString::from(FIRST));
        before.extend(startup.entrypoint.iter().map(OsString::from));
        if container.command.is_empty() {
            before.extend(startup.default_command.iter().map(OsString::from));
        }
    }
    say(container.image.clone());
    words.extend(before);
    words.extend(container.command.iter().cloned());
    DockerRun(words)
}

/// A mount of a file or a folder, whatever its name: docker reads the value as a line of CSV.
fn read_only(source: &str, target: &str) -> String {
    let source = source.replace('"', "\"\"");
    format!("--mount=type=bind,\"source={source}\",destination={target},readonly")
}

impl DockerRun {
    /// The line, as a shell takes it.
    pub fn line(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| spelled(word)).collect();
        words.join(" ")
    }

    /// The words, for people.
    fn words(&self) -> Vec<String> {
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        self.0.iter().map(text).collect()
    }

    /// The program, and its arguments.
    pub fn parts(&self) -> (&OsStr, &[OsString]) {
        match self.0.split_first() {
            Some((program, arguments)) => (program, arguments),
            None => (OsStr::new("docker"), &[]),
        }
    }
}

impl Serialize for DockerRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.words().serialize(serializer)
    }
}

/// Whether two users are one, as far as their names say. The image's own is root if it names none.
pub fn is_same_user(one: &str, other: &str) -> bool {
    let plain = |user: &str| match user {
        "" | "0" | "root" | "0:0" | "root:root" | "0:root" | "root:0" => "0".to_owned(),
        other => other.to_owned(),
    };
    plain(one) == plain(other)
}
