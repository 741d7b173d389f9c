//! What a command line of docker, buildx or compose means, by their own grammar.
//!
//! Docker's programs parse flags as pflag does: `--name value`, `--name=value`, `-nvalue`, `-n=value`,
//! several short ones in one word, `--` for the end. Which word is a value and which a command can only be
//! told by a table of all flags; [`tables`] holds them. Words are bytes and stay as they are: [`parse`]
//! says where in the command line each thing stands, and [`edit`] changes words without touching others.
//!
//! What the tables do not know is never guessed: [`parse`] then returns [`Foreign`], and the whole command
//! is left alone.
//!
//! ```
//! use cachecore::argv::{Program, parse};
//!
//! let words = ["compose", "exec", "api", "make", "build"].map(Into::into);
//! let command = parse(Program::Docker, &words).unwrap();
//! assert_eq!(command.path, ["compose"], "and no build");
//! ```

pub mod edit;
mod scan;
pub mod tables;

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use serde::Serialize;

pub use scan::parse;

/// Whose grammar a command line is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// `docker`, from the CLI 20.10 on.
    Docker,
    /// The plugin `docker-buildx`, called by its own name.
    Buildx,
    /// `docker-compose`, the plugin and the standalone program, from 1.29 on.
    Compose,
}

/// A flag that a program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// Its name after `--`.
    pub long: &'static str,
    /// Its letter after `-`, or 0.
    pub short: u8,
    /// Whether a value follows.
    pub takes: Takes,
}

/// Whether a value follows a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// None, unless it is joined by `=`: a switch, `--pull` and `--pull=false`.
    Nothing,
    /// Always one: joined, or the next word whatever that looks like.
    Value,
}

impl Flag {
    /// A switch.
    const fn switch(long: &'static str) -> Self {
        Self {
            long,
            short: 0,
            takes: Takes::Nothing,
        }
    }

    /// A flag with a value.
    const fn value(long: &'static str) -> Self {
        Self {
            long,
            short: 0,
            takes: Takes::Value,
        }
    }

    /// The same with a letter.
    const fn or(mut self, short: u8) -> Self {
        self.short = short;
        self
    }
}

/// A flag as it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Used {
    /// Its long name.
    pub flag: &'static str,
    /// Its value; of a switch only what was joined to it.
    #[serde(serialize_with = "lossy")]
    pub value: Option<OsString>,
    /// The words that it stands in. Several short flags may share one word.
    pub words: Range<usize>,
    /// Where in the last of its words the value begins, in bytes.
    pub value_at: usize,
}

impl Used {
    /// Its value, if it is text.
    pub fn text(&self) -> Option<&str> {
        self.value.as_deref()?.to_str()
    }

    /// Whether a switch is on, as Go's `strconv.ParseBool` reads what is joined to it; `None` if the
    /// program would refuse it.
    pub fn is_on(&self) -> Option<bool> {
        let Some(value) = &self.value else {
            return Some(true);
        };
        match value.as_bytes() {
            b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => Some(true),
            b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => Some(false),
            _ => None,
        }
    }
}

/// A command line that was understood to its end, or up to where it is another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The command by its usual names, without aliases: `["compose", "build"]`. The words of a command
    /// that the tables do not name end the path: `["ps"]` is `[]`, with `ps` the first of `args`.
    pub path: Vec<&'static str>,
    /// Where the words of the path stand.
    pub path_at: Vec<usize>,
    /// Whether it is compose's.
    pub is_compose: bool,
    /// Flags of all levels, in order.
    pub flags: Vec<Used>,
    /// Where the words that are no flags stand, after the command. From where a program stops to look for
    /// flags, as `docker run` does after the image, all words.
    pub args: Vec<usize>,
    /// Where `--` stands, if a command's flags end with it.
    pub end_of_flags: Option<usize>,
}

impl Command {
    /// The uses of a flag at any level.
    pub fn uses<'a>(&'a self, flag: &'a str) -> impl Iterator<Item = &'a Used> {
        self.flags.iter().filter(move |used| used.flag == flag)
    }

    /// Whether a flag is used at all.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|used| used.flag == flag)
    }

    /// The value of a flag that counts: the last one.
    pub fn value(&self, flag: &str) -> Option<&OsStr> {
        let last = self.flags.iter().rev().find(|used| used.flag == flag);
        last.and_then(|used| used.value.as_deref())
    }

    /// All values of a flag.
    pub fn values<'a>(&'a self, flag: &'a str) -> impl Iterator<Item = &'a OsStr> {
        self.uses(flag).filter_map(|used| used.value.as_deref())
    }

    /// Whether a switch is on; `None` if what is joined to it is neither true nor false.
    pub fn is_on(&self, flag: &str) -> Option<bool> {
        self.uses(flag).last().map_or(Some(false), Used::is_on)
    }

    /// Where flags of the command itself can be added: after its name.
    pub fn after_name(&self) -> usize {
        self.path_at.last().map_or(0, |at| at + 1)
    }
}

/// Why a command line is left alone: something in it that the tables do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum Foreign {
    /// A flag that is in no table.
    #[error("{command} has no flag {flag} that is known here")]
    Flag {
        /// The command, for people.
        command: String,
        /// The flag as it was written.
        flag: String,
    },
    /// A value is missing at the end.
    #[error("--{flag} of {command} has no value")]
    NoValue {
        /// The command, for people.
        command: String,
        /// The flag's long name.
        flag: &'static str,
    },
}

/// The beginning of a word, up to where a value stands in it.
pub(crate) fn head(word: &OsStr, bytes: usize) -> OsString {
    OsStr::from_bytes(&word.as_bytes()[..bytes]).to_owned()
}

fn lossy<S: serde::Serializer>(value: &Option<OsString>, to: S) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(|value| value.to_string_lossy())
        .serialize(to)
}

#[cfg(test)]
mod tests;
