//! How the daemon and the builder of a command are reached.

use std::ffi::OsString;

use cachecore::argv::{Command, Program};
use cachecore::builder::{Builder, Way};
use cachecore::rewrite::Plan;
use engine::endpoint::{Dialer, Endpoint};
use engine::images::Images;

use super::Loader;
use crate::daemon::Daemon;
use crate::{Environment, Real, Seat, trail};

/// Flags with which the CLI alone knows where its daemon is.
const ELSEWHERE: [&str; 7] = [
    "context",
    "tls",
    "tlsverify",
    "tlscacert",
    "tlscert",
    "tlskey",
    "config",
];

/// A command, and what its daemon and builder are found by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Between<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) program: Program,
    pub(crate) passage: &'a Plan,
    pub(crate) command: &'a Command,
    pub(crate) builder: &'a Builder,
}

/// What brings images from the builder into the daemon; `None` if one of them cannot be reached. The content
/// of a builder with several nodes is not looked for.
pub(crate) fn loader(between: Between<'_>) -> Option<Loader> {
    let builder = match between.builder.way() {
        None if between.builder.nodes > 1 => None,
        None => return None,
        Some(Way::Address(address)) => Some(Endpoint::parse(&address)?),
        Some(Way::Dial) => {
            let name = &between.builder.name;
            let words = ["buildx", "--builder", name, "dial-stdio"];
            let to = format!("builder {name}");
            Some(between.dialer(&words, to)?)
        }
    };
    Some(Loader::new(images(between)?, builder))
}

/// The images of the command's daemon; `None` if it cannot be reached.
pub(crate) fn images(between: Between<'_>) -> Option<Images> {
    let daemon = match socket(between.environment, between.command) {
        Some(socket) => Endpoint::parse(&socket)?,
        None => between.dialer(&["system", "dial-stdio"], "the daemon".to_owned())?,
    };
    Some(Images::of(daemon))
}

impl Between<'_> {
    /// The CLI, as the user called it, without a command yet.
    pub(crate) fn docker(self) -> Option<std::process::Command> {
        let Endpoint::Dialer(dialer) = self.dialer(&[], String::new())? else {
            return None;
        };
        let mut docker = std::process::Command::new(dialer.program);
        docker.args(dialer.words).envs(dialer.variables);
        Some(docker)
    }

    /// The CLI, as the user called it, with another command.
    fn dialer(self, words: &[&str], to: String) -> Option<Endpoint> {
        let real = Real::find(self.environment, Seat::Docker).ok()?;
        let is_elsewhere = || {
            ["host"]
                .iter()
                .chain(&ELSEWHERE)
                .any(|flag| self.command.has(flag))
        };
        let globals = match self.program {
            Program::Docker => self.command.path_at.first().copied().unwrap_or(0),
            Program::Buildx | Program::Compose if is_elsewhere() => return None,
            Program::Buildx | Program::Compose => 0,
        };
        let globals = &self.passage.argv[..globals];
        let chosen = self.passage.environment.iter();
        let mut variables: Vec<(OsString, OsString)> = chosen
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        variables.push((trail::VARIABLE.into(), real.settled));
        Some(Endpoint::Dialer(Dialer {
            program: real.path,
            words: globals
                .iter()
                .cloned()
                .chain(words.iter().map(OsString::from))
                .collect(),
            variables,
            to,
        }))
    }
}

/// The address of the daemon's unix socket; `None` if it is elsewhere.
fn socket(environment: &Environment, command: &Command) -> Option<String> {
    if ELSEWHERE.iter().any(|flag| command.has(flag)) {
        return None;
    }
    let Daemon::Host(host) = Daemon::of(environment, command) else {
        return None;
    };
    host.to_str()
        .filter(|host| host.starts_with("unix://"))
        .map(str::to_owned)
}
