//! Why a `devcontainer.json` did not become a spec.

use super::MAX_FILE;
use super::document::{self, Node};
use crate::environment::spec::Problem;

/// Why a file did not become a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DevcontainerError {
    /// There is no JSON in it.
    #[error("the file is empty")]
    Empty,
    /// It is longer than is read.
    #[error("the file has {length} bytes, at most {MAX_FILE} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It is no JSON, not even with comments and trailing commas.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// Line, from one.
        line: usize,
        /// Column, from one, in characters.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It is JSON, but no object.
    #[error("the file holds {kind} where an object is needed")]
    NoObject {
        /// What it holds.
        kind: &'static str,
    },
    /// A property is of a kind that it cannot be.
    #[error("line {line}, column {column}: {field} is {kind} where {needed} is needed")]
    Kind {
        /// Line, from one.
        line: usize,
        /// Column, from one, in characters.
        column: usize,
        /// The property.
        field: String,
        /// What it is.
        kind: &'static str,
        /// What it has to be.
        needed: &'static str,
    },
    /// It says nothing about an image.
    #[error("no image is named: `image`, `build.dockerfile` or `dockerComposeFile` would")]
    NoImage,
    /// A value that no spec can have.
    #[error("what it says makes no spec: {0}")]
    Unusable(Problem),
}

impl DevcontainerError {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoObject { .. } | Self::TooLong { .. } => {
                "name a devcontainer.json"
            }
            Self::Syntax { .. } => {
                "the format is JSON; comments and trailing commas are all that it may have besides"
            }
            Self::Kind { .. } => "see https://containers.dev/implementors/json_reference/",
            Self::Unusable(_) => "mend the property, or remove it",
            Self::NoImage => "name the image with --image",
        }
    }

    pub(super) fn wrong(text: &str, field: &str, node: &Node, needed: &'static str) -> Self {
        let (line, column) = document::place(text, node.at);
        Self::Kind {
            line,
            column,
            field: field.to_owned(),
            kind: node.kind(),
            needed,
        }
    }
}
