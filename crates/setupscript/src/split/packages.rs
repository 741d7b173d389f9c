//! Commands that install packages.

use super::Confidence;
use super::files::option;
use super::reader::Reader;
use super::value::Value;
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

/// Whether a word names a file or a folder for pip, or an option that does.
fn is_local_for_pip(word: &str) -> bool {
    let options = [
        "-e",
        "-r",
        "-c",
        "--editable",
        "--requirement",
        "--constraint",
        "--target",
        "--prefix",
        "--root",
        "--find-links",
        "--src",
        "--no-index",
        "--python",
    ];
    if word.starts_with('-') {
        let name = word.split('=').next().unwrap_or_default();
        return options.contains(&name)
            || !word.starts_with("--") && word.len() > 2 && options.contains(&&word[..2]);
    }
    word.contains('/') && !word.contains("://") || word.starts_with('.')
}

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
            let files = name == "rpm" || name == "dpkg";
            for path in arguments.iter().filter(|value| {
                let text = value.beginning();
                text.contains('/') && !text.contains("://")
                    || files && (text.ends_with(".deb") || text.ends_with(".rpm"))
                    || files && value.known().is_none()
            }) {
                self.read(path);
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
        let pip = matches!(name, "pip" | "pip3" | "pipx" | "uv");
        let plain = words.iter().filter(|word| !word.starts_with('-')).count();
        let nothing_named = plain < 2 && matches!(name, "npm" | "pnpm" | "go" | "cargo");
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
                || [".txt", ".deb", ".rpm", ".whl", ".tgz", ".tar.gz", ".gem"]
                    .iter()
                    .any(|end| word.ends_with(end) && !word.contains("://"))
                || word.starts_with(".[")
                || word.contains("file:")
                || pip && is_local_for_pip(word)
                || matches!(name, "conda" | "mamba" | "micromamba") && *word == "-p"
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
        if nothing_named || words.iter().any(local) {
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
