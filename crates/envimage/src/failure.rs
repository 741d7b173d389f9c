//! Why a command failed, and what to do next.

use std::io;

use crate::exit;
use crate::file::FileError;

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
}

impl Failure {
    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unanswered { .. } => exit::FAILED,
            Self::File(FileError::NotFound { .. }) => exit::NOT_FOUND,
            Self::File(FileError::Io { .. }) => exit::FAILED,
            Self::File(_) => exit::USAGE,
        }
    }

    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unanswered { .. } => None,
            Self::File(error) => error.help().map(str::to_owned),
        }
    }
}
