//! Reading a command line by the tables, as pflag and cobra do.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::tables::{Node, root};
use super::{Command, Flag, Foreign, Program, Takes, Used};

/// Says what a command line means; its words are those after the program's name.
///
/// # Errors
/// [`Foreign`] if a flag is not known, or its value is missing: nobody can say then what the other words are.
pub fn parse(program: Program, words: &[OsString]) -> Result<Command, Foreign> {
    let mut scan = Scan {
        words,
        at: 0,
        name: program_name(program).to_owned(),
        command: Command {
            path: Vec::new(),
            path_at: Vec::new(),
            is_compose: program == Program::Compose,
            flags: Vec::new(),
            args: Vec::new(),
            end_of_flags: None,
        },
    };
    scan.level(root(program))?;
    Ok(scan.command)
}

fn program_name(program: Program) -> &'static str {
    match program {
        Program::Docker => "docker",
        Program::Buildx => "docker-buildx",
        Program::Compose => "docker-compose",
    }
}

struct Scan<'a> {
    words: &'a [OsString],
    at: usize,
    /// The command so far, for errors.
    name: String,
    command: Command,
}

impl Scan<'_> {
    /// One level of the command tree, and those below it.
    fn level(&mut self, node: &'static Node) -> Result<(), Foreign> {
        while let Some(word) = self.words.get(self.at) {
            let bytes = word.as_bytes();
            if bytes == b"--" {
                self.command.end_of_flags = Some(self.at);
                self.at += 1;
                break;
            } else if let Some(long) = bytes.strip_prefix(b"--") {
                self.long(node, long)?;
            } else if bytes.len() > 1 && bytes[0] == b'-' {
                self.shorts(node, bytes)?;
            } else if let Some(child) = node.child(bytes) {
                self.command.is_compose |= child.names[0] == "compose";
                self.command.path.push(child.names[0]);
                self.command.path_at.push(self.at);
                self.name = format!("{} {}", self.name, child.names[0]);
                self.at += 1;
                return self.level(child);
            } else if node.mixes() {
                self.command.args.push(self.at);
                self.at += 1;
            } else {
                break;
            }
        }
        self.command.args.extend(self.at..self.words.len());
        self.at = self.words.len();
        Ok(())
    }

    fn long(&mut self, node: &Node, word: &[u8]) -> Result<(), Foreign> {
        let equals = word.iter().position(|byte| *byte == b'=');
        let name = &word[..equals.unwrap_or(word.len())];
        let Some(flag) = node.flags().find(|flag| flag.long.as_bytes() == name) else {
            return Err(self.foreign(&[b"--", name].concat()));
        };
        let first = self.at;
        self.at += 1;
        let (value, value_at) = match (equals, flag.takes) {
            (Some(at), _) => (Some(owned(&word[at + 1..])), at + 3),
            (None, Takes::Nothing) => (None, 0),
            (None, Takes::Value) => (Some(self.next(flag)?), 0),
        };
        self.used(flag, first, value, value_at);
        Ok(())
    }

    /// `-abc`, `-avalue`, `-a=value`, `-a value`.
    fn shorts(&mut self, node: &Node, word: &[u8]) -> Result<(), Foreign> {
        let first = self.at;
        self.at += 1;
        let mut at = 1;
        while let Some(&letter) = word.get(at) {
            let Some(flag) = node.flags().find(|flag| flag.short == letter) else {
                return Err(self.foreign(&word[..=at]));
            };
            let rest = &word[at + 1..];
            // pflag takes `=` for part of the value if nothing follows it.
            let joined = rest.len() > 1 && rest[0] == b'=';
            let (value, value_at) = match (joined, flag.takes) {
                (true, _) => (Some(owned(&rest[1..])), at + 2),
                (false, Takes::Nothing) => {
                    self.used(flag, first, None, 0);
                    at += 1;
                    continue;
                }
                (false, Takes::Value) if !rest.is_empty() => (Some(owned(rest)), at + 1),
                (false, Takes::Value) => (Some(self.next(flag)?), 0),
            };
            self.used(flag, first, value, value_at);
            return Ok(());
        }
        Ok(())
    }

    fn next(&mut self, flag: &Flag) -> Result<OsString, Foreign> {
        let word = self.words.get(self.at).ok_or_else(|| Foreign::NoValue {
            command: self.name.clone(),
            flag: flag.long,
        })?;
        self.at += 1;
        Ok(word.clone())
    }

    fn used(&mut self, flag: &Flag, first: usize, value: Option<OsString>, value_at: usize) {
        self.command.flags.push(Used {
            flag: flag.long,
            value,
            words: first..self.at,
            value_at,
        });
    }

    fn foreign(&self, flag: &[u8]) -> Foreign {
        Foreign::Flag {
            command: self.name.clone(),
            flag: OsStr::from_bytes(flag).to_string_lossy().into_owned(),
        }
    }
}

fn owned(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}
