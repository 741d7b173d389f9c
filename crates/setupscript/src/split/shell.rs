//! The shell itself: its state between constructs, and its own commands.

use std::collections::{BTreeMap, BTreeSet};

use super::Confidence;
use super::folder::Folders;
use super::reader::Reader;
use super::value::{Value, for_tools};
use super::variables::identifiers;
use crate::construct::{Command, Context};

/// What is known of the shell before a construct.
#[derive(Clone, Debug, Default)]
pub(super) struct Shell {
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) exported: BTreeSet<String>,
    /// The commands of each function; none where it is defined at a start only.
    pub(super) functions: BTreeMap<String, Option<Vec<Command>>>,
    pub(super) folders: Folders,
    /// A command that fails ends the script.
    pub(super) ends_on_failure: bool,
}

/// What `. /etc/os-release` assigns.
const OS_RELEASE: [&str; 9] = [
    "NAME",
    "VERSION",
    "ID",
    "ID_LIKE",
    "VERSION_ID",
    "VERSION_CODENAME",
    "UBUNTU_CODENAME",
    "PRETTY_NAME",
    "DEBIAN_CODENAME",
];

impl Reader<'_> {
    /// The shell's own commands. None if it is no such command; else whether what it prints is constant.
    pub(super) fn builtin(
        &mut self,
        name: &str,
        arguments: &[Value],
        command: &Command,
        context: &Context,
    ) -> Option<bool> {
        match name {
            ":" | "true" | "false" | "sleep" | "break" | "continue" => {}
            "hash" => {
                let looks = |value: &Value| !value.known().unwrap_or_default().starts_with('-');
                self.facts.uses_unnoticed |= arguments.iter().any(looks);
            }
            "shift" if self.arguments.is_some() => self.shift(arguments, context),
            "echo" | "printf" => {
                if name == "printf" && arguments.first().and_then(Value::known) == Some("-v") {
                    self.facts
                        .shell_not_understood("it assigns a variable with printf");
                }
                let time = |value: &Value| value.known().is_none_or(|text| text.contains(")T"));
                if name == "printf" && arguments.first().is_some_and(time) {
                    self.facts
                        .has_to_run("printf may tell the time", Confidence::High);
                }
            }
            "test" | "[" => self.test(arguments),
            "cd" | "pushd" | "popd" => self.change_folder(name, arguments, context),
            "set" => self.set(arguments, context),
            "shopt" => {
                let known: Vec<_> = arguments.iter().filter_map(Value::known).collect();
                if known.contains(&"expand_aliases") {
                    self.facts.shell_not_understood("it turns aliases on");
                } else if known.contains(&"lastpipe") {
                    let reason = "it changes where the end of a pipeline runs";
                    self.facts.shell_not_understood(reason);
                } else {
                    self.shell_changed(context);
                }
            }
            "umask" => self.shell_changed(context),
            "export" | "declare" | "typeset" | "readonly" | "local" => {
                self.declare(name, command, context);
            }
            "unset" => {
                for name in arguments.iter().filter_map(Value::known) {
                    if name.starts_with('-') {
                        continue;
                    }
                    if name == "PATH" {
                        self.facts
                            .shell_not_understood("without a PATH nothing is found");
                    }
                    self.assign(name, Value::Known(String::new()), context);
                }
                if arguments.first().and_then(Value::known) == Some("-f") {
                    self.facts.shell_not_understood("it removes a function");
                }
            }
            "return" if self.arguments.is_some() => {}
            "exit" | "return" => self.exit(arguments, context),
            "source" | "." => {
                if self.source(arguments, context) {
                    return Some(true);
                }
            }
            "command" if !matches!(arguments.first().and_then(Value::known), Some("-v" | "-V")) => {
                self.facts.not_understood("command with options");
            }
            "command" | "type" | "which" => {
                self.facts.uses_unnoticed = true;
            }
            "exec" => {
                if arguments.is_empty()
                    && self.facts.writes.is_empty()
                    && self.facts.reads.is_empty()
                {
                    self.shell_changed(context);
                } else {
                    self.facts
                        .shell_not_understood("it redirects or replaces the shell");
                }
            }
            "eval" => self
                .facts
                .shell_not_understood("what eval does is not known"),
            "trap" => self.trap(arguments),
            "read" | "mapfile" | "readarray" | "getopts" | "select" => {
                self.read_input(name, arguments, context)
            }
            "shift" | "alias" | "unalias" | "wait" | "kill" | "jobs" | "disown" | "bg" | "fg"
            | "ulimit" | "times" | "complete" | "compgen" | "bind" | "history" | "enable"
            | "dirs" => {
                self.facts.acts = true;
                self.facts
                    .has_to_run(format!("{name} is for the running shell"), Confidence::High);
            }
            "let" => {
                for text in arguments.iter().filter_map(Value::known) {
                    self.arithmetic(text, context);
                }
            }
            _ => return None,
        }
        let shows = matches!(
            name,
            "echo" | "printf" | "command" | "type" | "which" | "test" | "[" | "true" | ":"
        );
        Some(
            shows
                && arguments
                    .iter()
                    .all(|value| !matches!(value, Value::Run(_))),
        )
    }

    fn shell_changed(&mut self, context: &Context) {
        if !context.subshell {
            self.facts.changes_shell = true;
        }
    }

    fn set(&mut self, arguments: &[Value], context: &Context) {
        let known: Vec<&str> = arguments.iter().filter_map(Value::known).collect();
        let option =
            |word: &str| word.starts_with(['-', '+']) && word != "--" && !word.contains('a');
        let named = [
            "errexit", "nounset", "pipefail", "xtrace", "errtrace", "verbose", "noglob",
        ];
        let all = known.len() == arguments.len() && !known.is_empty();
        if all
            && known
                .iter()
                .all(|word| matches!(*word, "-x" | "+x" | "-v" | "+v"))
        {
            return;
        }
        if all
            && known
                .iter()
                .all(|word| option(word) || named.contains(word))
        {
            self.shell_changed(context);
        } else {
            self.facts
                .shell_not_understood("it sets the arguments or options of the shell");
        }
    }

    fn declare(&mut self, name: &str, command: &Command, context: &Context) {
        let words: Vec<&str> = command
            .arguments()
            .iter()
            .filter_map(|word| word.literal.as_deref())
            .collect();
        let option = |letter: &str| {
            words
                .iter()
                .any(|word| word.starts_with('-') && word.contains(letter))
        };
        let local =
            self.arguments.is_some() && name != "export" && name != "readonly" && !option("g");
        if ["n", "f", "F", "i", "u", "l", "c"].into_iter().any(option) {
            return self
                .facts
                .shell_not_understood("it declares more than a variable");
        }
        let mut names: Vec<String> = Vec::new();
        for assignment in &command.assignments {
            if local {
                self.locals.insert(assignment.name.clone());
            }
            self.assignment(assignment, context);
            names.push(assignment.name.clone());
        }
        for word in command.arguments() {
            let Some(text) = word.literal.as_deref() else {
                if !word.text.contains('=') {
                    self.facts
                        .shell_not_understood("it declares what is not known");
                }
                continue;
            };
            if text.starts_with('-') {
                continue;
            }
            if local {
                self.locals.insert(text.to_owned());
                self.own
                    .insert(text.to_owned(), Value::Known(String::new()));
            } else if name == "export" || option("x") {
                // What it has is exported.
                let value = self.variable(text);
                self.needs(&value);
                if !context.subshell {
                    self.facts.assigns.insert(text.to_owned(), value);
                }
            } else {
                self.own
                    .insert(text.to_owned(), Value::Stable(String::new()));
                self.facts
                    .assigns
                    .insert(text.to_owned(), Value::Stable(String::new()));
            }
            names.push(text.to_owned());
        }
        if names.is_empty() {
            self.facts
                .has_to_run("it lists the variables of the shell", Confidence::High);
        }
        if (name == "export" || option("x")) && !context.subshell {
            self.facts.exports.extend(names);
        }
    }

    /// `exit`. A construct that only ends a script where it cannot work stays in both halves.
    fn exit(&mut self, arguments: &[Value], context: &Context) {
        if context.subshell {
            return;
        }
        let failing = match arguments.first().and_then(Value::known) {
            Some(code) => code.bytes().any(|byte| (b'1'..=b'9').contains(&byte)),
            None => false,
        };
        if failing && context.conditional {
            self.facts.guards = true;
        } else {
            self.facts.exits = true;
        }
    }

    /// Whether it is a file that says what the image is.
    fn source(&mut self, arguments: &[Value], context: &Context) -> bool {
        let file = arguments.first().and_then(Value::known).unwrap_or_default();
        if file == "/etc/os-release" || file == "/usr/lib/os-release" {
            for name in OS_RELEASE {
                if !context.subshell {
                    let context = Context {
                        conditional: false,
                        ..context.clone()
                    };
                    self.assign(name, Value::Stable(String::new()), &context);
                } else if name.contains('_') || name == "ID" {
                    // Few scripts have variables of such names, which may be read behind the subshell.
                    self.own
                        .insert(name.to_owned(), Value::Stable(String::new()));
                }
            }
            return true;
        }
        for argument in arguments {
            self.needs(argument);
        }
        self.facts
            .shell_not_understood("what the sourced file does is not known");
        false
    }

    fn trap(&mut self, arguments: &[Value]) {
        let known: Vec<&str> = arguments.iter().skip(1).filter_map(Value::known).collect();
        let at_end = [
            "EXIT", "0", "INT", "TERM", "HUP", "QUIT", "SIGINT", "SIGTERM", "SIGHUP",
        ];
        self.facts.acts = true;
        if known.is_empty()
            || known.len() + 1 != arguments.len()
            || !known.iter().all(|name| at_end.contains(name))
        {
            return self
                .facts
                .shell_not_understood("its trap can run between any two commands");
        }
        match arguments.first().and_then(Value::known) {
            Some(text) => {
                let names = identifiers(text);
                self.facts.reads_any_at_end = names
                    .iter()
                    .any(|name| self.shell.functions.contains_key(*name));
                self.facts
                    .reads_at_end
                    .extend(names.into_iter().map(str::to_owned));
            }
            None => self.facts.reads_any_at_end = true,
        }
        self.facts
            .has_to_run("a trap is for the running shell", Confidence::High);
    }

    /// `shift` in a function.
    fn shift(&mut self, arguments: &[Value], context: &Context) {
        let count = match arguments.first() {
            None => Some(1),
            Some(value) => value.known().and_then(|text| text.parse::<usize>().ok()),
        };
        let Some(own) = &mut self.arguments else {
            return;
        };
        match count {
            Some(count) if !context.conditional && !context.looped && !context.subshell => {
                own.drain(..count.min(own.len()));
            }
            _ => {
                let shifted = Value::Run("its arguments are shifted in between".to_owned());
                own.iter_mut().for_each(|value| *value = shifted.clone());
            }
        }
    }

    fn read_input(&mut self, name: &str, arguments: &[Value], context: &Context) {
        // In a loop it reads what the loop is given, which is looked at where it comes from.
        if name != "read" || !(context.fed || context.looped || context.masked) {
            self.facts.has_to_run(
                format!("{name} reads what is known at a start only"),
                Confidence::Medium,
            );
        }
        let given = context.fed || context.looped;
        for argument in arguments {
            match argument.known() {
                Some(option) if option.starts_with('-') => {}
                Some(name) => {
                    let value = if given {
                        Value::Stable(String::new())
                    } else {
                        Value::Run(format!("{name} is read at a start"))
                    };
                    self.own.insert(name.to_owned(), value.clone());
                    if !context.subshell {
                        self.facts.assigns.insert(name.to_owned(), value);
                    }
                }
                None => self
                    .facts
                    .shell_not_understood("it assigns a variable that is not known"),
            }
        }
    }
}

/// Whether an exported variable of this name has an influence on programs of the system.
pub(super) fn influences_tools(name: &str) -> bool {
    for_tools(name)
}
