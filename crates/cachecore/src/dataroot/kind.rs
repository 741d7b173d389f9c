//! Which engine and store wrote a data root, recognised by names alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::listing::Listing;

/// What a data root is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "store", content = "driver")]
pub enum Kind {
    /// The classic image store on the overlay2 driver: layers can be linked.
    Overlay2,
    /// containerd's image store with this snapshotter: images live under `containerd/`.
    Containerd(String),
    /// The classic image store on another driver that keeps plain files (`vfs`, `fuse-overlayfs`).
    PlainFiles(String),
    /// The classic image store on a driver that keeps its layers outside plain files.
    Foreign(String),
    /// An empty folder, or a daemon's before its first image: nothing to share yet.
    Empty,
    /// A folder that no daemon wrote.
    NotADataRoot,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlay2 => f.write_str("overlay2"),
            Self::Containerd(snapshotter) => write!(f, "containerd image store ({snapshotter})"),
            Self::PlainFiles(driver) | Self::Foreign(driver) => f.write_str(driver),
            Self::Empty => f.write_str("empty"),
            Self::NotADataRoot => f.write_str("not a data root"),
        }
    }
}

/// Names that every daemon makes in its data root at its first start (20.10 to 29).
const DAEMON_NAMES: [&[u8]; 6] = [
    b"image",
    b"containers",
    b"volumes",
    b"network",
    b"buildkit",
    b"containerd",
];

/// Drivers whose layers are plain files that any copy keeps whole.
const PLAIN_DRIVERS: [&str; 2] = ["vfs", "fuse-overlayfs"];

/// What a person should know about a data root without images: its daemon may have had them elsewhere.
/// A containerd that the daemon starts itself leaves folders, if nothing else.
pub(super) fn note(kind: &Kind, listing: &Listing) -> Option<String> {
    let had_containerd = listing.elsewhere.is_some() || !listing.snapshotters.is_empty();
    let elsewhere = *kind == Kind::Empty && !listing.top.is_empty() && !had_containerd;
    elsewhere.then(|| {
        "it holds no image; those of a containerd that is a service lie in its root: import both, with \
         --containerd"
            .to_owned()
    })
}

/// Says what the data root is.
///
/// A daemon's folder is told by at least two of the names that every daemon makes, because a single
/// `image/` or `volumes/` is in many folders that are none.
pub fn recognise(listing: &Listing) -> Kind {
    let known = DAEMON_NAMES
        .iter()
        .filter(|name| listing.top.iter().any(|top| top == *name))
        .count();
    if known < 2 {
        return if listing.top.is_empty() {
            Kind::Empty
        } else {
            Kind::NotADataRoot
        };
    }
    if let Some((name, _)) = listing.snapshotters.iter().find(|(_, used)| **used) {
        return Kind::Containerd(String::from_utf8_lossy(name).into_owned());
    }
    let drivers = || {
        listing
            .image_drivers
            .iter()
            .map(|name| String::from_utf8_lossy(name))
    };
    if let Some(driver) =
        drivers().find(|name| name != "overlay2" && !PLAIN_DRIVERS.contains(&name.as_ref()))
    {
        return Kind::Foreign(driver.into_owned());
    }
    if listing.overlay2.is_some() {
        return Kind::Overlay2;
    }
    match drivers().find(|name| PLAIN_DRIVERS.contains(&name.as_ref())) {
        Some(driver) => Kind::PlainFiles(driver.into_owned()),
        None => Kind::Empty,
    }
}
