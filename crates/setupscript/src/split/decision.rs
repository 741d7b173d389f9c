//! Decides for each construct which half it is in.

mod before;

use std::collections::BTreeSet;

use super::facts::Facts;
use super::place::overlap;
use super::reader;
use super::shell::Shell;
use super::value::Value;
use super::{Confidence, Options, Part, Verdict, Why};
use crate::construct::{Command, Construct, Form, Kind};
use crate::script::Script;
use before::Before;

/// Rounds until nothing changes any more, at most; then everything runs at every start.
const ROUNDS: usize = 12;

/// A verdict in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaning {
    Cached,
    Run,
    Both,
    /// It only prints, and goes with what follows.
    Prints,
}

/// One construct's decision.
struct Decided {
    facts: Facts,
    leaning: Leaning,
    why: Why,
}

/// The constructs of a script with their verdicts.
pub(super) fn decide(script: &Script, options: &Options) -> Vec<Part> {
    let constructs = &script.constructs;
    let mut forced: Vec<Option<Why>> = vec![None; constructs.len()];
    if let Some(last) = constructs
        .last()
        .filter(|last| ends_with_an_answer(last, script.text_of(last)))
    {
        let at = constructs.len() - 1;
        forced[at] = Some(Why::new(
            format!("how line {} ends is how the script ends", last.at.line),
            Confidence::Medium,
        ));
    }
    let mut decided = Vec::new();
    for round in 0..=ROUNDS {
        if round == ROUNDS {
            let why = Why::new(
                "its parts depend on one another in too many ways",
                Confidence::Low,
            );
            forced = vec![Some(why); constructs.len()];
        }
        decided = once(script, options, &forced);
        if round == ROUNDS || !force(&decided, &mut forced) {
            break;
        }
    }
    parts(constructs, &decided)
}

/// Whether a construct may end like a failure only because the answer to a question is no: `[ -d x ] && y`.
fn ends_with_an_answer(construct: &Construct, text: &str) -> bool {
    let asks = [
        "[", "[[", "test", "grep", "command", "type", "which", "hash",
    ];
    let name = |command: &Command| match command.form {
        Form::Test => "[[".to_owned(),
        _ => command.name().unwrap_or_default().to_owned(),
    };
    // What stands before `||` is answered there.
    let answered = text.rfind("||");
    let open = |command: &Command| {
        let name = name(command);
        command.context.masked
            && !command.context.substitution
            && asks.contains(&name.as_str())
            && text.rfind(&name) > answered
    };
    let last = construct.commands.last();
    construct.kind == Kind::List
        && last.is_some_and(|command| command.context.conditional)
        && text.contains("&&")
        && construct.commands.iter().any(open)
}

/// Goes through the constructs in order, once.
fn once(script: &Script, options: &Options, forced: &[Option<Why>]) -> Vec<Decided> {
    let mut shell = Shell::default();
    let mut before = Before::default();
    let mut decided = Vec::new();
    for (construct, forced) in script.constructs.iter().zip(forced) {
        let facts = reader::facts(construct, &shell, &options.task_variables);
        let text = script.text_of(construct);
        let (leaning, why) = match forced {
            Some(why) => (Leaning::Run, why.clone()),
            None => lean(construct, &facts, &shell, &before, text),
        };
        let line = construct.at.line;
        match leaning {
            Leaning::Run => {
                before.add(&facts, &shell, line, &options.task_variables);
                for name in facts.assigns.keys() {
                    let reason = format!("{name} is set at a start, in line {line}");
                    shell.variables.insert(name.clone(), Value::Run(reason));
                }
                for name in &facts.defines {
                    shell.functions.insert(name.clone(), None);
                }
                if let Some(folders) = &facts.folders {
                    shell.folders = folders.at_start_only();
                }
            }
            Leaning::Cached | Leaning::Both | Leaning::Prints => {
                shell.variables.extend(facts.assigns.clone());
                if let Some(folders) = &facts.folders {
                    shell.folders = folders.clone();
                }
            }
        }
        shell.exported.extend(facts.exports.iter().cloned());
        if construct.kind == Kind::Function {
            define(construct, leaning, &mut shell);
        }
        if construct.kind == Kind::Command && leaning == Leaning::Both {
            note_options(construct, &mut shell);
        }
        decided.push(Decided {
            facts,
            leaning,
            why,
        });
    }
    decided
}

