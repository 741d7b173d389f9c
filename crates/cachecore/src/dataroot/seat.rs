use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Part;
use crate::id::{BlobId, CacheId, IdError, LayerName, SnapshotId};

/// Where a layer lies in a data root, and so where its link is.
///
/// Written as the cache id alone for a folder under `overlay2/`, else as `snapshots/<number>` or
/// `blobs/sha256/<digest>`, with `containerd/` before it where containerd's root is a folder of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Seat {
    /// `overlay2/<cache id>/diff`.
    Overlay2(CacheId),
    /// `fs` of a snapshot of containerd's overlayfs snapshotter.
    Snapshot(Part, SnapshotId),
    /// A file of containerd's content store.
    Blob(Part, BlobId),
}

const ELSEWHERE: &str = "containerd/";
const SNAPSHOTS: &str = "snapshots/";
const DIGESTS: &str = "blobs/sha256/";

impl Seat {
    /// The folder of the data root that the link lies in.
    pub fn part(&self) -> Part {
        match self {
            Self::Overlay2(_) => Part::Docker,
            Self::Snapshot(part, _) | Self::Blob(part, _) => *part,
        }
    }

    /// The folder that the link lies in, from its part of the data root.
    pub fn folder(&self) -> Cow<'static, str> {
        match self {
            Self::Overlay2(id) => format!("overlay2/{id}").into(),
            Self::Snapshot(part, id) => format!("{}/snapshots/{id}", part.snapshotter()).into(),
            Self::Blob(part, _) => part.blobs().into(),
        }
    }

    /// The link's own name in that folder.
    pub fn name(&self) -> &str {
        match self {
            Self::Overlay2(_) => "diff",
            Self::Snapshot(..) => "fs",
            Self::Blob(_, id) => id.as_str(),
        }
    }

    /// The link's path, from its part of the data root.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder(), self.name())
    }

    /// The link's path as messages name it.
    pub fn shown(&self) -> String {
        self.part().shown(&self.path())
    }

    /// Whether a layer of this name can lie here: blobs are files, all others are folders.
    pub fn suits(&self, layer: &LayerName) -> bool {
        matches!(self, Self::Blob(..)) == layer.is_blob()
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.part() == Part::Containerd {
            f.write_str(ELSEWHERE)?;
        }
        match self {
            Self::Overlay2(id) => id.fmt(f),
            Self::Snapshot(_, id) => write!(f, "{SNAPSHOTS}{id}"),
            Self::Blob(_, id) => write!(f, "{DIGESTS}{id}"),
        }
    }
}

impl FromStr for Seat {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (part, contained) = match text.strip_prefix(ELSEWHERE) {
            Some(contained) => (Part::Containerd, contained),
            None => (Part::Docker, text),
        };
        if let Some(id) = contained.strip_prefix(SNAPSHOTS) {
            SnapshotId::new(id).map(|id| Self::Snapshot(part, id))
        } else if let Some(id) = contained.strip_prefix(DIGESTS) {
            BlobId::new(id).map(|id| Self::Blob(part, id))
        } else {
            CacheId::new(text).map(Self::Overlay2)
        }
    }
}

impl TryFrom<String> for Seat {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Seat> for String {
    fn from(seat: Seat) -> Self {
        seat.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_written_in_a_word_and_leads_to_one_path() {
        let digest = "a".repeat(64);
        let snapshot = "io.containerd.snapshotter.v1.overlayfs/snapshots/17/fs";
        let blob = format!("io.containerd.content.v1.content/blobs/sha256/{digest}");
        for (written, part, path) in [
            (
                "498oe5xo6skps6g1pf9z005pr",
                Part::Docker,
                "overlay2/498oe5xo6skps6g1pf9z005pr/diff".to_owned(),
            ),
            (
                "snapshots/17",
                Part::Docker,
                format!("containerd/daemon/{snapshot}"),
            ),
            (
                "containerd/snapshots/17",
                Part::Containerd,
                snapshot.to_owned(),
            ),
            (
                &format!("blobs/sha256/{digest}"),
                Part::Docker,
                format!("containerd/daemon/{blob}"),
            ),
            (
                &format!("containerd/blobs/sha256/{digest}"),
                Part::Containerd,
                blob.clone(),
            ),
        ] {
            let seat: Seat = serde_json::from_value(written.into()).unwrap();
            assert_eq!((seat.part(), seat.path()), (part, path));
            assert_eq!(serde_json::to_value(&seat).unwrap(), written);
        }
        for bad in [
            "",
            "..",
            "a/b",
            "snapshots/..",
            "snapshots/1/2",
            "snapshots/x",
            "containerd/498oe5xo6skps6g1pf9z005pr",
            "containerd/containerd/snapshots/1",
            "docker/snapshots/1",
            "blobs/sha256/a",
        ] {
            assert!(bad.parse::<Seat>().is_err(), "{bad:?}");
        }
    }
}
