//! The three forms of a command, as a shell runs them.
//!
//! | form | meaning |
//! |---|---|
//! | a string | a program for a shell, in a shell of its own |
//! | an array | a program and its arguments; no shell reads them |
//! | an object | commands with names, side by side; all have to succeed |

use super::DevcontainerError;
use super::document::{Node, Shape};
use super::variables::{Known, Substituted, substitute};

/// A command, with what is known put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Shell(Substituted),
    Program(Vec<Substituted>),
    Together(Vec<(String, Command)>),
}

/// What a shell understands by itself, so that a program of that name is only found by `exec`.
const OWN_WORDS: &[&str] = &[
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "for",
    "while",
    "until",
    "do",
    "done",
    "case",
    "esac",
    "in",
    "function",
    "time",
    "select",
    "coproc",
];

impl Command {
    /// Reads a command of one of the three forms; nothing if there is none.
    pub(super) fn read(
        field: &str,
        node: &Node,
        known: &Known,
        text: &str,
    ) -> Result<Option<Self>, DevcontainerError> {
        match &node.value {
            Shape::Object(fields) => {
                let mut together = Vec::new();
                for (name, node) in fields {
                    let field = format!("{field}.{name}");
                    if let Some(command) = Self::one(&field, node, known, text)? {
                        together.push((name.clone(), command));
                    }
                }
                Ok((!together.is_empty()).then_some(Self::Together(together)))
            }
            _ => Self::one(field, node, known, text),
        }
    }

    fn one(
        field: &str,
        node: &Node,
        known: &Known,
        text: &str,
    ) -> Result<Option<Self>, DevcontainerError> {
        let wrong = |node: &Node, needed| DevcontainerError::wrong(text, field, node, needed);
        match &node.value {
            Shape::Null => Ok(None),
            Shape::Text(command) if says_nothing(command) => Ok(None),
            Shape::Text(command) => {
                refuse_nul(field, node, text, command)?;
                Ok(Some(Self::Shell(substitute(command, known))))
            }
            Shape::List(words) if words.is_empty() => Ok(None),
            Shape::List(words) => {
                let mut program = Vec::new();
                for word in words {
                    let value = word
                        .text()
                        .ok_or_else(|| wrong(word, "an array of strings"))?;
                    refuse_nul(field, word, text, value)?;
                    program.push(substitute(value, known));
                }
                Ok(Some(Self::Program(program)))
            }
            _ => Err(wrong(
                node,
                "a string, an array of strings or an object of these",
            )),
        }
    }

    /// Lines of a shell's program that run it and end the program if it fails.
    pub(super) fn lines(&self) -> String {
        match self {
            Self::Together(commands) => together(commands),
            one => format!("{} || exit\n", one.call()),
        }
    }

    /// It, as one command of a shell.
    fn call(&self) -> String {
        match self {
            Self::Shell(text) => format!("(\n{}\n)", text.shell()),
            Self::Program(words) => program(words),
            Self::Together(commands) => format!("(\n{})", together(commands)),
        }
    }

    /// Every text that it holds.
    pub(super) fn texts(&self) -> Vec<&Substituted> {
        match self {
            Self::Shell(text) => vec![text],
            Self::Program(words) => words.iter().collect(),
            Self::Together(commands) => commands.iter().flat_map(|(_, c)| c.texts()).collect(),
        }
    }
}

/// Whether a shell has nothing to do for it. There is no group of commands without one.
fn says_nothing(command: &str) -> bool {
    let mut lines = command.lines().map(str::trim);
    lines.all(|line| line.is_empty() || line.starts_with('#'))
}

fn refuse_nul(field: &str, node: &Node, text: &str, value: &str) -> Result<(), DevcontainerError> {
    if value.contains('\0') {
        return Err(DevcontainerError::wrong(
            text,
            field,
            node,
            "a command without NUL characters",
        ));
    }
    Ok(())
}

fn program(words: &[Substituted]) -> String {
    let line: Vec<String> = words.iter().map(Substituted::word).collect();
    let line = line.join(" ");
    let first = words.first().and_then(Substituted::literal);
    // A word with a `=` would set a variable, unless it is quoted.
    let plain = first.is_some_and(|first| {
        !OWN_WORDS.contains(&first.as_str()) && !first.contains('=') && !first.is_empty()
    });
    if plain {
        line
    } else {
        format!("( exec {line} )")
    }
}

/// Starts the commands side by side and waits for each.
fn together(commands: &[(String, Command)]) -> String {
    let mut text = String::new();
    for (number, (name, command)) in commands.iter().enumerate() {
        let name: String = name
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        text.push_str(&format!(
            "# {name}\n{} & started_{number}=$!\n",
            command.call()
        ));
    }
    text.push_str("failed=0\n");
    for number in 0..commands.len() {
        text.push_str(&format!("wait \"$started_{number}\" || failed=$?\n"));
    }
    text.push_str("[ \"$failed\" = 0 ] || exit \"$failed\"\n");
    text
}
