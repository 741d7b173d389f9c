//! Commands that install packages.

mod known;
mod origin;

use super::Confidence;
use super::files::option;
use super::place::{Class, class, place};
use super::reader::Reader;
use super::shell::influences_tools;
use super::value::Value;
use crate::construct::Context;
use known::{MANAGERS, SETUP, SYSTEM_MANAGERS};
use origin::{is_file_for_setup, is_local};

/// Where package managers write.
const SYSTEM: [&str; 6] = ["/usr", "/etc", "/var", "/opt", "/srv", "/boot"];

impl Reader<'_> {
    /// Whether it is such a command.
    pub(super) fn installer(&mut self, name: &str, arguments: &[Value], context: &Context) -> bool {
        let words: Vec<&str> = arguments.iter().map(Value::beginning).collect();
        let verbs: Vec<&str> = words
            .iter()
            .copied()
            .filter(|word| !word.starts_with('-') || word.len() < 3 && name.starts_with('y'))
            .collect();
        let said = |verb: &str| {
            let parts: Vec<&str> = verb.split(' ').collect();
            verbs.starts_with(&parts) || words.starts_with(&parts)
        };
        if let Some((_, known)) = SYSTEM_MANAGERS.iter().find(|(manager, _)| *manager == name) {
            if known.iter().any(|verb| {
                said(verb) || (name == "apt-get" || name == "apt") && verbs.contains(verb)
            }) {
                self.install(name, &words, &[], Confidence::High);
            } else {
                self.facts.not_understood(name);
            }
            return true;
        }
        if name == "pacman" || name == "makepkg" {
            if words
                .iter()
                .any(|word| word.starts_with("-S") || word.starts_with("-R"))
            {
                self.install(name, &words, &[], Confidence::High);
            } else {
                self.facts.not_understood(name);
            }
            return true;
        }
        if matches!(name, "python" | "python3") && words.starts_with(&["-m", "pip"]) {
            return self.installer("pip", &arguments[2..], context);
        }
        if SETUP.contains(&name) {
            for value in arguments {
                if is_file_for_setup(name, value) {
                    self.read(value);
                }
            }
            if matches!(name, "useradd" | "usermod" | "adduser") {
                self.facts.writes.push("~".to_owned());
            }
            self.install_into_system(name, Confidence::Medium);
            return true;
        }
        if let Some(manager) = MANAGERS
            .iter()
            .find(|manager| manager.names.contains(&name))
        {
            self.uses(context);
            self.facts.reads_environment = true;
            self.led_elsewhere();
            let global = match name {
                "npm" | "pnpm" => words
                    .iter()
                    .any(|word| matches!(*word, "-g" | "--global" | "--location=global")),
                _ => true,
            };
            if global && manager.verbs.iter().any(|verb| said(verb)) {
                self.install(name, &words, manager.home, Confidence::Medium);
            } else {
                self.in_project(name, manager.home);
            }
            return true;
        }
        match name {
            "curl" | "wget" => self.fetch(name, arguments, &words, context),
            "gpg" => {
                if words.contains(&"--dearmor") {
                    if let Some(output) = option(arguments, &["-o", "--output"]) {
                        self.write(&output);
                    }
                    self.uses(context);
                } else {
                    self.facts.opaque = true;
                    self.facts
                        .has_to_run("it is about keys", Confidence::Medium);
                }
            }
            "sh" | "bash" => self.installer_script(&words, context),
            _ => return false,
        }
        true
    }

    /// Variables may lead an installer out of the image.
    fn led_elsewhere(&mut self) {
        let exported = self.shell.variables.iter().filter(|(name, _)| {
            influences_tools(name)
                && (self.shell.exported.contains(*name) || name.as_str() == "PATH")
        });
        let found = exported.chain(&self.given).find_map(|(name, value)| {
            let mut parts = value.beginning().split(':');
            let leads = |part: &str| {
                part.starts_with(['/', '.'])
                    && !matches!(
                        class(&place(part, true)),
                        Class::System | Class::Home | Class::Nothing
                    )
            };
            parts.any(leads).then(|| name.clone())
        });
        if let Some(name) = found {
            let reason = format!("{name} leads it to a folder that may be mounted");
            self.facts.has_to_run(reason, Confidence::High);
        }
    }

    /// A project's own packages.
    fn in_project(&mut self, name: &str, home: &[&str]) {
        self.facts.acts = true;
        let reason =
            format!("{name} works in the folder where it is started, or is not known to install");
        self.facts.has_to_run(reason, Confidence::Medium);
        let here = self.place(&Value::Known(".".to_owned()));
        for place in home.iter().copied().chain([here.as_str()]) {
            self.facts.reads.push(place.to_owned());
            self.facts.writes.push(place.to_owned());
        }
    }

    fn install(&mut self, name: &str, words: &[&str], home: &[&str], confidence: Confidence) {
        if is_local(name, words) {
            self.in_project(name, home);
            for place in SYSTEM {
                self.facts.writes.push(place.to_owned());
            }
            self.facts.installs = true;
            return;
        }
        for place in home {
            self.facts.reads.push((*place).to_owned());
            self.facts.writes.push((*place).to_owned());
        }
        self.install_into_system(name, confidence);
    }

    fn install_into_system(&mut self, name: &str, confidence: Confidence) {
        for place in SYSTEM {
            self.facts.reads.push(place.to_owned());
            self.facts.writes.push(place.to_owned());
        }
        self.facts.installs = true;
        self.facts
            .can_be_cached(format!("{name} installs into the image"), confidence);
    }

    /// A shell that is given a script from somewhere.
    fn installer_script(&mut self, words: &[&str], context: &Context) {
        let script = words.iter().find(|word| !word.starts_with('-'));
        let from_input = context.fed
            && (script.is_none() || words.first() == Some(&"-s") || words.contains(&"-s"));
        let fetched = matches!(self.last_program.as_str(), "curl" | "wget");
        if !from_input || !fetched || words.contains(&"-c") {
            return self.facts.not_understood("another script");
        }
        self.facts.reads_environment = true;
        self.led_elsewhere();
        let elsewhere = |word: &&str| {
            let path = word.split_once('=').map_or(*word, |(_, path)| path);
            path.starts_with(['/', '.'])
                && !matches!(class(&place(path, true)), Class::System | Class::Home)
        };
        if words.iter().any(elsewhere) {
            self.facts.has_to_run(
                "it installs into a folder that may be mounted",
                Confidence::Medium,
            );
        }
        for place in SYSTEM.iter().chain(&["~"]) {
            self.facts.reads.push((*place).to_owned());
            self.facts.writes.push((*place).to_owned());
        }
        self.facts.installs = true;
        self.facts.can_be_cached(
            "a script from the network is taken to install",
            Confidence::Low,
        );
    }
}
