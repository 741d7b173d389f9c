//! Reads a construct: its words with what is known of the shell, and what it does to files and variables.

use std::collections::{BTreeMap, BTreeSet};

use super::Confidence;
use super::facts::Facts;
use super::folder::Folders;
use super::shell::Shell;
use super::value::{Value, holds_credential};
use super::variables::identifiers;
use crate::construct::{Command, Construct, Context, Form, Kind, RedirectKind};
use crate::word::{Piece, Word};

/// Functions that call functions, at most so deep.
const DEEPEST: usize = 6;
/// Commands that are looked at for one construct, those of called functions included.
const MOST: usize = 500;

/// Reads one construct.
pub(super) struct Reader<'a> {
    pub(super) shell: &'a Shell,
    pub(super) task_variables: &'a [String],
    pub(super) facts: Facts,
    /// What the command that is being read gets besides the variables of the shell.
    pub(super) given: BTreeMap<String, Value>,
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
    pub(super) folders: Folders,
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
        given: BTreeMap::new(),
        own: BTreeMap::new(),
        locals: BTreeSet::new(),
        arguments: None,
        output: None,
        alone: construct.kind == Kind::Subshell,
        folders: shell.folders.clone(),
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
                nested: command.context.nested
                    || outer.nested
                    || (command.context.subshell && outer.subshell),
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
        let given = command.redirects.iter().map(|redirect| &redirect.target);
        let texts = command.words.iter().chain(given).map(|word| &word.text);
        self.facts.credential |= texts.into_iter().any(|text| holds_credential(text));
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
