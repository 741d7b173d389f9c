//! What a construct needs, does and leaves, as far as its text says.

use std::collections::{BTreeMap, BTreeSet};

use super::folder::Folders;
use super::place::Place;
use super::value::Value;
use super::{Confidence, Why};

/// What is known of a construct.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Why it has to run at every start, whatever stands before it.
    pub(super) run: Option<Why>,
    /// Why it can be done once.
    pub(super) cached: Option<Why>,
    /// It has an effect besides what it prints and what it leaves in the shell.
    pub(super) acts: bool,
    /// It changes the shell in another way than by assignments, or only prints.
    pub(super) changes_shell: bool,
    /// Its effects on files are not known.
    pub(super) opaque: bool,
    /// Its effects on the shell, and so on everything behind it, are not known.
    pub(super) shell_opaque: bool,
    /// It may end the script; without failing, or not because of something that stays as it is.
    pub(super) exits: bool,
    /// It only ends a script that cannot work here.
    pub(super) guards: bool,
    /// Variables whose values from before it reads.
    pub(super) reads_variables: BTreeSet<String>,
    /// Variables that it leaves assigned.
    pub(super) assigns: BTreeMap<String, Value>,
    /// Variables that it exports.
    pub(super) exports: BTreeSet<String>,
    /// Functions that it calls or defines inside something else.
    pub(super) calls: BTreeSet<String>,
    pub(super) defines: BTreeSet<String>,
    pub(super) reads: Vec<Place>,
    pub(super) writes: Vec<Place>,
    /// What it writes is taken away.
    pub(super) removes: bool,
    /// It brings commands.
    pub(super) installs: bool,
    /// It runs programs of the image besides the base system's.
    pub(super) uses: bool,
    /// It would not be noticed if those were missing.
    pub(super) uses_unnoticed: bool,
    /// It runs programs that read any variable.
    pub(super) reads_environment: bool,
    /// It leaves the shell in another folder.
    pub(super) folders: Option<Folders>,
    /// It reads how the command before it ended.
    pub(super) reads_status: bool,
    /// Variables that may be read at the end of the shell, because of its trap.
    pub(super) reads_at_end: BTreeSet<String>,
    /// That may read any variable.
    pub(super) reads_any_at_end: bool,
    /// Its text seems to hold a credential.
    pub(super) credential: bool,
}

impl Facts {
    /// It has to run, for this reason, unless one was found before.
    pub(super) fn has_to_run(&mut self, reason: impl Into<String>, confidence: Confidence) {
        if self.run.is_none() {
            self.run = Some(Why::new(reason, confidence));
        }
    }

    /// It can be cached, for this reason; the least certain one counts.
    pub(super) fn can_be_cached(&mut self, reason: impl Into<String>, confidence: Confidence) {
        self.acts = true;
        if self
            .cached
            .as_ref()
            .is_none_or(|why| why.confidence > confidence)
        {
            self.cached = Some(Why::new(reason, confidence));
        }
    }

    /// Nothing is known of what it does to files.
    pub(super) fn not_understood(&mut self, what: &str) {
        self.acts = true;
        self.opaque = true;
        self.has_to_run(format!("what {what} does is not known"), Confidence::Low);
    }

    /// Nothing is known of what it does to the shell.
    pub(super) fn shell_not_understood(&mut self, reason: &str) {
        self.acts = true;
        self.opaque = true;
        self.shell_opaque = true;
        self.has_to_run(reason, Confidence::Medium);
    }
}
