//! Splits a script in two: what can be done once, in an image, and what has to be done at every start.
//!
//! The two halves run one after the other, each in a bash of its own. What only changes the shell is in both.
//! Nothing goes ahead of a construct that could have an influence on it; in doubt it runs at every start.

mod access;
mod commands;
mod decision;
mod downloads;
mod facts;
mod files;
mod folder;
mod packages;
mod place;
mod reader;
mod shell;
pub(crate) mod value;
mod variables;

use serde::Serialize;

use crate::construct::Kind;
use crate::script::{NotUnderstood, Script};

/// What a user can say about a split.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of variables that differ from task to task; `*` stands for any part.
    pub task_variables: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        let names = ["TASK_*", "AGENTS_RUNNER_*"];
        Self {
            task_variables: names.map(str::to_owned).to_vec(),
        }
    }
}

/// Which half a construct is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Done once, in the image.
    Cached,
    /// Done at every start.
    Run,
    /// In both, because it only prepares the shell.
    Both,
}

/// How certain a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A guess on the safe side, or one that somebody should look at.
    Low,
    /// Usual.
    Medium,
    /// The text says so.
    High,
}

/// A reason.
#[derive(Clone, Debug)]
struct Why {
    reason: String,
    confidence: Confidence,
}

impl Why {
    fn new(reason: impl Into<String>, confidence: Confidence) -> Self {
        Self {
            reason: reason.into(),
            confidence,
        }
    }
}

/// A construct with its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// The first byte, of the comments before it.
    pub start: usize,
    /// The first byte behind it.
    pub end: usize,
    /// The line where its command begins.
    pub line: usize,
    /// The column where its command begins.
    pub column: usize,
    /// Its last line.
    pub last_line: usize,
    /// What it is.
    pub kind: Kind,
    /// Which half it is in.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// How certain that is.
    pub confidence: Confidence,
}

/// A script in two halves.
#[derive(Clone, Debug, Serialize)]
pub struct Split {
    /// Every construct in order. None if the script is not understood.
    pub parts: Vec<Part>,
    /// What is done once; empty if nothing can be.
    pub cached: String,
    /// What is done at every start.
    pub run: String,
    /// Why the whole script is done at every start, if nothing is known of its constructs.
    pub not_understood: Option<NotUnderstood>,
}

/// Splits a script.
pub fn split(script: &Script, options: &Options) -> Split {
    let parts = decision::decide(script, options);
    let half = |wanted: Verdict| {
        let mut text = script.text[..script.shebang].to_owned();
        let mut last = None;
        for (number, part) in parts.iter().enumerate() {
            if part.verdict == wanted || part.verdict == Verdict::Both {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(&script.text[part.start..part.end]);
                last = Some(number);
            }
        }
        // What was in the middle must not decide how the half ends.
        if last.is_some_and(|last| last + 1 < parts.len()) {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("true\n");
        }
        text
    };
    let nothing = !parts.iter().any(|part| part.verdict == Verdict::Cached);
    let (cached, run) = if nothing {
        (String::new(), script.text.clone())
    } else {
        (half(Verdict::Cached), half(Verdict::Run))
    };
    Split {
        parts,
        cached,
        run,
        not_understood: script.not_understood.clone(),
    }
}

#[cfg(test)]
mod tests;
