//! Which program the binary stands in for, by the name it was called.

use std::ffi::OsString;
use std::path::Path;

use cachecore::argv::{Program, parse};

/// The program whose place the binary has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// `docker`.
    Docker,
    /// `docker-compose`: the standalone program, or the CLI's plugin.
    Compose,
    /// The CLI's plugin `docker-buildx`.
    Buildx,
}

impl Seat {
    /// The seat of a whole command line; `None` for the binary's own name.
    pub fn of(words: &[OsString]) -> Option<Self> {
        let name = Path::new(words.first()?).file_name()?;
        match name.to_str()? {
            "docker" => Some(Self::Docker),
            "docker-compose" => Some(Self::Compose),
            "docker-buildx" => Some(Self::Buildx),
            _ => None,
        }
    }

    /// The name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Compose => "docker-compose",
            Self::Buildx => "docker-buildx",
        }
    }

    /// Whether the CLI may call it as a plugin.
    pub fn is_plugin(self) -> bool {
        self != Self::Docker
    }

    /// Whose grammar the words after the name follow. The CLI calls a plugin with all of its own words, in
    /// which the plugin's name is the command; others call it with words of its own.
    pub fn program(self, words: &[OsString]) -> Program {
        let is_plugin = |command: &str| {
            parse(Program::Docker, words).is_ok_and(|found| found.path.first() == Some(&command))
        };
        match self {
            Self::Docker => Program::Docker,
            Self::Compose if is_plugin("compose") => Program::Docker,
            Self::Compose => Program::Compose,
            Self::Buildx if is_plugin("buildx") => Program::Docker,
            Self::Buildx => Program::Buildx,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_with_the_words_of_docker_or_with_its_own() {
        for (seat, line, program) in [
            (Seat::Buildx, "buildx build .", Program::Docker),
            (
                Seat::Buildx,
                "--context c buildx --builder b build .",
                Program::Docker,
            ),
            (Seat::Buildx, "bake -f -", Program::Buildx),
            (Seat::Buildx, "build .", Program::Buildx),
            (Seat::Buildx, "--builder b build .", Program::Buildx),
            (Seat::Compose, "compose up", Program::Docker),
            (Seat::Compose, "-H unix:///x compose up", Program::Docker),
            (Seat::Compose, "up", Program::Compose),
            (Seat::Compose, "-f x build", Program::Compose),
            (Seat::Docker, "compose up", Program::Docker),
        ] {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            assert_eq!(seat.program(&words), program, "{line}");
        }
    }
}
