//! Why a command failed, and what to do next.

use std::io;

use crate::ensure::EnsureError;
use crate::exit;
use crate::file::FileError;
use crate::state::StateError;
use crate::subject::SubjectError;

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
    /// A file that was named cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An environment cannot be read.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// There is nothing to run.
    #[error(transparent)]
    Ensure(#[from] EnsureError),
    /// Nothing can be remembered.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Failure {
    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unanswered { .. } => exit::FAILED,
            Self::File(error) | Self::Subject(SubjectError::File(error)) => match error {
                FileError::NotFound { .. } => exit::NOT_FOUND,
                FileError::Io { .. } => exit::FAILED,
                _ => exit::USAGE,
            },
            Self::Subject(SubjectError::Spec(_)) => exit::USAGE,
            Self::Ensure(error) => error.exit_code(),
            Self::State(_) => exit::FAILED,
        }
    }

    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unanswered { .. } => None,
            Self::File(error) | Self::Subject(SubjectError::File(error)) => {
                error.help().map(str::to_owned)
            }
            Self::Subject(SubjectError::Spec(error)) => error.help(),
            Self::Ensure(error) => error.help(),
            Self::State(error) => Some(error.help()),
        }
    }
}
