//! Why an older environment file did not become a spec.

use super::MAX_FILE;
use crate::environment::spec::Problem;

/// Why a file did not become a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// There is no JSON in it.
    #[error("the file is empty")]
    Empty,
    /// It is longer than is read.
    #[error("the file has {length} bytes, at most {MAX_FILE} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It is no JSON.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// Line, from one.
        line: usize,
        /// Column, from one, in bytes.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It is JSON, but no environment.
    #[error("this is no older environment file: {reason}")]
    NoEnvironment {
        /// What it is instead.
        reason: String,
    },
    /// A field is of a kind that it cannot be.
    #[error("{field} is {kind} where {needed} is needed")]
    Kind {
        /// The field.
        field: String,
        /// What it is.
        kind: &'static str,
        /// What it has to be.
        needed: &'static str,
    },
    /// A script that no shell can read.
    #[error("{field} has a NUL character in line {line}")]
    Nul {
        /// The field.
        field: &'static str,
        /// Line of the script, from one.
        line: usize,
    },
    /// It holds several environments.
    #[error("the file holds {count} environments: {names}", count = .names.len(), names = .names.join(", "))]
    Several {
        /// Their ids.
        names: Vec<String>,
    },
    /// It holds environments, but not that one.
    #[error("the file has no environment {wanted:?}; it has {names}", names = .names.join(", "))]
    NoSuch {
        /// The one that was asked for.
        wanted: String,
        /// Those that it has.
        names: Vec<String>,
    },
    /// It is of a format that came later.
    #[error("the file is of version {version}, version 1 is known")]
    Version {
        /// Its version.
        version: String,
    },
    /// A value that no spec can have.
    #[error("what it says makes no spec: {0}")]
    Unusable(Problem),
}

impl MigrationError {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Several { .. } | Self::NoSuch { .. } => "name one with --environment",
            Self::Nul { .. } => "remove the character; bash ignores it, with a warning",
            Self::Kind { .. } | Self::Unusable(_) => "mend the field, or remove it",
            Self::Version { .. } => "write the spec by hand; `envimage split` halves a script",
            _ => "name a JSON file with fields such as preflight_script",
        }
    }
}
