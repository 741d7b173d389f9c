//! What values are allowed.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// Longest value that is no script, in bytes. It comes into a line of a Dockerfile, which ends at 64 KiB.
pub(super) const LONGEST_VALUE: usize = 4096;

pub(super) const IMAGE: &str =
    "use a name as docker has it: letters, digits, '.', '_', '-', '/', ':' and '@'";
pub(super) const PLATFORM: &str = "write os/architecture, such as linux/amd64 or linux/arm/v7";
pub(super) const USER: &str = "use a name or a number, and a group behind ':'";
pub(super) const VARIABLE: &str =
    "use letters, digits and '_', with a letter or '_' first; at most 128 characters";
pub(super) const SECRET: &str =
    "use letters, digits, '.', '_' and '-', with a letter or a digit first; at most 128 characters";
pub(super) const PATH: &str =
    "name a file in the spec's folder or below it, without '..' and without '/' in front";
pub(super) const VALUE: &str = "at most 4096 characters are, and no NUL";
pub(super) const CPUS: &str = "write a number of processors, such as 2 or 0.5";
pub(super) const MEMORY: &str = "write a number and a unit, such as 4g or 512m; at least 6m";
pub(super) const PIDS: &str = "write a whole number from 1";

/// The least memory that Docker gives a container, in bytes.
pub(super) const LEAST_MEMORY: u64 = 6 << 20;

pub(super) fn is_image(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 512
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"._-/:@+".contains(&b))
}

pub(super) fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let word = |part: &&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.len() <= 64 && (2..=3).contains(&parts.len()) && parts.iter().all(word)
}

pub(super) fn is_user(text: &str) -> bool {
    let word = |part: &str| {
        let mut bytes = part.bytes();
        bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    text.len() <= 128
        && match text.split_once(':') {
            Some((user, group)) => word(user) && word(group),
            None => word(text),
        }
}

pub(in crate::environment) fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 128
        && bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(super) fn is_secret(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 128
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

pub(in crate::environment) fn is_value(text: &str) -> bool {
    text.len() <= LONGEST_VALUE && !text.contains('\0')
}

/// A path below the spec's folder, without what changes nothing in it. One file has one such path.
pub(super) fn path(text: &str) -> Option<Utf8PathBuf> {
    let mut path = Utf8PathBuf::new();
    for component in Utf8Path::new(text).components() {
        match component {
            Utf8Component::Normal(name) => path.push(name),
            Utf8Component::CurDir => {}
            _ => return None,
        }
    }
    let is_file = !path.as_str().is_empty() && !text.ends_with('/');
    (is_file && path.as_str().len() <= LONGEST_VALUE && !text.contains('\0')).then_some(path)
}
