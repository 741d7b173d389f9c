//! Commands that install packages and fetch files.

use super::files::option;
use super::reader::Reader;
use super::value::Value;
use super::{Confidence, Why};
use crate::construct::Context;

/// Where package managers write.
const SYSTEM: [&str; 6] = ["/usr", "/etc", "/var", "/opt", "/srv", "/boot"];

/// A manager of packages of one language: its command, words of which the first arguments have one, the folders
/// that it has at home.
struct Manager {
    names: &'static [&'static str],
    verbs: &'static [&'static str],
    home: &'static [&'static str],
}

const MANAGERS: [Manager; 11] = [
    Manager {
        names: &["pip", "pip3", "pipx"],
        verbs: &["install", "uninstall", "upgrade", "inject"],
        home: &["~/.local", "~/.cache", "~/.config/pip", "~/.pip"],
    },
    Manager {
        names: &["uv"],
        verbs: &["tool install", "python install", "pip install"],
        home: &["~/.local", "~/.cache", "~/.config/uv"],
    },
    Manager {
        names: &["npm", "pnpm"],
        verbs: &["install", "i", "add", "uninstall", "update"],
        home: &["~/.npm", "~/.npmrc", "~/.cache", "~/.local", "~/.config"],
    },
    Manager {
        names: &["yarn"],
        verbs: &["global add"],
        home: &["~/.yarn", "~/.yarnrc", "~/.npmrc", "~/.cache", "~/.config"],
    },
    Manager {
        names: &["corepack"],
        verbs: &["enable", "prepare"],
        home: &["~/.cache", "~/.npmrc"],
    },
    Manager {
        names: &["cargo"],
        verbs: &["install", "binstall"],
        home: &["~/.cargo", "~/.rustup", "~/.gitconfig", "~/.cache"],
    },
    Manager {
        names: &["rustup"],
        verbs: &[
            "toolchain install",
            "component add",
            "target add",
            "default",
            "update",
        ],
        home: &["~/.cargo", "~/.rustup"],
    },
    Manager {
        names: &["go"],
        verbs: &["install"],
        home: &[
            "~/go",
            "~/.cache",
            "~/.config/go",
            "~/.gitconfig",
            "~/.netrc",
        ],
    },
    Manager {
        names: &["gem"],
        verbs: &["install", "update"],
        home: &["~/.gem", "~/.gemrc", "~/.local", "~/.cache"],
    },
    Manager {
        names: &["conda", "mamba", "micromamba"],
        verbs: &["install", "create", "update", "clean"],
        home: &[
            "~/.conda",
            "~/.condarc",
            "~/.cache",
            "~/miniconda3",
            "~/mambaforge",
        ],
    },
    Manager {
        names: &["yay", "paru"],
        verbs: &["-S", "-Sy", "-Syu", "-R"],
        home: &["~/.cache", "~/.config", "~/.gitconfig"],
    },
];

/// Managers of the system's packages, with the verbs that look or change nothing but packages.
const SYSTEM_MANAGERS: [(&str, &[&str]); 8] = [
    (
        "apt-get",
        &[
            "update",
            "install",
            "upgrade",
            "dist-upgrade",
            "full-upgrade",
            "remove",
            "purge",
            "autoremove",
            "clean",
            "autoclean",
            "build-dep",
            "reinstall",
        ],
    ),
    (
        "apt",
        &[
            "update",
            "install",
            "upgrade",
            "full-upgrade",
            "remove",
            "purge",
            "autoremove",
            "clean",
            "autoclean",
        ],
    ),
    (
        "aptitude",
        &[
            "update",
            "install",
            "upgrade",
            "safe-upgrade",
            "remove",
            "purge",
        ],
    ),
    (
        "dnf",
        &[
            "install",
            "update",
            "upgrade",
            "remove",
            "clean",
            "makecache",
            "config-manager",
            "groupinstall",
            "module",
            "copr",
        ],
    ),
    (
        "microdnf",
        &["install", "update", "upgrade", "remove", "clean"],
    ),
    (
        "yum",
        &[
            "install",
            "update",
            "upgrade",
            "remove",
            "clean",
            "makecache",
            "groupinstall",
        ],
    ),
    ("apk", &["add", "update", "upgrade", "del"]),
    ("zypper", &["install", "in", "refresh", "update", "remove"]),
];

/// Commands that set up the system itself.
const SETUP: [&str; 20] = [
    "apt-mark",
    "apt-key",
    "add-apt-repository",
    "debconf-set-selections",
    "dpkg-reconfigure",
    "update-alternatives",
    "locale-gen",
    "update-locale",
    "update-ca-certificates",
    "ldconfig",
    "groupadd",
    "useradd",
    "usermod",
    "adduser",
    "addgroup",
    "rpm",
    "fc-cache",
    "dpkg-divert",
    "dpkg",
    "update-rc.d",
];

