//! What runs at every start before a construct, and could have an influence on it.

use std::collections::BTreeMap;

use crate::split::facts::Facts;
use crate::split::place::{Place, overlap};
use crate::split::shell::{Shell, influences_tools};
use crate::split::value::matches_glob;

/// What the constructs that run have done so far, each with the line of the first.
#[derive(Debug, Default)]
pub(super) struct Before {
    reads: BTreeMap<Place, usize>,
    writes: BTreeMap<Place, usize>,
    opaque: Option<usize>,
    shell_opaque: Option<usize>,
    unnoticed: Option<usize>,
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
        let unnoticed = facts.uses_unnoticed || (facts.uses && !shell.ends_on_failure);
        note(unnoticed, &mut self.unnoticed);
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

    /// Why a construct with these facts cannot go ahead of all that.
    pub(super) fn conflict(&self, facts: &Facts) -> Option<String> {
        let touches = facts.acts || facts.uses || !facts.reads.is_empty() || facts.uses_unnoticed;
        if touches && let Some(line) = self.opaque {
            return Some(format!(
                "line {line} runs before it, and what that does is not known"
            ));
        }
        let theirs = |places: &BTreeMap<Place, usize>, mine: &[Place]| {
            let first = places
                .iter()
                .find(|(other, _)| mine.iter().any(|place| overlap(place, other)));
            first.map(|(place, line)| (place.clone(), *line))
        };
        let found = theirs(&self.writes, &facts.reads)
            .or_else(|| theirs(&self.writes, &facts.writes))
            .or_else(|| theirs(&self.reads, &facts.writes));
        if let Some((place, line)) = found {
            return Some(format!(
                "line {line} runs before it, and is about {place}, too"
            ));
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
            && let Some(line) = self.unnoticed
        {
            return Some(format!(
                "line {line} runs before it, and may find what this installs"
            ));
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
