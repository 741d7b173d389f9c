//! How a golden is cloned into a session, and why not in a better way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dataroot::Kind;

/// A way of cloning, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A btrfs subvolume snapshot: O(1).
    Snapshot,
    /// Layers as links into the store, the rest copied: O(layers) and the mutable bytes.
    Link,
    /// Every file shares its blocks until it is written: O(files).
    Reflink,
    /// Every byte copied.
    Copy,
    /// Nothing to clone: the project has no golden, and the session starts cold.
    Empty,
}

impl Strategy {
    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Link => "link",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
            Self::Empty => "empty",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Requested {
    /// The first that serves.
    #[default]
    Auto,
    /// This one or none.
    Exactly(Strategy),
}

impl FromStr for Requested {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "auto" => Self::Auto,
            "snapshot" => Self::Exactly(Strategy::Snapshot),
            "link" => Self::Exactly(Strategy::Link),
            "reflink" => Self::Exactly(Strategy::Reflink),
            "copy" => Self::Exactly(Strategy::Copy),
            _ => return Err("one of auto, snapshot, link, reflink, copy is".to_owned()),
        })
    }
}

/// The filesystem that the store lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// ext2, ext3 or ext4, which share a magic number.
    Ext,
    /// XFS.
    Xfs,
    /// btrfs.
    Btrfs,
    /// overlayfs: no place for a store, Docker's own overlay mounts fail on it.
    Overlay,
    /// tmpfs.
    Tmpfs,
    /// Any other, by its magic number in `statfs(2)`.
    Other(u64),
}

impl Filesystem {
    /// Recognises a filesystem by the magic number of `statfs(2)` (linux/magic.h).
    pub fn from_magic(magic: u64) -> Self {
        match magic {
            0xEF53 => Self::Ext,
            0x5846_5342 => Self::Xfs,
            0x9123_683E => Self::Btrfs,
            0x794C_7630 => Self::Overlay,
            0x0102_1994 => Self::Tmpfs,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ext => f.write_str("ext4"),
            Self::Xfs => f.write_str("xfs"),
            Self::Btrfs => f.write_str("btrfs"),
            Self::Overlay => f.write_str("overlayfs"),
            Self::Tmpfs => f.write_str("tmpfs"),
            Self::Other(magic) => write!(f, "a filesystem with magic {magic:#x}"),
        }
    }
}

/// What a decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The golden's kind; `None` where the project has no golden.
    pub golden: Option<&'a Kind>,
    /// Where the store lies.
    pub filesystem: Filesystem,
}

/// A strategy, and the reasons in the order in which they were weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What is done.
    pub strategy: Strategy,
    /// One sentence for each strategy that was looked at, `link: …`.
    pub why: Vec<String>,
}

/// The strategy that was asked for cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("strategy {strategy} cannot serve here: {because}")]
pub struct Unsuitable {
    /// What was asked for.
    pub strategy: Strategy,
    /// Why not.
    pub because: String,
}

/// Chooses a strategy.
///
/// # Errors
/// [`Unsuitable`] if a particular strategy was asked for and cannot serve. `auto` always finds one.
pub fn choose(requested: Requested, facts: &Facts<'_>) -> Result<Decision, Unsuitable> {
    if facts.golden.is_none() {
        return Ok(Decision {
            strategy: Strategy::Empty,
            why: vec![
                "empty: the project has no golden yet, so the session starts cold".to_owned(),
            ],
        });
    }
    if let Requested::Exactly(strategy) = requested {
        return match verdict(strategy, facts) {
            Ok(reason) => Ok(Decision {
                strategy,
                why: vec![format!("{strategy}: asked for; {reason}")],
            }),
            Err(because) => Err(Unsuitable { strategy, because }),
        };
    }
    let mut why = Vec::new();
    for strategy in [Strategy::Snapshot, Strategy::Link, Strategy::Reflink] {
        match verdict(strategy, facts) {
            Ok(reason) => {
                why.push(format!("{strategy}: taken; {reason}"));
                return Ok(Decision { strategy, why });
            }
            Err(because) => why.push(format!("{strategy}: not taken; {because}")),
        }
    }
    why.push("copy: taken; it serves everywhere".to_owned());
    Ok(Decision {
        strategy: Strategy::Copy,
        why,
    })
}

