//! Paths as a daemon sees them, where that is not as its client does.
//!
//! In a session whose daemon has the workspace at another place, `docker run -v /work/app:/app` would mount
//! a folder that the daemon does not have. A map says where it has it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::Serialize;

/// Where a daemon has the folders of its client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PathMap {
    /// Longest `from` first. Both absolute, without a slash at the end.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why a map is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// A part has no `=`, or more than one.
    #[error("{0:?} is not from=to")]
    Pair(String),
    /// A path is not absolute, or has `.` or `..` in it.
    #[error("{0:?} is not an absolute path, or has . or .. in it")]
    Path(String),
}

impl PathMap {
    /// Reads `from=to`, several separated by `:`. Nothing is an empty map.
    ///
    /// # Errors
    /// [`MapError`], with the part that is wrong.
    pub fn parse(text: &OsStr) -> Result<Self, MapError> {
        let mut pairs = Vec::new();
        for part in text.as_bytes().split(|byte| *byte == b':') {
            if part.is_empty() {
                continue;
            }
            let mut sides = part.split(|byte| *byte == b'=');
            let (Some(from), Some(to), None) = (sides.next(), sides.next(), sides.next()) else {
                return Err(MapError::Pair(shown(part)));
            };
            let whole = |side: &[u8]| {
                clean(side)
                    .filter(|cleaned| cleaned.len() >= without_end(side).len())
                    .ok_or_else(|| MapError::Path(shown(side)))
            };
            pairs.push((whole(from)?, whole(to)?));
        }
        pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        Ok(Self { pairs })
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Where the daemon has this absolute path; `None` if at the same place, as far as the map says.
    /// The longest `from` counts, and it matches whole components only. `.` and `..` are resolved by
    /// name, as docker does.
    pub fn map(&self, path: &OsStr) -> Option<OsString> {
        let path = clean(path.as_bytes())?;
        self.pairs.iter().find_map(|(from, to)| {
            let rest = path.strip_prefix(from.as_slice())?;
            if !rest.is_empty() && rest[0] != b'/' {
                return None;
            }
            let mut mapped = [to.as_slice(), rest].concat();
            if mapped.is_empty() {
                mapped.push(b'/');
            }
            Some(OsString::from_vec(mapped))
        })
    }
}

/// An absolute path without empty components, `.`, `..` and a slash at the end: `/` is empty. `None` if
/// it is not absolute.
fn clean(path: &[u8]) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(b"/")?;
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in rest.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.iter().fold(Vec::new(), |mut out, part| {
        out.push(b'/');
        out.extend_from_slice(part);
        out
    }))
}

fn without_end(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    &path[..end.map_or(0, |at| at + 1)]
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str, path: &str) -> Option<String> {
        let map = PathMap::parse(text.as_ref()).unwrap();
        let mapped = map.map(path.as_ref())?;
        Some(mapped.into_string().unwrap())
    }

    #[test]
    fn whole_components_match_and_the_longest_wins() {
        let text = "/work=/data/w:/work/deep=/deep:/=/root";
        for (path, mapped) in [
            ("/work", "/data/w"),
            ("/work/", "/data/w"),
            ("/work/a b", "/data/w/a b"),
            ("/work/deep/x", "/deep/x"),
            ("/work/deeper", "/data/w/deeper"),
            ("/workspace2", "/root/workspace2"),
            ("/work/../etc", "/root/etc"),
            ("/work/./x//y", "/data/w/x/y"),
            ("/", "/root"),
        ] {
            assert_eq!(map(text, path).as_deref(), Some(mapped), "{path}");
        }
        assert_eq!(map("/work=/data", "/workspace"), None);
        assert_eq!(map("/work=/data", "work"), None);
        assert_eq!(map("", "/work"), None);
        assert_eq!(map("/work=/", "/work").as_deref(), Some("/"));
        assert_eq!(map("/work=/", "/work/x").as_deref(), Some("/x"));
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for wrong in [
            "/a",
            "/a=b",
            "a=/b",
            "/a=/b=/c",
            "=",
            "/a/../b=/c",
            "/a=/./b",
        ] {
            assert!(PathMap::parse(wrong.as_ref()).is_err(), "{wrong}");
        }
    }
}