fn define(construct: &Construct, leaning: Leaning, shell: &mut Shell) {
    let Some(name) = construct
        .commands
        .first()
        .and_then(|head| head.words.first())
    else {
        return;
    };
    let body = (leaning == Leaning::Both).then(|| construct.commands.clone());
    shell.functions.insert(name.text.clone(), body);
}

/// `set -e` decides whether a failure can go unnoticed.
fn note_options(construct: &Construct, shell: &mut Shell) {
    let Some(command) = construct
        .commands
        .last()
        .filter(|one| one.name() == Some("set"))
    else {
        return;
    };
    for word in command
        .arguments()
        .iter()
        .filter_map(|word| word.literal.as_deref())
    {
        if word == "errexit" || (word.starts_with('-') && word.contains('e')) {
            shell.ends_on_failure = true;
        } else if word.starts_with('+') && word.contains('e') {
            shell.ends_on_failure = false;
        }
    }
}

/// What a construct leans to, given what stands before it.
fn lean(
    construct: &Construct,
    facts: &Facts,
    shell: &Shell,
    before: &Before,
    text: &str,
) -> (Leaning, Why) {
    use Confidence::{High, Medium};
    let run = |reason: String, confidence| (Leaning::Run, Why::new(reason, confidence));
    if let Some(why) = before.ends_knowledge() {
        return run(why, Medium);
    }
    if let Some(why) = &facts.run {
        return (Leaning::Run, why.clone());
    }
    if facts.exits || (facts.guards && !guard(facts, text)) {
        return run("it may end the script".to_owned(), High);
    }
    if facts.reads_status {
        return run("it reads how the command before it ended".to_owned(), High);
    }
    if construct.kind == Kind::Function {
        return (
            Leaning::Both,
            Why::new("a function, for whatever calls it", High),
        );
    }
    if let Some(why) = before.conflict(facts) {
        return run(why, Medium);
    }
    if !facts.acts {
        let silent =
            facts.assigns.is_empty() && facts.exports.is_empty() && facts.folders.is_none();
        if facts.guards {
            return (
                Leaning::Both,
                Why::new("it ends a script that cannot work here", Medium),
            );
        }
        if silent && !facts.changes_shell {
            return (
                Leaning::Prints,
                Why::new("it only prints; it goes with what follows", High),
            );
        }
        return (
            Leaning::Both,
            Why::new("it prepares the shell, the same way each time", High),
        );
    }
    let exported =
        |name: &String| shell.exported.contains(name) || super::shell::influences_tools(name);
    if !facts.exports.is_empty() || facts.assigns.keys().any(exported) {
        return run("it also exports what the session needs".to_owned(), High);
    }
    if facts.changes_shell || facts.folders.is_some() || !facts.defines.is_empty() {
        return run(
            "it also changes the shell for what follows".to_owned(),
            High,
        );
    }
    if facts.credential {
        return run("its text seems to hold a credential".to_owned(), High);
    }
    match &facts.cached {
        Some(why) => (Leaning::Cached, why.clone()),
        None => run(
            "nothing says that it can be done once".to_owned(),
            Confidence::Low,
        ),
    }
}

/// Whether a construct that may end the script with a failure only does so where it cannot work.
fn guard(facts: &Facts, text: &str) -> bool {
    if facts.acts {
        // It ends the script when it fails, in whichever half it is.
        return true;
    }
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let code = code.join("\n");
    let code = code.trim();
    let absent = code.starts_with("if ! command -v ") && !code.contains("else")
        || code.starts_with("command -v ") && code.contains("||") && !code.contains("&&");
    !facts.uses_unnoticed || absent
}

