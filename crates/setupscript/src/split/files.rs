//! Commands that make, change and remove files.

use super::Confidence;
use super::place::{Class, class};
use super::reader::Reader;
use super::value::Value;
use crate::construct::Context;

/// Arguments that are no options. Those of `with_value` have a value behind them.
fn operands(arguments: &[Value], with_value: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    let mut skip = false;
    let mut all = false;
    for argument in arguments {
        let text = argument.known().unwrap_or("x");
        if std::mem::take(&mut skip) {
            continue;
        }
        if !all && text == "--" {
            all = true;
        } else if !all && text.starts_with('-') && text.len() > 1 {
            skip = with_value.contains(&text);
        } else {
            found.push(argument.clone());
        }
    }
    found
}

/// The value of an option, behind it or joined to it.
pub(super) fn option(arguments: &[Value], names: &[&str]) -> Option<Value> {
    for (at, argument) in arguments.iter().enumerate() {
        let Some(text) = argument.known() else {
            continue;
        };
        for name in names {
            if text == *name {
                return arguments.get(at + 1).cloned();
            }
            if let Some(rest) = text.strip_prefix(name)
                && (name.len() == 2 || rest.starts_with('='))
                && !(name.len() == 2 && name.starts_with("--"))
            {
                let rest = if name.len() > 2 { &rest[1..] } else { rest };
                return Some(Value::Known(rest.to_owned()));
            }
        }
    }
    None
}

