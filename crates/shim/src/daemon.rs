//! Which daemon a command speaks to, by docker's rules.

use std::ffi::{OsStr, OsString};

use cachecore::argv::Command;

use crate::Environment;
use crate::builder::read;

/// The address that docker takes where nothing else is said.
const USUAL: &str = "unix:///var/run/docker.sock";

/// How the CLI finds a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Daemon {
    /// At this address.
    Host(OsString),
    /// Where the context of this name says.
    Context(OsString),
}

impl Daemon {
    /// The daemon of a command.
    pub(crate) fn of(environment: &Environment, command: &Command) -> Self {
        let value = |flag: &str| command.value(flag).map(OsStr::to_owned);
        if let Some(name) = value("context") {
            return Self::named(name);
        }
        if let Some(host) = value("host").or_else(|| environment.chosen_host.clone()) {
            return Self::Host(host);
        }
        if let Some(name) = &environment.chosen_context {
            return Self::named(name.clone());
        }
        if let Some(host) = &environment.docker_host {
            return Self::Host(host.clone());
        }
        Self::named(used(environment, command).unwrap_or_default())
    }

    fn named(name: OsString) -> Self {
        if name.is_empty() || name == "default" {
            Self::Host(USUAL.into())
        } else {
            Self::Context(name)
        }
    }

    /// What buildx keeps its choice of a builder under (buildx `dockerutil.GetCurrentEndpoint`).
    pub(crate) fn key(&self) -> &OsStr {
        match self {
            Self::Host(host) => host,
            Self::Context(name) => name,
        }
    }
}

/// The context that `docker context use` has chosen.
fn used(environment: &Environment, command: &Command) -> Option<OsString> {
    let file = environment.config_dir_of(command)?.join("config.json");
    let config: serde_json::Value = serde_json::from_slice(&read(&file)?).ok()?;
    config["currentContext"].as_str().map(OsString::from)
}
