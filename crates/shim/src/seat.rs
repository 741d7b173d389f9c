//! Which program the binary stands in for, by the name it was called.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use cachecore::argv::Program;

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

    /// Whose grammar the words after the name follow. The CLI calls a plugin with the plugin's name as
    /// the first word, and then the words are docker's.
    pub fn program(self, words: &[OsString]) -> Program {
        let first = words.first().map(OsString::as_os_str);
        match self {
            Self::Docker => Program::Docker,
            Self::Compose if first == Some(OsStr::new("compose")) => Program::Docker,
            Self::Compose => Program::Compose,
            Self::Buildx if first == Some(OsStr::new("buildx")) => Program::Docker,
            Self::Buildx => Program::Buildx,
        }
    }
}
