use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{BlobId, CacheId, IdError, LayerName, SnapshotId};

/// Where a layer lies in a data root, and so where its link is.
///
/// Written as the cache id alone for a folder under `overlay2/`, else as `snapshots/<number>` or
/// `blobs/sha256/<digest>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Seat {
    /// `overlay2/<cache id>/diff`.
    Overlay2(CacheId),
    /// `fs` of a snapshot of containerd's overlayfs snapshotter.
    Snapshot(SnapshotId),
    /// A file of containerd's content store.
    Blob(BlobId),
}

/// containerd's overlayfs snapshotter in a data root.
pub const SNAPSHOTTER: &str = "containerd/daemon/io.containerd.snapshotter.v1.overlayfs";
/// The blobs of containerd's content store in a data root.
pub const BLOBS: &str = "containerd/daemon/io.containerd.content.v1.content/blobs/sha256";

const SNAPSHOTS: &str = "snapshots/";
const DIGESTS: &str = "blobs/sha256/";

impl Seat {
    /// The folder that the link lies in, from the data root.
    pub fn folder(&self) -> Cow<'static, str> {
        match self {
            Self::Overlay2(id) => format!("overlay2/{id}").into(),
            Self::Snapshot(id) => format!("{SNAPSHOTTER}/snapshots/{id}").into(),
            Self::Blob(_) => BLOBS.into(),
        }
    }

    /// The link's own name in that folder.
    pub fn name(&self) -> &str {
        match self {
            Self::Overlay2(_) => "diff",
            Self::Snapshot(_) => "fs",
            Self::Blob(id) => id.as_str(),
        }
    }

    /// The link's path in the data root.
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder(), self.name())
    }

    /// Whether a layer of this name can lie here: blobs are files, all others are folders.
    pub fn suits(&self, layer: &LayerName) -> bool {
        matches!(self, Self::Blob(_)) == layer.is_blob()
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlay2(id) => id.fmt(f),
            Self::Snapshot(id) => write!(f, "{SNAPSHOTS}{id}"),
            Self::Blob(id) => write!(f, "{DIGESTS}{id}"),
        }
    }
}

impl FromStr for Seat {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if let Some(id) = text.strip_prefix(SNAPSHOTS) {
            SnapshotId::new(id).map(Self::Snapshot)
        } else if let Some(id) = text.strip_prefix(DIGESTS) {
            BlobId::new(id).map(Self::Blob)
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
        for (written, path) in [
            (
                "498oe5xo6skps6g1pf9z005pr",
                "overlay2/498oe5xo6skps6g1pf9z005pr/diff".to_owned(),
            ),
            ("snapshots/17", format!("{SNAPSHOTTER}/snapshots/17/fs")),
            (
                &format!("blobs/sha256/{digest}"),
                format!("{BLOBS}/{digest}"),
            ),
        ] {
            let seat: Seat = serde_json::from_value(written.into()).unwrap();
            assert_eq!(seat.path(), path);
            assert_eq!(serde_json::to_value(&seat).unwrap(), written);
        }
        for bad in [
            "",
            "..",
            "a/b",
            "snapshots/..",
            "snapshots/1/2",
            "snapshots/x",
            "blobs/sha256/a",
        ] {
            assert!(bad.parse::<Seat>().is_err(), "{bad:?}");
        }
    }
}
