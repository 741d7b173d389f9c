//! The commands that install packages, by name.

/// A manager of packages of one language: its command, words of which the first arguments have one, the folders
/// that it has at home.
pub(super) struct Manager {
    pub(super) names: &'static [&'static str],
    pub(super) verbs: &'static [&'static str],
    pub(super) home: &'static [&'static str],
}

pub(super) const MANAGERS: [Manager; 11] = [
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
pub(super) const SYSTEM_MANAGERS: [(&str, &[&str]); 8] = [
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
pub(super) const SETUP: [&str; 20] = [
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
