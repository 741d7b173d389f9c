//! What is wrong with a spec, where, and what to do about it.

use std::fmt;

use serde::Serialize;

use super::VERSION;
use crate::id::IdError;

/// A place in a text, both numbers from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Position {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is wrong with a spec, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{at}: {problem}")]
pub struct SpecError {
    /// The file's name, as it was given.
    pub file: String,
    /// Where in it.
    pub at: Position,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong at a place of a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is nothing in it.
    #[error("the spec is empty")]
    Empty,
    /// It is longer than a spec may be.
    #[error("the spec has {length} bytes, at most {most} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        most: usize,
    },
    /// It is no text.
    #[error("this is no text: byte 0x{byte:02x} is not UTF-8")]
    NotText {
        /// The byte.
        byte: u8,
    },
    /// It has a character that no text for people has.
    #[error("the character U+{code:04X} is not allowed")]
    Control {
        /// Its number.
        code: u32,
    },
    /// It is neither YAML nor JSON.
    #[error("this is not YAML: {0}")]
    Syntax(String),
    /// It goes on with another document.
    #[error("here begins a second document: a spec is one")]
    SecondDocument,
    /// It is larger, deeper or more often repeated than a spec may be.
    #[error("this is more than a spec may have in it, or deeper")]
    TooMuch,
    /// It is made for a later version of this program.
    #[error("the spec is of version {version}; versions up to {VERSION} are known")]
    Newer {
        /// Its version.
        version: u64,
    },
    /// A field that nobody knows.
    #[error("{place} has no field {field:?}{}", meant(.nearest))]
    UnknownField {
        /// Of what it is a field.
        place: String,
        /// The field.
        field: String,
        /// The known field that is nearest, if one is near.
        nearest: Option<&'static str>,
    },
    /// A field that has to be there.
    #[error("{place} lacks {field:?}")]
    Missing {
        /// Of what it is a field.
        place: String,
        /// The field.
        field: &'static str,
    },
    /// A value of another kind.
    #[error("{field} has to be {expected}; this is {found}")]
    Kind {
        /// The field.
        field: String,
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A value that is not allowed.
    #[error("{field} {value:?} is not allowed: {rule}")]
    Value {
        /// The field.
        field: String,
        /// The value, shortened.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// A name that is not allowed.
    #[error(transparent)]
    Name(#[from] IdError),
    /// Two things that cannot both be there.
    #[error("{place} has both {one:?} and {other:?}: one of them, please")]
    Both {
        /// Of what they are fields.
        place: String,
        /// One.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The same thing twice.
    #[error("{what} {name:?} is there twice; first in line {first}")]
    Twice {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// The line of the first.
        first: u32,
    },
    /// Something is named that is not there.
    #[error("there is no {what} {name:?}{}", meant(.nearest))]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// The one that is nearest, if one is near.
        nearest: Option<String>,
    },
    /// Two stages are built on one.
    #[error("stages {one:?} and {other:?} are both built on {on}: stages are one line")]
    Fork {
        /// One.
        one: String,
        /// The other.
        other: String,
        /// What both are built on.
        on: String,
    },
    /// Stages are built on each other.
    #[error("stages are built on each other: {}", .stages.join(" after "))]
    Cycle {
        /// The stages, each built on the next; the first is the last.
        stages: Vec<String>,
    },
    /// There are more of a thing than allowed.
    #[error("there are {count} {what}, at most {most} are allowed")]
    TooMany {
        /// What kind of thing.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The limit.
        most: usize,
    },
}

fn meant(nearest: &Option<impl fmt::Debug>) -> String {
    match nearest {
        Some(name) => format!("; is {name:?} meant?"),
        None => String::new(),
    }
}

impl SpecError {
    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match &self.problem {
            Problem::Newer { .. } => {
                Some("use a newer envimage, or write the spec for this one".to_owned())
            }
            Problem::Empty => Some(format!(
                "the least that a spec says is `version: {VERSION}` and `image: debian:12`"
            )),
            Problem::Missing {
                field: "version", ..
            } => Some(format!("write `version: {VERSION}` in the first line")),
            Problem::Cycle { .. } => {
                Some("a stage without `after` is built on the one before it in the list".to_owned())
            }
            _ => None,
        }
    }
}
