//! The words after a command of the tool.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// `--to FOLDER`
    pub(crate) to: Option<PathBuf>,
    /// `--plugin`, and the folder of `--plugin=FOLDER`
    pub(crate) plugin: Option<Option<PathBuf>>,
    /// `--remove`
    pub(crate) remove: bool,
    /// `--dry-run`
    pub(crate) dry_run: bool,
    /// `--json`
    pub(crate) json: bool,
}

impl Options {
    /// Reads words of which these are allowed.
    ///
    /// # Errors
    /// A sentence about the first word that is not.
    pub(crate) fn of(words: &[OsString], allowed: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, joined) = split(word);
            let is_switch = joined.is_none();
            match name.to_str().filter(|name| allowed.contains(name)) {
                Some("--to") => {
                    let folder = joined.or_else(|| words.next().cloned());
                    options.to = Some(not_empty("--to", folder)?);
                }
                Some("--plugin") => {
                    let folder = joined.map(|folder| not_empty("--plugin", Some(folder)));
                    options.plugin = Some(folder.transpose()?);
                }
                Some("--remove") if is_switch => options.remove = true,
                Some("--dry-run") if is_switch => options.dry_run = true,
                Some("--json") if is_switch => options.json = true,
                _ => {
                    let known = allowed.join(", ");
                    return Err(format!("{word:?} is none of {known}"));
                }
            }
        }
        Ok(options)
    }
}

fn split(word: &OsStr) -> (&OsStr, Option<OsString>) {
    let bytes = word.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) if bytes.starts_with(b"--") => (
            OsStr::from_bytes(&bytes[..at]),
            Some(OsStr::from_bytes(&bytes[at + 1..]).to_owned()),
        ),
        _ => (word, None),
    }
}

fn not_empty(name: &str, folder: Option<OsString>) -> Result<PathBuf, String> {
    folder
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .ok_or_else(|| format!("{name} wants a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        let words: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        Options::of(&words, &["--to", "--plugin", "--json"])
    }

    #[test]
    fn folders_follow_or_are_joined() {
        assert_eq!(read("--to /a"), read("--to=/a"));
        let all = read("--plugin --json --to /a").unwrap();
        assert_eq!((all.plugin, all.json), (Some(None), true));
        let joined = read("--plugin=/b").unwrap().plugin;
        assert_eq!(joined, Some(Some("/b".into())));
        for wrong in ["--to", "--to=", "--dry-run", "x", "--json=1", "--plugin="] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
