//! What runs at every start before a construct, and could have an influence on it.

use std::collections::BTreeMap;

use crate::split::facts::Facts;
use crate::split::place::{ANYWHERE, Class, Place, class, overlap};
use crate::split::shell::{Shell, influences_tools};
use crate::split::value::matches_glob;

/// What the constructs that run have done so far, each with the line of the first.
#[derive(Debug, Default)]
pub(super) struct Before {
    reads: BTreeMap<Place, usize>,
    writes: BTreeMap<Place, usize>,
    opaque: Option<usize>,
    shell_opaque: Option<usize>,
    /// The line, and whether only the lack of `set -e` lets it go unnoticed.
    unnoticed: Option<(usize, bool)>,
    installs: Option<usize>,
    /// A variable that every program may look at.
    for_tools: Option<String>,
    /// A variable that some installers may look at.
    exported: Option<String>,
}

impl Before {
    /// Adds what a construct does that runs.
    pub(super) fn add(&mut self, facts: &Facts, shell: &Shell, line: usize, tasks: &[String]) {
        for place in &facts.reads {
            self.reads.entry(place.clone()).or_insert(line);
        }
        for place in &facts.writes {
            self.writes.entry(place.clone()).or_insert(line);
        }
        let note = |holds: bool, first: &mut Option<usize>| {
            if holds && first.is_none() {
                *first = Some(line);
            }
        };
        note(facts.opaque, &mut self.opaque);
        let ends = facts.exits || facts.changes_shell || (facts.guards && !facts.acts);
        note(facts.shell_opaque || ends, &mut self.shell_opaque);
        if facts.uses_unnoticed || (facts.uses && !shell.ends_on_failure) {
            self.unnoticed.get_or_insert((line, !facts.uses_unnoticed));
        }
        note(facts.installs, &mut self.installs);
        let assigned = facts.assigns.keys().filter(|name| {
            facts.exports.contains(*name)
                || shell.exported.contains(*name)
                || influences_tools(name)
        });
        for name in assigned.chain(&facts.exports) {
            if influences_tools(name) {
                self.for_tools.get_or_insert_with(|| name.clone());
            } else if !tasks.iter().any(|glob| matches_glob(name, glob)) {
                self.exported.get_or_insert_with(|| name.clone());
            }
        }
    }

    /// Why nothing is known any more of what follows.
    pub(super) fn ends_knowledge(&self) -> Option<String> {
        let line = self.shell_opaque?;
        Some(format!(
            "line {line}, which runs at every start, may change or end the shell"
        ))
    }

    /// Which place those and a construct with these facts have in common, in words.
    fn shared_place(&self, facts: &Facts) -> Option<String> {
        let theirs = |places: &BTreeMap<Place, usize>, mine: &[Place]| {
            let pairs = places.iter().flat_map(|(other, line)| {
                let shared = mine.iter().filter(|place| overlap(place, other));
                shared.map(move |place| (other.clone(), place.clone(), *line))
            });
            // The longest name says the most.
            pairs.max_by_key(|(other, mine, line)| {
                (other.len().max(mine.len()), std::cmp::Reverse(*line))
            })
        };
        let found = theirs(&self.writes, &facts.reads)
            .map(|found| (found, "writes", "may write anywhere"))
            .or_else(|| {
                let found = theirs(&self.writes, &facts.writes)?;
                Some((found, "writes", "may write anywhere"))
            })
            .or_else(|| {
                let found = theirs(&self.reads, &facts.writes)?;
                Some((found, "reads", "may read any file"))
            });
        let ((other, mine, line), verb, anything) = found?;
        let before = |what: &str| Some(format!("line {line} runs before it, and {what}"));
        if other == ANYWHERE {
            return before(anything);
        }
        if let Some(line) = self.installs.filter(|_| facts.installs) {
            return Some(format!("line {line} runs before it, and installs, too"));
        }
        if class(&other) == Class::Relative {
            return before("works in the folder where it is started, which this may read");
        }
        if mine == ANYWHERE {
            return before(&format!("{verb} {other}, and this may touch any file"));
        }
        let place = if mine.len() > other.len() {
            mine
        } else {
            other
        };
        before(&format!("both have to do with {place}"))
    }

    /// Why a construct with these facts cannot go ahead of all that.
    pub(super) fn conflict(&self, facts: &Facts) -> Option<String> {
        let touches = facts.acts || facts.uses || !facts.reads.is_empty() || facts.uses_unnoticed;
        if touches && let Some(line) = self.opaque {
            return Some(format!(
                "line {line} runs before it, and what that does is not known"
            ));
        }
        if let Some(reason) = self.shared_place(facts) {
            return Some(reason);
        }
        if facts.uses || facts.uses_unnoticed {
            let commands = self.writes.iter().find(|(place, _)| overlap(place, "/usr"));
            let line = self.installs.or_else(|| commands.map(|(_, line)| *line));
            if let Some(line) = line {
                return Some(format!(
                    "line {line} runs before it, and may bring its commands"
                ));
            }
        }
        if facts.installs
            && let Some((line, would_end)) = self.unnoticed
        {
            let reason = format!("line {line} runs before it, and may use what this installs");
            return Some(if would_end {
                format!("{reason}; after `set -e` that would end the script")
            } else {
                reason
            });
        }
        if (facts.acts || facts.uses)
            && let Some(name) = &self.for_tools
        {
            return Some(format!("{name} is set at a start, and programs look at it"));
        }
        if facts.reads_environment
            && let Some(name) = &self.exported
        {
            return Some(format!(
                "{name} is exported at a start, and an installer may look at it"
            ));
        }
        None
    }
}
