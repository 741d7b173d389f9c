//! The key of a build in the shared cache: whose exports it imports.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Longer keys end in a digest of themselves: file names have at most 255 bytes.
const LONGEST: usize = 180;

/// What stands before the name of a folder. No image's key has this byte in it.
const FOLDER: &str = "folder=";

/// The key of an image, or of a context whose result has no name. It is the name of a file.
///
/// A key only says which exports are looked at: what is in them is found by content. So builds that have
/// nothing to do with each other may have one key, and lose nothing but time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Key(String);

impl Key {
    /// The key of an image's name: its repository, whatever its tag or digest, as Docker completes it.
    /// `None` if there is nothing left.
    ///
    /// ```
    /// use cachecore::cache::Key;
    ///
    /// let key = |name| Key::of_image(name).map(|key| key.to_string());
    /// assert_eq!(key("docker.io/library/app:1"), key("app"));
    /// assert_eq!(key("host:5000/team/app@sha256:00").as_deref(), Some("host%3A5000%2Fteam%2Fapp"));
    /// ```
    pub fn of_image(name: &str) -> Option<Self> {
        let name = name.split('@').next()?;
        let last = name.rfind('/').map_or(0, |at| at + 1);
        let end = name[last..].find(':').map_or(name.len(), |at| last + at);
        let repository = &name[..end];
        let (registry, path) = match repository.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(first), rest),
            _ => (None, repository),
        };
        let registry = registry.filter(|name| !["docker.io", "index.docker.io"].contains(name));
        let key = match registry {
            Some(registry) => format!("{registry}/{path}"),
            None => path.strip_prefix("library/").unwrap_or(path).to_owned(),
        };
        (!path.is_empty()).then(|| Self(shortened(encoded(key.as_bytes()))))
    }

    /// The key of a context without an image's name: that of its folder, or of a repository's address.
    /// `None` if it has none, as what comes from stdin.
    pub fn of_context(context: &OsStr, working_dir: Option<&OsStr>) -> Option<Self> {
        let bytes = context.as_bytes();
        if bytes == b"-" {
            return None;
        }
        let name = if is_remote(bytes) {
            let end = bytes.iter().position(|byte| b"#?".contains(byte));
            let path = trimmed(&bytes[..end.unwrap_or(bytes.len())]);
            let name = path.rsplit(|byte| b"/:".contains(byte)).next()?;
            name.strip_suffix(b".git").unwrap_or(name).to_vec()
        } else {
            let whole = match working_dir {
                Some(dir) if !bytes.starts_with(b"/") => [dir.as_bytes(), b"/", bytes].concat(),
                _ => bytes.to_vec(),
            };
            let mut parts: Vec<&[u8]> = Vec::new();
            for part in whole.split(|byte| *byte == b'/') {
                match part {
                    b"" | b"." => {}
                    b".." => drop(parts.pop()),
                    part => parts.push(part),
                }
            }
            parts.pop()?.to_vec()
        };
        let key = format!("{FOLDER}{}", encoded(&name));
        (!name.is_empty()).then(|| Self(shortened(key)))
    }

    /// The key of a record, by the name of its file without `.json`; `None` if no key is written so.
    pub fn of_record(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-%=".contains(&byte);
        let is_key = !name.is_empty()
            && name.len() <= LONGEST + 70
            && !name.starts_with('.')
            && name.bytes().all(allowed);
        is_key.then(|| Self(name.to_owned()))
    }

    /// The name of its record's file.
    pub fn file(&self) -> String {
        format!("{}.json", self.0)
    }

    /// The key as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the first part of a name is a host (distribution's `reference`: it has a dot, a port or an
/// upper-case letter, or is `localhost`).
fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_remote(context: &[u8]) -> bool {
    let text = String::from_utf8_lossy(context);
    text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/")
}

fn trimmed(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    &path[..end.map_or(0, |at| at + 1)]
}

fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push((*byte).into()),
            b'.' if at > 0 => out.push('.'),
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}

fn shortened(key: String) -> String {
    if key.len() <= LONGEST {
        return key;
    }
    let digest = Sha256::digest(key.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    // An encoded key is ASCII.
    format!("{}={digest}", &key[..LONGEST - 80])
}