/// Whether a strategy can serve, with the reason either way.
fn verdict(strategy: Strategy, facts: &Facts<'_>) -> Result<String, String> {
    let filesystem = facts.filesystem;
    match (strategy, facts.golden) {
        (Strategy::Snapshot, _) if filesystem != Filesystem::Btrfs => Err(format!(
            "it needs btrfs, and the store lies on {filesystem}"
        )),
        (Strategy::Reflink, _) if !matches!(filesystem, Filesystem::Btrfs | Filesystem::Xfs) => {
            Err(format!(
                "it needs xfs or btrfs, and the store lies on {filesystem}"
            ))
        }
        (Strategy::Snapshot | Strategy::Reflink, _) => {
            Err("this version does not offer it yet".to_owned())
        }
        (Strategy::Link, Some(Kind::Overlay2)) => {
            Ok("the golden's layers are overlay2 layers in the store".to_owned())
        }
        (Strategy::Link, Some(Kind::Containerd(snapshotter))) if snapshotter == "overlayfs" => {
            Ok("the golden's snapshots and blobs are in the store".to_owned())
        }
        (Strategy::Link, Some(Kind::Containerd(snapshotter))) => Err(format!(
            "the golden uses containerd's image store with the snapshotter {snapshotter}, and only \
             overlayfs can be linked"
        )),
        (Strategy::Link, kind) => Err(format!(
            "it needs overlay2 layers, and the golden is {}",
            kind.map_or_else(|| "not there".to_owned(), ToString::to_string)
        )),
        (Strategy::Copy, _) => Ok("it serves everywhere".to_owned()),
        (Strategy::Empty, _) => Err("the project has a golden".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(golden: Option<&Kind>, filesystem: Filesystem) -> Facts<'_> {
        Facts { golden, filesystem }
    }

    #[test]
    fn auto_takes_the_first_that_serves_and_says_why_not_the_others() {
        let containerd = Kind::Containerd("native".into());
        let overlayfs = Kind::Containerd("overlayfs".into());
        let vfs = Kind::PlainFiles("vfs".into());
        for (golden, filesystem, expected, mentions) in [
            (
                Some(&Kind::Overlay2),
                Filesystem::Ext,
                Strategy::Link,
                "snapshot: not taken; it needs btrfs",
            ),
            (
                Some(&Kind::Overlay2),
                Filesystem::Btrfs,
                Strategy::Link,
                "does not offer it yet",
            ),
            (
                Some(&containerd),
                Filesystem::Ext,
                Strategy::Copy,
                "link: not taken; the golden uses containerd",
            ),
            (
                Some(&overlayfs),
                Filesystem::Ext,
                Strategy::Link,
                "link: taken; the golden's snapshots and blobs",
            ),
            (
                Some(&vfs),
                Filesystem::Xfs,
                Strategy::Copy,
                "the golden is vfs",
            ),
            (None, Filesystem::Ext, Strategy::Empty, "starts cold"),
        ] {
            let decision = choose(Requested::Auto, &facts(golden, filesystem)).unwrap();
            assert_eq!(decision.strategy, expected);
            assert!(
                decision.why.join("\n").contains(mentions),
                "{:?}",
                decision.why
            );
        }
    }

    #[test]
    fn what_cannot_serve_is_refused_with_the_reason() {
        let containerd = Kind::Containerd("native".into());
        let refused = choose(
            Requested::Exactly(Strategy::Link),
            &facts(Some(&containerd), Filesystem::Ext),
        );
        assert!(refused.unwrap_err().to_string().contains("containerd"));
        let refused = choose(
            Requested::Exactly(Strategy::Reflink),
            &facts(Some(&Kind::Overlay2), Filesystem::Ext),
        );
        assert!(refused.unwrap_err().to_string().contains("lies on ext4"));
    }
}
