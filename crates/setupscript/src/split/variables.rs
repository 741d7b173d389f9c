//! Variables: what is known of one, and what assigns it.

use super::Confidence;
use super::reader::Reader;
use super::value::{Value, matches_glob, secret, stable};
use crate::construct::{Assignment, Context};
use crate::word::Word;

/// Variables that decide what the shell makes of words and names.
const RULING: [&str; 11] = [
    "HOME",
    "IFS",
    "CDPATH",
    "GLOBIGNORE",
    "BASH_ENV",
    "ENV",
    "PWD",
    "OLDPWD",
    "SHELLOPTS",
    "BASHOPTS",
    "POSIXLY_CORRECT",
];

impl Reader<'_> {
    /// What a variable is.
    pub(super) fn variable(&mut self, name: &str) -> Value {
        if let Some(value) = self.own.get(name) {
            return value.clone();
        }
        let run = |reason: String| Value::Run(reason);
        match name {
            "?" | "PIPESTATUS" => {
                self.facts.reads_status = true;
                return Value::Stable(String::new());
            }
            "@" | "*" | "#" => {
                return match &self.arguments {
                    Some(arguments) => {
                        let start = Value::Stable(String::new());
                        arguments.iter().cloned().fold(start, Value::then)
                    }
                    None => run("it reads the arguments of the script".to_owned()),
                };
            }
            "$" | "!" | "-" | "_" | "0" | "BASHPID" | "PPID" => {
                return run(format!("${name} differs from start to start"));
            }
            "RANDOM" | "SRANDOM" | "SECONDS" | "EPOCHSECONDS" | "EPOCHREALTIME" => {
                return run(format!("${name} differs from start to start"));
            }
            "PWD" | "OLDPWD" | "HOSTNAME" | "BASH_SOURCE" | "LINENO" | "FUNCNAME" | "USER"
            | "LOGNAME" => return run(format!("${name} is known at a start only")),
            _ => {}
        }
        if let Ok(number) = name.parse::<usize>() {
            return match &self.arguments {
                Some(arguments) => {
                    let none = Value::Known(String::new());
                    arguments
                        .get(number.wrapping_sub(1))
                        .cloned()
                        .unwrap_or(none)
                }
                None => run("it reads the arguments of the script".to_owned()),
            };
        }
        self.facts.reads_variables.insert(name.to_owned());
        if let Some(value) = self.shell.variables.get(name) {
            return value.clone();
        }
        if self
            .task_variables
            .iter()
            .any(|glob| matches_glob(name, glob))
        {
            return run(format!("it reads the task's variable {name}"));
        }
        if name == "HOME" {
            return Value::Known("~".to_owned());
        }
        if stable(name) {
            return Value::Stable(String::new());
        }
        if secret(name) {
            return run(format!("it reads the credential {name}"));
        }
        run(outside(name))
    }

    /// A value has to be the same in the image and at every start.
    pub(super) fn needs(&mut self, value: &Value) {
        if let Value::Run(reason) = value {
            self.facts.has_to_run(reason.clone(), Confidence::High);
        }
    }

    pub(super) fn assignment(&mut self, assignment: &Assignment, context: &Context) {
        let mut value = if assignment.array || assignment.element {
            Value::Stable(String::new())
        } else {
            Value::Known(String::new())
        };
        for word in &assignment.values {
            value = value.then(self.value(word));
        }
        let here = |word: &Word| {
            let text = word.text.trim_matches(['"', '\'']);
            matches!(
                text,
                "-r" | "-e" | "-c" | "--requirement" | "--editable" | "."
            ) || text.starts_with("./")
                || text.starts_with("../")
                || text.ends_with(".txt")
        };
        if assignment.array || assignment.element {
            value = if assignment.values.iter().any(here) {
                let reason = "leads into the folder where the script is started";
                Value::Run(format!("{} {reason}", assignment.name))
            } else {
                Value::Stable(String::new()).then(value)
            };
        }
        if assignment.append || assignment.element {
            value = self.variable(&assignment.name).then(value);
        }
        if secret(&assignment.name) && value.known() != Some("") {
            let reason = format!("{} is a credential", assignment.name);
            value = Value::Run(reason);
        }
        self.assign(&assignment.name, value, context);
    }

    /// Assigns a variable.
    pub(super) fn assign(&mut self, name: &str, value: Value, context: &Context) {
        let mut value = value;
        if (context.subshell || context.conditional) && !self.locals.contains(name) {
            // It may keep the value that it has.
            let before = self.variable(name);
            value = match (before, value) {
                (_, Value::Run(reason)) => Value::Run(reason),
                (Value::Run(reason), _) if reason == outside(name) => Value::Run(format!(
                    "{name} may keep a value from outside of the script"
                )),
                (Value::Run(reason), _) => Value::Run(reason),
                (Value::Known(one), Value::Known(other)) if one == other => Value::Known(one),
                _ => Value::Stable(String::new()),
            };
        }
        self.needs(&value);
        if RULING.contains(&name) {
            let reason = format!("{name} decides what words and folders mean");
            self.facts.shell_not_understood(&reason);
        }
        self.own.insert(name.to_owned(), value.clone());
        if !context.subshell && !self.locals.contains(name) {
            self.facts.assigns.insert(name.to_owned(), value);
        }
    }

    /// An arithmetic expression: what it reads, and what it may assign.
    pub(super) fn arithmetic(&mut self, text: &str, context: &Context) {
        let plain = text
            .replace("==", "")
            .replace("!=", "")
            .replace("<=", "")
            .replace(">=", "");
        let assigns = plain.contains('=') || text.contains("++") || text.contains("--");
        for name in identifiers(text) {
            let value = self.variable(name);
            self.needs(&value);
            if assigns {
                self.assign(name, Value::Stable(String::new()).then(value), context);
            }
        }
        if (text.contains('`') || text.contains("$("))
            && let Some(reason) = self.output.clone()
        {
            self.facts.has_to_run(reason, Confidence::Medium);
        }
    }
}

fn outside(name: &str) -> String {
    format!("{name} comes from outside of the script")
}

/// The names in an arithmetic expression.
pub(super) fn identifiers(text: &str) -> Vec<&str> {
    let other = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let words = text.split(other);
    words
        .filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
        .collect()
}
