//! Reads a construct: its words with what is known of the shell, and what it does to files and variables.

use std::collections::{BTreeMap, BTreeSet};

use super::Confidence;
use super::facts::Facts;
use super::shell::Shell;
use super::value::{Value, matches_glob, secret, stable};
use crate::construct::{Assignment, Command, Construct, Context, Form, Kind, RedirectKind};
use crate::word::{Piece, Word};

/// Functions that call functions, at most so deep.
const DEEPEST: usize = 6;
/// Commands that are looked at for one construct, those of called functions included.
const MOST: usize = 500;

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

/// Reads one construct.
pub(super) struct Reader<'a> {
    pub(super) shell: &'a Shell,
    pub(super) task_variables: &'a [String],
    pub(super) facts: Facts,
    /// What the construct itself has assigned so far.
    pub(super) own: BTreeMap<String, Value>,
    /// Variables of the functions that are being called.
    pub(super) locals: BTreeSet<String>,
    /// Arguments of the function that is being called.
    pub(super) arguments: Option<Vec<Value>>,
    /// Why what a substitution prints is known at a start only.
    pub(super) output: Option<String>,
    /// The whole construct is one process of its own.
    pub(super) alone: bool,
    pub(super) folder: Value,
    /// The last program that was read.
    pub(super) last_program: String,
    depth: usize,
    looked_at: usize,
}

/// What is known of a construct that begins with this shell.
pub(super) fn facts(construct: &Construct, shell: &Shell, task_variables: &[String]) -> Facts {
    let mut reader = Reader {
        shell,
        task_variables,
        facts: Facts::default(),
        own: BTreeMap::new(),
        locals: BTreeSet::new(),
        arguments: None,
        output: None,
        alone: construct.kind == Kind::Subshell,
        folder: shell.folder.clone(),
        last_program: String::new(),
        depth: 0,
        looked_at: 0,
    };
    if construct.kind != Kind::Function {
        reader.commands(&construct.commands, None, &Context::default());
    }
    if construct.kind == Kind::Coprocess {
        reader.facts.shell_not_understood("it starts a coprocess");
    }
    reader.facts
}

