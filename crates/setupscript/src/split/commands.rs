//! Simple commands: which there are, and what each does.

mod filters;

use super::Confidence;
use super::place::ANYWHERE;
use super::reader::Reader;
use super::value::Value;
use crate::construct::{Command, Context};
use crate::word::Piece;

/// Programs of every base system that print something of their input and change nothing.
const FILTERS: [&str; 25] = [
    "cat",
    "grep",
    "egrep",
    "fgrep",
    "sed",
    "awk",
    "mawk",
    "cut",
    "tr",
    "head",
    "tail",
    "sort",
    "uniq",
    "wc",
    "rev",
    "tac",
    "basename",
    "dirname",
    "seq",
    "expr",
    "sha256sum",
    "sha512sum",
    "md5sum",
    "base64",
    "cmp",
];
/// Programs that say what the image is.
const IDENTITY: [&str; 8] = [
    // Says the same for ever.
    "yes",
    "uname",
    "id",
    "arch",
    "whoami",
    "getconf",
    "lsb_release",
    "nocache",
];
/// Programs whose answer is another one at every start.
const CHANGING: [&str; 22] = [
    "date", "hostname", "nproc", "free", "df", "ps", "uptime", "mktemp", "uuidgen", "env",
    "printenv", "ip", "ping", "tty", "tput", "stty", "clear", "pwd", "du", "lscpu", "pgrep",
    "locale",
];

/// The words that a variable without quotes becomes. `alone` says whether nothing else stands in its word.
fn split_up(text: &str, alone: bool) -> Vec<Value> {
    let plain = |word: &str| match word.find(['*', '?', '[']) {
        Some(at) => Value::Stable(word[..at].to_owned()),
        None => Value::Known(word.to_owned()),
    };
    let words: Vec<Value> = text.split_ascii_whitespace().map(plain).collect();
    match words.len() {
        0 if alone => Vec::new(),
        0 | 1 => words,
        _ if alone => words,
        _ => vec![Value::Stable(String::new())],
    }
}