impl Reader<'_> {
    /// Whether it is such a command.
    pub(super) fn installer(&mut self, name: &str, arguments: &[Value], context: &Context) -> bool {
        let words: Vec<&str> = arguments
            .iter()
            .map(|value| value.known().unwrap_or_default())
            .collect();
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
            for path in arguments
                .iter()
                .filter(|value| value.known().is_some_and(|text| text.contains('/')))
            {
                self.read(path);
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
        let local = |word: &&str| {
            matches!(
                *word,
                "-e" | "--editable"
                    | "-r"
                    | "--requirement"
                    | "--path"
                    | "."
                    | "-c"
                    | "-f"
                    | "--file"
            ) && name != "apk"
                && name != "apt-get"
                && name != "apt"
                || word.starts_with("./")
                || word.starts_with("../")
                || (word.starts_with(['/', '~'])
                    && !word.starts_with("/usr")
                    && !word.starts_with("/opt"))
                || word.ends_with(".txt")
                || matches!(
                    *word,
                    "-t" | "--target"
                        | "--prefix"
                        | "--root"
                        | "--installroot"
                        | "--modules-folder"
                )
                || word.split_once('=').is_some_and(|(_, path)| {
                    path.starts_with(['/', '~', '.'])
                        && !path.starts_with("/usr")
                        && !path.starts_with("/opt")
                })
        };
        if words.iter().any(local) {
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

    fn fetch(&mut self, name: &str, arguments: &[Value], words: &[&str], context: &Context) {
        self.uses(context);
        let secret = |word: &&str| {
            let lower = word.to_ascii_lowercase();
            matches!(
                *word,
                "-u" | "--user"
                    | "-n"
                    | "--netrc"
                    | "--http-password"
                    | "-T"
                    | "-d"
                    | "--data"
                    | "-X"
                    | "--cert"
            ) || lower.contains("authorization")
                || lower.contains("token")
        };
        if words.iter().any(secret) {
            self.facts.acts = true;
            self.facts
                .has_to_run("it identifies itself or sends something", Confidence::High);
        }
        if words
            .iter()
            .any(|word| word.contains("://") && word.contains('@'))
        {
            self.facts
                .has_to_run("its address may hold a credential", Confidence::High);
        }
        let outputs = words.iter().filter(|word| writes_to(name, word)).count();
        if outputs > 1 || !words.iter().all(|word| known_option(name, word)) {
            return self.facts.not_understood(name);
        }
        for word in words {
            if let Some(path) = word.strip_prefix("file://") {
                self.read(&Value::Known(path.to_owned()));
            }
        }
        let curl = name == "curl";
        let output = if curl {
            option(arguments, &["-o", "--output"])
        } else {
            option(arguments, &["-O", "--output-document"])
        };
        // Short options may be joined: -fsSLo.
        let joined = |letter: char| {
            words.iter().position(|word| {
                word.len() > 2
                    && word.starts_with('-')
                    && !word.starts_with("--")
                    && word.ends_with(letter)
            })
        };
        let letter = if curl { 'o' } else { 'O' };
        let output = match joined(letter) {
            Some(at) => arguments.get(at + 1).cloned(),
            None => output,
        };
        let folder = if curl {
            option(arguments, &["--output-dir"])
        } else {
            option(arguments, &["-P", "--directory-prefix"])
        };
        match (output, folder) {
            (Some(output), _) if output.known() == Some("-") => {}
            (Some(target), _) | (None, Some(target)) => {
                self.write(&target);
                if self.facts.run.is_none() {
                    self.facts.cached = Some(Why::new(
                        "it downloads into a system folder",
                        Confidence::Medium,
                    ));
                }
            }
            (None, None) => {
                let to_file = !curl
                    || joined('O').is_some()
                    || words
                        .iter()
                        .any(|word| matches!(*word, "-O" | "--remote-name"));
                if to_file {
                    self.write(&Value::Known("downloaded".to_owned()));
                } else if !context.fed && !context.subshell && !context.masked {
                    self.facts.acts = true;
                    self.facts
                        .has_to_run("what the network says is not kept", Confidence::Medium);
                }
            }
        }
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

/// Whether an option of a program that fetches files names one that it writes.
fn writes_to(name: &str, word: &str) -> bool {
    let short = word.starts_with('-') && !word.starts_with("--");
    let letters: &[char] = if name == "curl" {
        &['o', 'O']
    } else {
        &['O', 'P']
    };
    short && word.contains(letters)
        || word.starts_with("--output")
        || word.starts_with("--remote-name")
        || word.starts_with("--directory-prefix")
}

/// Whether an option of a program that fetches files changes nothing but how.
fn known_option(name: &str, word: &str) -> bool {
    if !word.starts_with('-') || word == "-" {
        return true;
    }
    let long = [
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--output",
        "--output-dir",
        "--proto",
        "--tlsv1.2",
        "--tlsv1.3",
        "--retry",
        "--retry-delay",
        "--retry-connrefused",
        "--retry-all-errors",
        "--connect-timeout",
        "--max-time",
        "--create-dirs",
        "--progress-bar",
        "--compressed",
        "--http1.1",
        "--remote-name",
        "--insecure",
        "--quiet",
        "--no-verbose",
        "--output-document",
        "--directory-prefix",
        "--show-progress",
        "--no-check-certificate",
        "--https-only",
        "--tries",
        "--timeout",
        "--progress",
        "--header",
        "--proto-redir",
        "--ssl-reqd",
        "--ipv4",
        "--user-agent",
        "--fail-with-body",
    ];
    if word.starts_with("--") {
        return long.contains(&word.split('=').next().unwrap_or_default());
    }
    let letters = if name == "curl" {
        "fsSLoOkg#46mHA"
    } else {
        "qOPnvcS-46"
    };
    word[1..].chars().all(|letter| letters.contains(letter))
}