impl Reader<'_> {
    /// Reads commands: a construct's own, or those of one function in it.
    pub(super) fn commands(&mut self, commands: &[Command], of: Option<&str>, outer: &Context) {
        for command in commands {
            if command.context.function.as_deref() != of {
                continue;
            }
            self.looked_at += 1;
            if self.looked_at > MOST {
                return self
                    .facts
                    .shell_not_understood("it calls too many commands");
            }
            let context = Context {
                subshell: command.context.subshell || outer.subshell,
                conditional: command.context.conditional || outer.conditional,
                background: command.context.background || outer.background,
                masked: command.context.masked || outer.masked,
                substitution: command.context.substitution || outer.substitution,
                ..command.context.clone()
            };
            self.command(command, &context);
            if !context.substitution {
                self.output = None;
            }
        }
    }

    fn command(&mut self, command: &Command, context: &Context) {
        if context.background {
            self.facts.acts = true;
            let reason = "it starts something in the background";
            self.facts.has_to_run(reason, Confidence::High);
        }
        for redirect in &command.redirects {
            let value = self.value(&redirect.target);
            match redirect.kind {
                RedirectKind::Write | RedirectKind::Append => self.write(&value),
                RedirectKind::Read => self.read(&value),
                RedirectKind::ReadWrite => {
                    self.read(&value);
                    self.write(&value);
                }
                RedirectKind::Duplicate => {
                    let known = value.known().unwrap_or_default().trim_end_matches('-');
                    if !known.bytes().all(|byte| byte.is_ascii_digit()) {
                        self.write(&value);
                    }
                }
                RedirectKind::HereDocument | RedirectKind::HereString => self.needs(&value),
                RedirectKind::Process => {}
            }
        }
        match command.form {
            Form::Simple => {
                let constant = self.simple(command, context);
                if context.substitution && !constant && self.output.is_none() {
                    let name = command.name().unwrap_or("a command");
                    self.output = Some(format!("what {name} prints is known at a start only"));
                }
            }
            Form::Test => {
                let words: Vec<Value> = command.words.iter().map(|word| self.value(word)).collect();
                self.test(&words);
            }
            Form::Arithmetic => {
                let text = command.words.first().map_or("", |word| word.text.as_str());
                self.arithmetic(text, context);
            }
            Form::For | Form::Case | Form::Pattern => {
                for assignment in &command.assignments {
                    self.assignment(assignment, context);
                }
                for word in &command.words {
                    let value = self.value(word);
                    self.needs(&value);
                }
            }
            Form::Function => {
                let name = command.words.first().map_or("", |word| word.text.as_str());
                self.facts.defines.insert(name.to_owned());
                self.facts.changes_shell = true;
                self.facts
                    .has_to_run("it defines a function by the way", Confidence::Low);
            }
            Form::Redirected | Form::Coprocess => {}
        }
    }

    /// Calls a function of the script, if there is one of this name.
    pub(super) fn call(&mut self, name: &str, arguments: &[Value], context: &Context) -> bool {
        let Some(body) = self.shell.functions.get(name).cloned() else {
            return false;
        };
        self.facts.calls.insert(name.to_owned());
        let Some(body) = body else {
            self.facts
                .shell_not_understood("it calls a function that is defined at a start only");
            return true;
        };
        if self.depth >= DEEPEST {
            self.facts
                .shell_not_understood("its functions call one another too deeply");
            return true;
        }
        let before = self.arguments.replace(arguments.to_vec());
        let locals = self.locals.clone();
        self.depth += 1;
        self.commands(&body, Some(name), context);
        self.depth -= 1;
        self.locals = locals;
        self.arguments = before;
        true
    }

    /// What a word is.
    pub(super) fn value(&mut self, word: &Word) -> Value {
        let mut value = Value::Known(String::new());
        for piece in &word.pieces {
            let next = match piece {
                Piece::Text(text) => Value::Known(text.clone()),
                Piece::Pattern(text) => {
                    let plain = text.split(['*', '?', '[', '{']).next().unwrap_or_default();
                    Value::Stable(plain.to_owned())
                }
                Piece::Home => Value::Known("~".to_owned()),
                Piece::Variable { name, .. } => self.variable(name),
                Piece::Changed {
                    name,
                    assigns,
                    with,
                    ..
                } => {
                    let mut value = self.variable(name).then(Value::Stable(String::new()));
                    for word in with {
                        value = Value::Stable(String::new())
                            .then(value)
                            .then(self.value(word));
                    }
                    let value = match value {
                        Value::Run(reason) => Value::Run(reason),
                        _ => Value::Stable(String::new()),
                    };
                    if *assigns {
                        self.assign(name, value.clone(), &Context::default());
                    }
                    value
                }
                Piece::Output => match &self.output {
                    Some(reason) => Value::Run(reason.clone()),
                    None => Value::Stable(String::new()),
                },
                Piece::Arithmetic(text) => {
                    self.arithmetic(text, &Context::default());
                    let mut value = Value::Stable(String::new());
                    for name in identifiers(text) {
                        value = value.then(self.variable(name));
                    }
                    value
                }
                Piece::Other => Value::Run("one of its words is not understood".to_owned()),
            };
            value = value.then(next);
        }
        value
    }

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
        run(format!("{name} comes from outside of the script"))
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
        if assignment.array || assignment.element {
            value = Value::Stable(String::new()).then(value);
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
                (Value::Run(reason), _) | (_, Value::Run(reason)) => Value::Run(reason),
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

    /// The operands and operators of a test.
    pub(super) fn test(&mut self, words: &[Value]) {
        for (at, word) in words.iter().enumerate() {
            self.needs(word);
            let Some(operand) = words.get(at + 1).cloned() else {
                continue;
            };
            match word.known().unwrap_or_default() {
                "-e" | "-f" | "-d" | "-r" | "-w" | "-x" | "-s" | "-L" | "-h" | "-S" | "-p"
                | "-b" | "-c" | "-u" | "-g" | "-k" | "-O" | "-G" | "-N" | "-a"
                    if is_operator(words, at) =>
                {
                    self.read(&operand);
                }
                "-v" | "-R" => {
                    if let Some(name) = operand.known() {
                        let value = self.variable(name);
                        self.needs(&value);
                    }
                }
                "-t" => self
                    .facts
                    .has_to_run("it asks for a terminal", Confidence::High),
                "-nt" | "-ot" | "-ef" => {
                    self.facts
                        .has_to_run("it compares the times of files", Confidence::High);
                }
                _ => {}
            }
        }
    }
}

/// Whether an operator about files stands where one can stand, and is no operand.
fn is_operator(words: &[Value], at: usize) -> bool {
    let before = at
        .checked_sub(1)
        .and_then(|before| words.get(before)?.known());
    words.len() - at == 2
        || at == 0
        || matches!(before, Some("!" | "&&" | "||" | "(" | "-a" | "-o"))
}

/// The names in an arithmetic expression.
fn identifiers(text: &str) -> Vec<&str> {
    let other = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let words = text.split(other);
    words
        .filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
        .collect()
}
