//! Why a command failed, and what to do next.

use std::io;

use cachecore::environment::launch::LimitsError;
use engine::images::ImagesError;

use crate::conversion::ConversionError;
use crate::ensure::EnsureError;
use crate::file::FileError;
use crate::read::ReadError;
use crate::run::RunError;
use crate::state::StateError;
use crate::{daemon, exit};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What it printed did not arrive.
    #[error("cannot print the answer")]
    Unanswered {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A script that was named is none.
    #[error("{path}:{source}")]
    Script {
        /// As it was named.
        path: camino::Utf8PathBuf,
        /// Why.
        source: setupscript::ScriptError,
    },
    /// A file that was named cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of another format became no spec.
    #[error(transparent)]
    Conversion(ConversionError),
    /// A spec, or what it names, cannot be used.
    #[error(transparent)]
    Spec(#[from] ReadError),
    /// There is nothing to run.
    #[error(transparent)]
    Ensure(#[from] EnsureError),
    /// No container can be started.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Limits make no sense.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The daemon does not answer, or refuses.
    #[error(transparent)]
    Daemon(#[from] ImagesError),
    /// A collection has not removed everything that it should have.
    #[error("could not remove everything: {left} left, named above")]
    Left {
        /// How many things.
        left: usize,
    },
    /// Nothing can be remembered.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Failure {
    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unanswered { .. } => exit::FAILED,
            Self::File(FileError::NotFound { .. }) => exit::NOT_FOUND,
            Self::File(FileError::Io { .. }) => exit::FAILED,
            Self::File(_) | Self::Conversion(_) | Self::Script { .. } => exit::USAGE,
            Self::Spec(error) if error.is_absence() => exit::NOT_FOUND,
            Self::Spec(ReadError::File(FileError::Io { .. })) => exit::FAILED,
            Self::Spec(_) => exit::USAGE,
            Self::Ensure(error) => error.exit_code(),
            Self::Limits(_) | Self::Run(RunError::NoCommand { .. }) => exit::USAGE,
            Self::Run(_) | Self::Daemon(_) | Self::Left { .. } | Self::State(_) => exit::FAILED,
        }
    }

    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unanswered { .. } => None,
            Self::Script { source, .. } => Some(source.help().to_owned()),
            Self::File(error) => error.help().map(str::to_owned),
            Self::Conversion(error) => error.help().map(str::to_owned),
            Self::Spec(error) => error.help(),
            Self::Ensure(error) => error.help(),
            Self::Run(error) => error.help(),
            Self::Daemon(error) => daemon::help(error),
            Self::Limits(_) | Self::Left { .. } => None,
            Self::State(error) => Some(error.help()),
        }
    }
}

impl From<ConversionError> for Failure {
    fn from(error: ConversionError) -> Self {
        match error {
            ConversionError::File(error) => Self::File(error),
            error => Self::Conversion(error),
        }
    }
}
