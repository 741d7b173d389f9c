//! How a golden is cloned into a session, and why not in a better way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dataroot::Kind;
use crate::record::Form;

/// A way of cloning, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A btrfs subvolume snapshot: O(1).
    Snapshot,
    /// Layers as links into the store, the rest copied or shared: O(layers) and the mutable bytes.
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
            _ => return Err("use auto, snapshot, link, reflink or copy".to_owned()),
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
    /// How the golden lies on disk.
    pub form: Form,
    /// Where the store lies.
    pub filesystem: Filesystem,
    /// Whether sessions can share the blocks of goldens. Tried out only if a decision
    /// [depends on it](depends_on_sharing); otherwise unknown, which counts as no.
    pub shares_blocks: bool,
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

/// Whether a decision would rest on [`Facts::shares_blocks`].
pub fn depends_on_sharing(requested: Requested, facts: &Facts<'_>) -> bool {
    let serves = |strategy| verdict(strategy, facts).is_ok();
    facts.golden.is_some()
        && match requested {
            Requested::Exactly(strategy) => strategy == Strategy::Reflink,
            Requested::Auto => !serves(Strategy::Snapshot) && !serves(Strategy::Link),
        }
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
        (Strategy::Snapshot, _) => match facts.form {
            Form::Whole => Ok("the golden is a btrfs subvolume".to_owned()),
            Form::Layered => Err(
                "it needs a golden that is a subvolume, and this one's layers lie in the store"
                    .to_owned(),
            ),
        },
        (Strategy::Reflink, _) if facts.shares_blocks => {
            Ok(format!("{filesystem} shares blocks here (tried)"))
        }
        (Strategy::Reflink, _) => Err(format!(
            "it needs a filesystem that shares blocks, and {filesystem} does not here (tried)"
        )),
        (Strategy::Link, _) if facts.form == Form::Whole => Err(
            "it needs layers in the store, and the golden is a subvolume with its layers inside"
                .to_owned(),
        ),
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

    const EXT: (Filesystem, bool) = (Filesystem::Ext, false);
    const XFS: (Filesystem, bool) = (Filesystem::Xfs, true);
    /// Made without the feature.
    const OLD_XFS: (Filesystem, bool) = (Filesystem::Xfs, false);
    const BTRFS: (Filesystem, bool) = (Filesystem::Btrfs, true);
    const BCACHEFS: (Filesystem, bool) = (Filesystem::Other(0xCA45_1A4E), true);

    fn facts(golden: Option<(&Kind, Form)>, place: (Filesystem, bool)) -> Facts<'_> {
        Facts {
            golden: golden.map(|(kind, _)| kind),
            form: golden.map_or(Form::Layered, |(_, form)| form),
            filesystem: place.0,
            shares_blocks: place.1,
        }
    }

    #[test]
    fn auto_takes_the_first_that_serves_and_says_why_not_the_others() {
        let containerd = Kind::Containerd("native".into());
        let overlayfs = Kind::Containerd("overlayfs".into());
        let vfs = Kind::PlainFiles("vfs".into());
        let overlay2 = Kind::Overlay2;
        let layered = |kind| Some((kind, Form::Layered));
        let whole = |kind| Some((kind, Form::Whole));
        use Strategy::{Copy, Empty, Link, Reflink, Snapshot};
        for (golden, place, expected, mentions) in [
            (
                layered(&overlay2),
                EXT,
                Link,
                "snapshot: not taken; it needs btrfs, and the store lies on ext4",
            ),
            (
                layered(&overlay2),
                BTRFS,
                Link,
                "snapshot: not taken; it needs a golden that is a subvolume",
            ),
            (
                whole(&overlay2),
                BTRFS,
                Snapshot,
                "snapshot: taken; the golden is a btrfs subvolume",
            ),
            (whole(&vfs), BTRFS, Snapshot, "snapshot: taken"),
            (layered(&overlay2), XFS, Link, "link: taken"),
            (
                layered(&containerd),
                EXT,
                Copy,
                "link: not taken; the golden uses containerd",
            ),
            (
                layered(&overlayfs),
                EXT,
                Link,
                "link: taken; the golden's snapshots and blobs",
            ),
            (
                layered(&containerd),
                EXT,
                Copy,
                "reflink: not taken; it needs a filesystem that shares blocks, and ext4 does not",
            ),
            (
                layered(&vfs),
                XFS,
                Reflink,
                "link: not taken; it needs overlay2 layers, and the golden is vfs",
            ),
            (
                layered(&vfs),
                XFS,
                Reflink,
                "reflink: taken; xfs shares blocks here (tried)",
            ),
            (layered(&vfs), BCACHEFS, Reflink, "reflink: taken"),
            (layered(&vfs), OLD_XFS, Copy, "copy: taken"),
            (None, EXT, Empty, "starts cold"),
        ] {
            let decision = choose(Requested::Auto, &facts(golden, place)).unwrap();
            assert_eq!(decision.strategy, expected, "{golden:?} on {place:?}");
            let why = decision.why.join("\n");
            assert!(why.contains(mentions), "{why}");
        }
    }

    #[test]
    fn what_cannot_serve_is_refused_with_the_reason() {
        let containerd = Kind::Containerd("native".into());
        let layered = |kind| Some((kind, Form::Layered));
        for (strategy, golden, place, said) in [
            (Strategy::Link, layered(&containerd), EXT, "containerd"),
            (
                Strategy::Link,
                Some((&Kind::Overlay2, Form::Whole)),
                BTRFS,
                "a subvolume with its layers inside",
            ),
            (
                Strategy::Reflink,
                layered(&Kind::Overlay2),
                EXT,
                "ext4 does not here (tried)",
            ),
            (
                Strategy::Snapshot,
                layered(&Kind::Overlay2),
                XFS,
                "the store lies on xfs",
            ),
        ] {
            let refused = choose(Requested::Exactly(strategy), &facts(golden, place));
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn sharing_is_tried_out_only_where_it_decides() {
        let vfs = Kind::PlainFiles("vfs".into());
        let layered = |kind| Some((kind, Form::Layered));
        let exactly = Requested::Exactly;
        for (requested, golden, place, expected) in [
            (Requested::Auto, layered(&Kind::Overlay2), EXT, false),
            (Requested::Auto, layered(&vfs), EXT, true),
            (Requested::Auto, Some((&vfs, Form::Whole)), BTRFS, false),
            (
                exactly(Strategy::Reflink),
                layered(&Kind::Overlay2),
                EXT,
                true,
            ),
            (exactly(Strategy::Copy), layered(&vfs), EXT, false),
            (Requested::Auto, None, EXT, false),
        ] {
            let facts = facts(golden, place);
            assert_eq!(depends_on_sharing(requested, &facts), expected, "{facts:?}");
        }
    }
}
