//! Variables that a build does not have, or must not have.

use std::collections::BTreeSet;

use super::secret::is_secret_name;
use super::{Finding, Occasion, Rule};
use crate::construct::Command;
use crate::script::Script;
use crate::split::value::matches_glob;
use crate::word::{Piece, Word};

pub(super) fn of_tasks_and_secrets(script: &Script, occasion: &Occasion<'_>) -> Vec<Finding> {
    let mut assigned: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    for command in script
        .constructs
        .iter()
        .flat_map(|construct| &construct.commands)
    {
        let mut names = Vec::new();
        for word in words(command) {
            read_in(word, &mut names);
        }
        for name in names {
            if assigned.contains(name) {
                continue;
            }
            let of_task = occasion
                .task_variables
                .iter()
                .any(|glob| matches_glob(name, glob));
            let (rule, reason, fix) = if of_task {
                (
                    Rule::TaskVariable,
                    format!("{name} differs from task to task, and a build has no task"),
                    "move what uses it to the run script",
                )
            } else if is_secret_name(name) && !occasion.args.contains(&name) {
                (
                    Rule::Secret,
                    format!(
                        "{name} sounds like a secret; a build has it not, or keeps it in a layer"
                    ),
                    "name it under `secrets`, give it to the stage, and read /run/secrets/ID",
                )
            } else {
                continue;
            };
            findings.push(Finding {
                rule,
                at: command.at,
                reason,
                fix: fix.to_owned(),
            });
        }
        assigned.extend(command.assignments.iter().map(|one| one.name.as_str()));
        if command.name() == Some("read") {
            assigned.extend(command.arguments().iter().map(|word| word.text.as_str()));
        }
    }
    findings
}

fn words(command: &Command) -> impl Iterator<Item = &Word> {
    let values = command.assignments.iter().flat_map(|one| &one.values);
    let targets = command.redirects.iter().map(|redirect| &redirect.target);
    command.words.iter().chain(values).chain(targets)
}

fn read_in<'w>(word: &'w Word, names: &mut Vec<&'w str>) {
    for piece in &word.pieces {
        match piece {
            Piece::Variable { name, .. } => names.push(name),
            Piece::Changed { name, with, .. } => {
                names.push(name);
                for word in with {
                    read_in(word, names);
                }
            }
            _ => {}
        }
    }
}
