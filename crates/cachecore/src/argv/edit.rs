//! Changes of a command line that leave every other word as it was, byte for byte.

use std::ffi::OsString;

use serde::Serialize;

/// A change, by where words stood before any change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// New words before the word that stands there.
    Insert {
        /// Which word; the number of words for the end.
        before: usize,
        /// The new words.
        #[serde(serialize_with = "lossy_all")]
        words: Vec<OsString>,
    },
    /// Another word for the one that stands there.
    Replace {
        /// Which word.
        at: usize,
        /// The new word.
        #[serde(serialize_with = "lossy")]
        word: OsString,
    },
    /// The word that stands there goes.
    Remove {
        /// Which word.
        at: usize,
    },
}

/// The words with all changes made. Of several insertions at one place the first comes first.
pub fn apply(words: &[OsString], edits: &[Edit]) -> Vec<OsString> {
    let mut out = Vec::with_capacity(words.len() + edits.len());
    for at in 0..=words.len() {
        for edit in edits {
            if let Edit::Insert { before, words } = edit
                && *before == at
            {
                out.extend(words.iter().cloned());
            }
        }
        let Some(word) = words.get(at) else { break };
        let changed = edits.iter().rev().find_map(|edit| match edit {
            Edit::Replace { at: there, word } if *there == at => Some(Some(word)),
            Edit::Remove { at: there } if *there == at => Some(None),
            _ => None,
        });
        match changed {
            Some(Some(word)) => out.push(word.clone()),
            Some(None) => {}
            None => out.push(word.clone()),
        }
    }
    out
}

fn lossy<S: serde::Serializer>(word: &OsString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&word.to_string_lossy())
}

fn lossy_all<S: serde::Serializer>(words: &[OsString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(words.iter().map(|word| word.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_changes() {
        let words = ["a", "b", "c"].map(OsString::from);
        let edits = [
            Edit::Insert {
                before: 3,
                words: vec!["end".into()],
            },
            Edit::Insert {
                before: 1,
                words: vec!["x".into(), "y".into()],
            },
            Edit::Replace {
                at: 1,
                word: "B".into(),
            },
            Edit::Remove { at: 0 },
        ];
        assert_eq!(apply(&words, &edits), ["x", "y", "B", "c", "end"]);
        assert_eq!(apply(&words, &[]), words);
    }
}