impl Reader<'_> {
    /// Whether it is such a command.
    pub(super) fn file_command(
        &mut self,
        name: &str,
        arguments: &[Value],
        context: &Context,
    ) -> bool {
        let reference = |value: &Value| {
            value.beginning().starts_with("--reference")
                || matches!(name, "touch" | "truncate") && value.known() == Some("-r")
        };
        if arguments.iter().any(reference) {
            self.facts
                .not_understood("a command with a file for reference");
            return true;
        }
        match name {
            "mkdir" => {
                for folder in operands(arguments, &["-m"]) {
                    self.make_folder(&folder);
                }
            }
            "touch" => self.write_all(
                &operands(arguments, &["-d", "-t", "-r"]),
                "it writes into a system folder",
            ),
            "rm" | "rmdir" | "unlink" => {
                self.facts.removes = true;
                self.write_all(&operands(arguments, &[]), "it removes from a system folder");
            }
            "chmod" | "chown" | "chgrp" => {
                let operands = operands(arguments, &[]);
                let reason = "it sets permissions in a system folder";
                self.write_all(operands.get(1..).unwrap_or_default(), reason);
            }
            "truncate" => self.write_all(
                &operands(arguments, &["-s"]),
                "it writes into a system folder",
            ),
            "tee" => self.write_all(
                &operands(arguments, &[]),
                "it writes the same into a system folder each time",
            ),
            "cp" | "mv" | "ln" | "install" => self.move_or_copy(name, arguments),
            "tar" => self.unpack_tar(arguments),
            "unzip" => {
                let operands = operands(arguments, &["-d", "-x"]);
                for archive in operands.iter().take(1) {
                    self.read(archive);
                }
                let into = option(arguments, &["-d"]).unwrap_or(Value::Known(".".to_owned()));
                self.write(&into);
                self.uses(context);
            }
            "gzip" | "gunzip" | "xz" | "unxz" | "bzip2" | "bunzip2" | "zstd" => {
                let files = operands(arguments, &[]);
                self.write_all(&files, "it unpacks in a system folder");
                for file in &files {
                    self.read(file);
                    // What it makes of it has another name.
                    let place = self.place(file);
                    if let Some((folder, _)) = place.rsplit_once('/') {
                        self.facts.writes.push(folder.to_owned());
                    }
                }
            }
            "ls" | "stat" | "readlink" | "realpath" | "find" | "file" => self.look(name, arguments),
            _ => return false,
        }
        true
    }

    fn look(&mut self, name: &str, arguments: &[Value]) {
        let runs = ["-exec", "-execdir", "-delete", "-ok", "-fprint"];
        let words: Vec<&str> = arguments.iter().filter_map(Value::known).collect();
        if words.iter().any(|word| runs.contains(word)) {
            return self.facts.not_understood("find with an action");
        }
        let paths = arguments.iter().take_while(|value| {
            name != "find" || !value.known().unwrap_or_default().starts_with('-')
        });
        let paths: Vec<Value> = paths.cloned().collect();
        let paths = operands(&paths, &["-c", "-f"]);
        if paths.is_empty() {
            self.read(&Value::Known(".".to_owned()));
        }
        for path in paths {
            self.read(&path);
        }
        self.facts.has_to_run(
            format!("{name} tells the state of files"),
            Confidence::Medium,
        );
    }

    fn make_folder(&mut self, folder: &Value) {
        let place = self.place(folder);
        match class(&place) {
            // It makes no difference to anybody whether a folder is made early.
            Class::System | Class::Home => {
                self.needs(folder);
                self.facts.can_be_cached(
                    "it makes a folder that is always the same",
                    Confidence::High,
                );
                self.facts.writes.push(place);
            }
            _ => self.write(folder),
        }
    }

    fn write_all(&mut self, places: &[Value], reason: &str) {
        for place in places {
            self.write(place);
        }
        if !places.is_empty() && self.facts.run.is_none() {
            self.facts.cached = Some(super::Why::new(reason, Confidence::High));
        }
    }

    fn move_or_copy(&mut self, name: &str, arguments: &[Value]) {
        let into = option(arguments, &["-t", "--target-directory"]);
        let mut operands = operands(
            arguments,
            &["-t", "--target-directory", "-m", "-o", "-g", "-S"],
        );
        let makes_folders = name == "install"
            && arguments
                .iter()
                .filter_map(Value::known)
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('d'));
        if makes_folders {
            for folder in operands {
                self.make_folder(&folder);
            }
            return;
        }
        let target = match into {
            Some(target) => Some(target),
            None if operands.len() > 1 => operands.pop(),
            None => None,
        };
        let Some(target) = target else {
            return self.facts.not_understood(name);
        };
        let link = name == "ln";
        let symbolic = arguments.iter().filter_map(Value::known).any(|word| {
            word == "--symbolic"
                || (word.starts_with('-') && !word.starts_with("--") && word.contains('s'))
        });
        for from in &operands {
            self.needs(from);
            if link {
                // A link can be made before what it points to.
                let place = self.place(from);
                let text = from.known().unwrap_or_default();
                let beside = symbolic && !text.is_empty() && !text.starts_with(['/', '~', '.']);
                if !beside && !matches!(class(&place), Class::System) {
                    self.facts.has_to_run(
                        "its link leads out of the system folders",
                        Confidence::Medium,
                    );
                }
                if !symbolic {
                    self.read(from);
                }
            } else {
                self.read(from);
            }
            if name == "mv" {
                self.facts.removes = true;
                self.write(from);
            }
        }
        let reason = if link {
            "it links in a system folder"
        } else {
            "it puts files into a system folder"
        };
        self.write_all(&[target], reason);
    }

    fn unpack_tar(&mut self, arguments: &[Value]) {
        let words: Vec<&str> = arguments
            .iter()
            .map(|value| value.known().unwrap_or("?"))
            .collect();
        let first = words.first().copied().unwrap_or_default();
        let mut bundle = first.trim_start_matches('-').to_owned();
        for word in &words[1.min(words.len())..] {
            if word.starts_with('-') && !word.starts_with("--") {
                bundle.push_str(&word[1..]);
            }
        }
        let extracts = bundle.contains('x') || words.contains(&"--extract");
        let long = [
            "--extract",
            "--file",
            "--directory",
            "--strip-components",
            "--no-same-owner",
            "--gzip",
            "--xz",
            "--zstd",
            "--bzip2",
            "--overwrite",
            "--exclude",
            "--no-same-permissions",
        ];
        let unknown = |word: &&str| {
            let name = word.split('=').next().unwrap_or_default();
            word.starts_with("--") && !long.contains(&name)
        };
        let letters = |letter: char| "xzjJfvCpomkhd-".contains(letter);
        if !extracts || words.iter().any(unknown) || !bundle.chars().all(letters) {
            return self.facts.not_understood("tar with more than extracting");
        }
        let file = match words.iter().position(|word| {
            *word == "-f"
                || (!word.starts_with("--")
                    && word.ends_with('f')
                    && (word.starts_with('-') || *word == first))
        }) {
            Some(at) => arguments.get(at + 1).cloned(),
            None => option(arguments, &["--file"]),
        };
        if let Some(file) = file
            && file.known() != Some("-")
        {
            self.read(&file);
        }
        let into = option(arguments, &["-C", "--directory"]);
        let into = into.unwrap_or(Value::Known(".".to_owned()));
        self.write_all(&[into], "it unpacks into a system folder");
    }
}
