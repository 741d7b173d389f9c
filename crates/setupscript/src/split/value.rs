//! What is known of a variable's value or a word.

use crate::check::{is_secret_name, is_secret_value};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// This text.
    Known(String),
    /// The same in the image and at every start. It begins with this text.
    Stable(String),
    /// Known at a start only, for this reason.
    Run(String),
}

impl Value {
    /// A value that goes on with another one.
    pub(super) fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Run(reason), _) | (_, Self::Run(reason)) => Self::Run(reason),
            (Self::Known(one), Self::Known(other)) => Self::Known(one + &other),
            (Self::Known(one), Self::Stable(other)) => Self::Stable(one + &other),
            (Self::Stable(one), _) => Self::Stable(one),
        }
    }

    /// What is known of the text, from its beginning.
    pub(super) fn beginning(&self) -> &str {
        match self {
            Self::Known(text) | Self::Stable(text) => text,
            Self::Run(_) => "",
        }
    }

    /// The whole text.
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            _ => None,
        }
    }
}

/// Variables that are the same in the image and at every start, and what they begin with.
pub(super) fn stable(name: &str) -> bool {
    matches!(
        name,
        "EUID"
            | "UID"
            | "PATH"
            | "OSTYPE"
            | "MACHTYPE"
            | "HOSTTYPE"
            | "BASH_VERSION"
            | "BASH_VERSINFO"
            | "IFS"
            | "SHELL"
    )
}

/// Whether a name says that its value is a secret.
pub(crate) fn secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let parts = [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "API_KEY",
        "APIKEY",
        "CREDENTIAL",
        "PRIVATE_KEY",
        "ACCESS_KEY",
    ];
    parts.iter().any(|part| name.contains(part))
}

/// Whether a text seems to hold a credential: one that services hand out, or `PASSWORD=word`.
pub(super) fn holds_credential(text: &str) -> bool {
    if is_secret_value(text).is_some() || text.contains("machine ") && text.contains(" password ") {
        return true;
    }
    let end = |character: char| !(character.is_ascii_alphanumeric() || "_-".contains(character));
    text.match_indices(['=', ':']).any(|(at, sign)| {
        let name = text[..at].rsplit(end).next().unwrap_or_default();
        let value = &text[at + 1..];
        let value = if sign == ":" {
            value.trim_start()
        } else {
            value
        };
        let value = value.trim_start_matches(['"', '\'', '\\']);
        let written = value
            .chars()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric());
        written && name != "NOPASSWD" && is_secret_name(&name.replace('-', "_"))
    })
}

/// Whether programs that install things look at a variable of this name.
pub(super) fn for_tools(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let whole = [
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "CC",
        "CXX",
        "MAKEFLAGS",
        "IFS",
        "USER",
        "SHELL",
        "BASH_ENV",
        "ENV",
        "VIRTUAL_ENV",
        "CDPATH",
        "GLOBIGNORE",
        "POSIXLY_CORRECT",
        "UMASK",
    ];
    let prefixes = [
        "LC_", "LD_", "DEBIAN", "DEBCONF", "APT_", "DPKG", "PIP", "PYTHON", "UV_", "NPM", "NODE",
        "YARN", "PNPM", "COREPACK", "CARGO", "RUST", "GO", "CGO", "GEM", "BUNDLE", "RUBY", "CONDA",
        "MAMBA", "GIT_", "CURL", "WGET", "SSL", "XDG_", "CFLAGS", "CXXFLAGS", "LDFLAGS", "JAVA",
        "GPG", "GNUPG", "TAR_", "GZIP", "XZ_", "NVM",
    ];
    whole.contains(&upper.as_str())
        || prefixes.iter().any(|prefix| upper.starts_with(prefix))
        || upper.ends_with("_PROXY")
}

/// Whether a name matches a pattern with `*` for any part.
pub(crate) fn matches_glob(name: &str, glob: &str) -> bool {
    match glob.split_once('*') {
        None => name == glob,
        Some((before, after)) => {
            let Some(rest) = name.strip_prefix(before) else {
                return false;
            };
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| matches_glob(&rest[at..], after))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{holds_credential, matches_glob};

    #[test]
    fn a_credential_is_known_by_its_name_or_its_look() {
        for text in [
            "//registry.example.org/:_authToken=abc",
            "machine example.org login x password hunter2",
            "A=1\nDB_PASSWORD='hunter2'\n",
            "X-Api-Key: 1234",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            assert!(holds_credential(text), "{text}");
        }
        for text in [
            "PasswordAuthentication no",
            "DB_PASSWORD=",
            "PASSWORD=$X",
            "PASSWORD_FILE=/run/secrets/x",
            "https://example.org/x",
            "dev ALL=(ALL) NOPASSWD:ALL",
            "a=b",
        ] {
            assert!(!holds_credential(text), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_any_part() {
        assert!(matches_glob("TASK_ID", "TASK_*"));
        assert!(matches_glob("TASK_ID", "TASK_ID"));
        assert!(matches_glob("A_TASK_B", "*_TASK_*"));
        assert!(!matches_glob("TASKS", "TASK_*"));
        assert!(!matches_glob("MY_TASK_ID", "TASK_*"));
    }
}