impl Reader<'_> {
    /// A simple command. Whether what it prints is the same in the image and at every start.
    pub(super) fn simple(&mut self, command: &Command, context: &Context) -> bool {
        if command.words.is_empty() {
            let mut constant = true;
            for assignment in &command.assignments {
                self.assignment(assignment, context);
                constant &= !matches!(self.own.get(&assignment.name), Some(Value::Run(_)));
            }
            return constant;
        }
        let declares = matches!(
            command.name(),
            Some("export" | "declare" | "typeset" | "readonly" | "local")
        );
        self.given.clear();
        if !declares {
            for assignment in &command.assignments {
                let of_read = assignment.name == "IFS" && command.name() == Some("read");
                if matches!(assignment.name.as_str(), "HOME" | "PATH" | "IFS") && !of_read {
                    self.facts
                        .not_understood("a command with its own HOME, PATH or IFS");
                }
                for word in &assignment.values {
                    let value = self.value(word);
                    self.needs(&value);
                    self.given.insert(assignment.name.clone(), value);
                }
            }
        }
        let mut words: Vec<Value> = Vec::new();
        for (number, word) in command.words.iter().enumerate() {
            if let [Piece::Text(_), Piece::Variable { name, .. }] | [Piece::Variable { name, .. }] =
                word.pieces.as_slice()
            {
                if name == "@"
                    && let Some(arguments) = &self.arguments
                {
                    words.extend(arguments.iter().cloned());
                    continue;
                }
                // Whether somebody else is needed is no difference in what is done.
                let value = self.variable(name);
                if number == 0
                    && name.eq_ignore_ascii_case("sudo")
                    && !matches!(value, Value::Run(_))
                {
                    continue;
                }
            }
            let value = if declares && number > 0 {
                Value::Known(word.text.clone())
            } else {
                self.value(word)
            };
            let bare = word
                .pieces
                .iter()
                .any(|piece| matches!(piece, Piece::Variable { bare: true, .. }));
            match value {
                Value::Known(text) if bare => words.extend(split_up(&text, word.pieces.len() == 1)),
                value => words.push(value),
            }
        }
        // A variable without a value is no word.
        while words.first().and_then(Value::known) == Some("") {
            words.remove(0);
        }
        if !declares {
            for word in &words {
                self.needs(word);
            }
        }
        let Some(first) = words.first() else {
            return true;
        };
        let Some(name) = first.known().map(str::to_owned) else {
            self.facts
                .not_understood("a command whose name is not written out");
            return false;
        };
        let arguments = words[1..].to_vec();
        self.named(&name, &arguments, command, context)
    }

    /// A command by its name, behind wrappers such as `sudo`.
    pub(super) fn named(
        &mut self,
        name: &str,
        arguments: &[Value],
        command: &Command,
        context: &Context,
    ) -> bool {
        if self.call(name, arguments, context) {
            return false;
        }
        let inner =
            |from: usize, reader: &mut Self| match arguments.get(from).and_then(Value::known) {
                Some(name) => {
                    let name = name.to_owned();
                    reader.named(&name, &arguments[from + 1..], command, context)
                }
                None => {
                    reader
                        .facts
                        .not_understood("a command whose name is not written out");
                    false
                }
            };
        let word = |at: usize| arguments.get(at).and_then(Value::known).unwrap_or_default();
        match name {
            "sudo" => {
                let options = arguments
                    .iter()
                    .map(|value| value.known().unwrap_or_default());
                let skipped = options
                    .take_while(|word| word.starts_with('-') || word.contains('='))
                    .count();
                if (0..skipped).any(|at| {
                    !matches!(word(at), "-E" | "-H" | "-n" | "-EH" | "-HE" | "--")
                        && !word(at).contains('=')
                }) {
                    self.facts.not_understood("a command for another user");
                    return false;
                }
                return inner(skipped, self);
            }
            "env" if word(0).contains('=') => {
                let assigned = arguments
                    .iter()
                    .map(|value| value.known().unwrap_or_default());
                return inner(assigned.take_while(|word| word.contains('=')).count(), self);
            }
            "builtin" | "nohup" | "time" => return inner(0, self),
            "command" if !word(0).starts_with('-') => return inner(0, self),
            "timeout" if !word(0).starts_with('-') => return inner(1, self),
            "nice" | "ionice" if !word(0).starts_with('-') => return inner(0, self),
            _ => {}
        }
        if let Some(constant) = self.builtin(name, arguments, command, context) {
            return constant;
        }
        let folders = ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"];
        let base = folders
            .iter()
            .find_map(|folder| name.strip_prefix(folder))
            .unwrap_or(name);
        self.program(base, arguments, context)
    }

    fn program(&mut self, name: &str, arguments: &[Value], context: &Context) -> bool {
        let constant = self.known_program(name, arguments, context);
        name.clone_into(&mut self.last_program);
        constant
    }

    fn known_program(&mut self, name: &str, arguments: &[Value], context: &Context) -> bool {
        if IDENTITY.contains(&name) {
            return self.identity(name, arguments);
        }
        if name == "dpkg"
            && arguments.first().and_then(Value::known) == Some("--print-architecture")
        {
            return true;
        }
        if name == "env" && !arguments.is_empty() {
            self.facts
                .not_understood("a command in another environment");
            return false;
        }
        if CHANGING.contains(&name) {
            self.facts.acts = true;
            if matches!(name, "du" | "df" | "locale" | "free" | "ps" | "pgrep") {
                self.facts.reads.push(ANYWHERE.to_owned());
            }
            let reason = format!("{name} gives another answer at every start");
            self.facts.has_to_run(reason, Confidence::High);
            return false;
        }
        if FILTERS.contains(&name) {
            self.filter(name, arguments);
            return self.output.is_none();
        }
        if self.file_command(name, arguments, context) || self.installer(name, arguments, context) {
            return false;
        }
        self.uses(context);
        match name {
            "git" => self.git(arguments),
            "service" | "systemctl" | "rc-service" | "initctl" => {
                self.facts.acts = true;
                self.facts
                    .has_to_run("it is about a service that runs", Confidence::High);
                for place in ["/run", "/var", "/etc", "/tmp"] {
                    self.facts.writes.push(place.to_owned());
                    self.facts.reads.push(place.to_owned());
                }
            }
            "gh" | "aws" | "gcloud" | "az" | "ssh-keygen" | "ssh-add" | "ssh-agent" | "vault"
            | "op" | "pass" | "ssh" | "scp" => {
                self.facts.acts = true;
                self.facts
                    .has_to_run("it is about credentials", Confidence::High);
                self.facts.opaque = true;
            }
            _ => self.facts.not_understood(name),
        }
        false
    }

    /// A program that says what the image is. Whether it says nothing of the machine.
    fn identity(&mut self, name: &str, arguments: &[Value]) -> bool {
        let asked = arguments.iter().map(Value::beginning);
        let machine = match name {
            "uname" => asked
                .clone()
                .any(|word| !matches!(word, "-m" | "-s" | "-p" | "-i" | "-o" | "-sm" | "-ms")),
            "getconf" => asked.clone().any(|word| word.contains("NPROC")),
            _ => false,
        };
        if machine {
            let reason = format!("{name} tells about the machine, and not about the image");
            self.facts.has_to_run(reason, Confidence::High);
        }
        if name == "id" && asked.clone().any(|word| !word.starts_with('-')) {
            for file in ["/etc/passwd", "/etc/group"] {
                self.facts.reads.push(file.to_owned());
            }
        }
        !machine
    }

    /// It runs a program that the base system may not have.
    pub(super) fn uses(&mut self, context: &Context) {
        self.facts.uses = true;
        if context.masked || context.conditional {
            self.facts.uses_unnoticed = true;
        }
    }

    /// Git's state is that of the task.
    fn git(&mut self, arguments: &[Value]) {
        self.facts.acts = true;
        self.facts
            .has_to_run("it is about git's state", Confidence::High);
        let words: Vec<&str> = arguments.iter().map(Value::beginning).collect();
        let verb = words
            .iter()
            .find(|word| !word.starts_with('-'))
            .copied()
            .unwrap_or_default();
        let places: Vec<String> = match verb {
            "config" if words.contains(&"--global") => vec!["~/.gitconfig".to_owned()],
            "config" if words.contains(&"--system") => vec!["/etc/gitconfig".to_owned()],
            "clone" => {
                let address = |value: &Value| {
                    let text = value.beginning();
                    text.contains("://") || text.contains('@') || text.ends_with(".git")
                };
                let at = arguments.iter().position(address);
                let into = at.and_then(|at| arguments.get(at + 1));
                let place = match (at, into) {
                    (None, _) => ANYWHERE.to_owned(),
                    (_, Some(into)) if !into.beginning().starts_with('-') => self.place(into),
                    _ => self.place(&Value::Known(".".to_owned())),
                };
                vec![place, "~/.gitconfig".to_owned()]
            }
            _ => {
                let plain = matches!(verb, "config" | "status" | "rev-parse" | "describe" | "log");
                self.facts.opaque = !plain || words.contains(&"-f") || words.contains(&"--file");
                let here = self.place(&Value::Known(".".to_owned()));
                vec![here, "~/.gitconfig".to_owned()]
            }
        };
        self.facts.writes.extend(places.iter().cloned());
        self.facts.reads.extend(places);
    }
}
