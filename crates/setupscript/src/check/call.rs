//! Programs that a script calls, whatever calls them for it: `sudo`, `env`, `sh -c`.

use crate::construct::{Command, Context, Form, RedirectKind};
use crate::error::Position;
use crate::script::Script;
use crate::word::Word;

/// How deep `sh -c` is looked into.
const DEEPEST: usize = 3;

/// A program that is called.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    /// Its name, without a folder.
    pub(super) name: String,
    /// Its name as it is written.
    pub(super) path: String,
    /// Its arguments; what is not known of one is as it is written.
    pub(super) args: Vec<String>,
    /// It runs with root's rights by itself.
    pub(super) sudo: bool,
    /// The files that it writes by redirection.
    pub(super) writes: Vec<String>,
    pub(super) at: Position,
    pub(super) context: Context,
    /// The number of its top-level construct.
    pub(super) construct: usize,
    /// The command that it is a part of.
    pub(super) command: Option<&'a Command>,
}

impl Call<'_> {
    /// Its arguments that are no options.
    pub(super) fn operands(&self) -> impl Iterator<Item = &str> {
        let args = self.args.iter().map(String::as_str);
        args.filter(|arg| !arg.starts_with('-') || *arg == "-")
    }

    /// The first argument that is no option: the subcommand of many programs.
    pub(super) fn verb(&self) -> &str {
        self.operands().next().unwrap_or_default()
    }

    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.args.iter().any(|arg| options.contains(&arg.as_str()))
    }
}

/// All calls of a script, in its order.
pub(super) fn calls(script: &Script) -> Vec<Call<'_>> {
    let mut calls = Vec::new();
    for (number, construct) in script.constructs.iter().enumerate() {
        for command in &construct.commands {
            if !matches!(command.form, Form::Simple | Form::Redirected) {
                continue;
            }
            let words: Vec<String> = command.words.iter().map(known).collect();
            let writes = command.redirects.iter().filter(|redirect| {
                matches!(redirect.kind, RedirectKind::Write | RedirectKind::Append)
            });
            let mut call = Call {
                name: String::new(),
                path: String::new(),
                args: Vec::new(),
                sudo: false,
                writes: writes.map(|redirect| known(&redirect.target)).collect(),
                at: command.at,
                context: command.context.clone(),
                construct: number,
                command: Some(command),
            };
            let literal = |at: usize| command.words.get(at).is_some_and(|w| w.literal.is_some());
            let skipped = called(&words, &mut call);
            // A name that only the shell finds out is nobody's.
            if words.is_empty() || literal(skipped) {
                inner(call, DEEPEST, &mut calls);
            }
        }
    }
    calls
}

fn known(word: &Word) -> String {
    word.literal.clone().unwrap_or_else(|| {
        let text = &word.text;
        let unquoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        unquoted.unwrap_or(text).to_owned()
    })
}

/// Fills in the program behind those that only call another; gives the number of words before it.
fn called(words: &[String], call: &mut Call<'_>) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let takes: &[&str] = match word.rsplit('/').next().unwrap_or_default() {
            "sudo" | "doas" => {
                call.sudo = true;
                &[
                    "-u", "-g", "-C", "-h", "-p", "-r", "-t", "-D", "-R", "-T", "-U",
                ]
            }
            "env" => &["-u", "-C", "-S", "--unset", "--chdir"],
            "exec" => &["-a"],
            "nice" => &["-n"],
            "ionice" => &["-c", "-n"],
            "timeout" => &["-k", "-s"],
            "command" | "builtin" | "time" | "nohup" | "setsid" | "stdbuf" | "eatmydata" => &[],
            _ => break,
        };
        let own = at;
        let is_timeout = word.ends_with("timeout");
        at += 1;
        while let Some(word) = words.get(at) {
            if word == "--" {
                at += 1;
                break;
            }
            let assigns = word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            });
            if word.starts_with('-') {
                at += if takes.contains(&word.as_str()) { 2 } else { 1 };
            } else if assigns {
                at += 1;
            } else {
                break;
            }
        }
        if is_timeout {
            at += 1;
        }
        if at >= words.len() {
            // It is called for itself.
            at = own;
            break;
        }
    }
    let rest = words.get(at..).unwrap_or_default();
    if let Some((path, args)) = rest.split_first() {
        call.path.clone_from(path);
        call.name = path.rsplit('/').next().unwrap_or_default().to_owned();
        call.args = args.to_vec();
    }
    at
}

/// A call, and those of the program that it is given as text.
fn inner<'a>(call: Call<'a>, depth: usize, calls: &mut Vec<Call<'a>>) {
    let text = match (call.name.as_str(), call.command) {
        ("sh" | "bash" | "dash" | "zsh", Some(command)) if depth > 0 => command
            .words
            .windows(2)
            .find(|pair| is_program(&pair[0]))
            .and_then(|pair| pair[1].literal.clone()),
        _ => None,
    };
    if let Some(Ok(script)) = text.map(|text| Script::read(text.as_bytes())) {
        for mut found in self::calls(&script) {
            found.at = call.at;
            found.sudo |= call.sudo;
            found.construct = call.construct;
            found.context.background |= call.context.background;
            calls.push(Call {
                name: found.name,
                path: found.path,
                args: found.args,
                sudo: found.sudo,
                writes: found.writes,
                at: found.at,
                context: found.context,
                construct: found.construct,
                command: None,
            });
        }
    }
    calls.push(call);
}

/// `-c`, `-lc`, `-euxc`.
fn is_program(word: &Word) -> bool {
    word.literal
        .as_deref()
        .is_some_and(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))
}