/// What has to run because of what stands behind it. Whether there is any that did not have to before.
fn force(decided: &[Decided], forced: &mut [Option<Why>]) -> bool {
    let mut changed = false;
    let mut demand = |at: usize, reason: String| {
        if forced[at].is_none() {
            forced[at] = Some(Why::new(reason, Confidence::Medium));
            changed = true;
        }
    };
    // From the end: who reads a variable at a start, and what the cached half still does.
    let at_end = decided.iter().flat_map(|one| &one.facts.reads_at_end);
    let mut readers: BTreeSet<&str> = at_end.map(String::as_str).collect();
    let mut shell_is_read = decided.iter().any(|one| one.facts.reads_any_at_end);
    let mut written: Vec<&str> = Vec::new();
    let mut removed: Vec<&str> = Vec::new();
    let mut installs = false;
    for (at, one) in decided.iter().enumerate().rev() {
        let facts = &one.facts;
        match one.leaning {
            Leaning::Cached => {
                let read = facts
                    .assigns
                    .keys()
                    .find(|name| readers.contains(name.as_str()));
                if let Some(name) = read {
                    demand(at, format!("it sets {name}, which is needed at a start"));
                } else if shell_is_read && !facts.assigns.is_empty() {
                    demand(
                        at,
                        "it sets variables that may be needed at a start".to_owned(),
                    );
                }
                written.extend(facts.writes.iter().map(String::as_str));
                if facts.removes || facts.installs {
                    removed.extend(
                        facts
                            .writes
                            .iter()
                            .filter(|_| facts.removes)
                            .map(String::as_str),
                    );
                }
                installs |= facts.installs;
            }
            Leaning::Both => {
                let later: &[&str] = if facts.folders.is_some() {
                    &removed
                } else {
                    &written
                };
                let place = facts
                    .reads
                    .iter()
                    .find(|place| later.iter().any(|other| overlap(place, other)));
                if let Some(place) = place {
                    demand(at, format!("what it finds in {place} may be changed later"));
                } else if installs && facts.uses_unnoticed && !facts.guards {
                    demand(at, "what it looks for may be installed later".to_owned());
                }
            }
            Leaning::Run | Leaning::Prints => {}
        }
        if one.leaning != Leaning::Cached {
            readers.extend(facts.reads_variables.iter().map(String::as_str));
            shell_is_read |= facts.shell_opaque;
        }
        if facts.reads_status
            && let Some(previous) = at.checked_sub(1)
            && matches!(decided[previous].leaning, Leaning::Cached | Leaning::Prints)
        {
            demand(previous, "how it ends is read behind it".to_owned());
        }
    }
    changed
}

/// The final verdicts.
fn parts(constructs: &[Construct], decided: &[Decided]) -> Vec<Part> {
    let last_cached = decided
        .iter()
        .rposition(|one| one.leaning == Leaning::Cached);
    let mut next = Verdict::Run;
    let mut parts = Vec::new();
    for (at, (construct, one)) in constructs.iter().zip(decided).enumerate().rev() {
        let needed = last_cached.is_some_and(|last| at < last);
        let (verdict, reason) = match one.leaning {
            Leaning::Cached => (Verdict::Cached, one.why.reason.clone()),
            Leaning::Run => (Verdict::Run, one.why.reason.clone()),
            Leaning::Prints => (next, one.why.reason.clone()),
            Leaning::Both if needed => (Verdict::Both, one.why.reason.clone()),
            Leaning::Both if one.facts.exports.is_empty() => (
                Verdict::Run,
                "nothing cached follows that needs it".to_owned(),
            ),
            Leaning::Both => (
                Verdict::Run,
                "it exports a variable for the session".to_owned(),
            ),
        };
        if matches!(one.leaning, Leaning::Cached | Leaning::Run) {
            next = verdict;
        }
        parts.push(Part {
            start: construct.start,
            end: construct.end,
            line: construct.at.line,
            column: construct.at.column,
            last_line: construct.last_line,
            kind: construct.kind,
            verdict,
            reason,
            confidence: one.why.confidence,
        });
    }
    parts.reverse();
    parts
}
