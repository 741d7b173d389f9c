//! The facts about a data root, as a reader found them. Names are bytes: strangers chose them.

use std::collections::BTreeMap;

use super::Part;
use super::buildkit::BuildKit;
use super::containerd::Containerd;

/// What a reader found at a data root. The default is an empty folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names directly in the data root.
    pub top: Vec<Vec<u8>>,
    /// Names under `image/`: one folder for each storage driver that was used.
    pub image_drivers: Vec<Vec<u8>>,
    /// For each containerd snapshotter (`io.containerd.snapshotter.v1.<name>`), whether it holds a
    /// snapshot. A classic daemon's containerd makes the folders too, and leaves them empty.
    pub snapshotters: BTreeMap<Vec<u8>, bool>,
    /// The overlay2 driver's part, where there is one.
    pub overlay2: Option<Overlay2>,
    /// BuildKit's books.
    pub buildkit: BuildKit,
    /// What the daemon's own containerd keeps of images.
    pub containerd: Containerd,
    /// What a containerd keeps of images whose root is a folder of its own; `None` where there is no
    /// such folder.
    pub elsewhere: Option<Containerd>,
    /// For each volume, the names directly in its `_data`, bounded by the reader.
    pub volumes: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// What lies in the daemon's own parts and is not what a daemon makes there.
    pub strays: Vec<Stray>,
}

impl Listing {
    /// What containerd keeps of images, with the folder that it lies in.
    pub fn containerds(&self) -> impl Iterator<Item = (Part, &Containerd)> {
        let elsewhere = self.elsewhere.iter();
        std::iter::once((Part::Docker, &self.containerd))
            .chain(elsewhere.map(|containerd| (Part::Containerd, containerd)))
    }
}

/// An entry that no daemon makes where it lies. Paths are relative to the data root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stray {
    /// A symlink that is the daemon's own and not in a [`Place::Link`](super::place::Place::Link).
    Symlink(Vec<u8>),
    /// Something else than a regular file in a database's place.
    NoDatabase(Vec<u8>),
}

/// What a reader found under `overlay2/` and `image/overlay2/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay2 {
    /// The group that owns `overlay2/`: 0, or the mapped root of a user-namespace remapping
    /// (moby creates the driver's home with the mapped root's group, in every version).
    pub owner_gid: u32,
    /// Folders under `overlay2/`, without `l`.
    pub folders: BTreeMap<Vec<u8>, Folder>,
    /// `overlay2/l/<short id>` and where it points; `None` where it is no symlink.
    pub short_links: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// `layerdb/sha256/<chain id>`.
    pub layers: BTreeMap<Vec<u8>, Layer>,
    /// `layerdb/mounts/<container id>`: contents of `mount-id` and `init-id`.
    pub mounts: BTreeMap<Vec<u8>, Mount>,
    /// `imagedb/content/sha256/<image id>`: the diff ids of the image's config, in order.
    pub images: BTreeMap<Vec<u8>, ImageConfig>,
}

/// A folder under `overlay2/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its `diff`.
    pub diff: Diff,
    /// Its `link`: the short id.
    pub link: Text,
    /// Its `lower`: short links of what lies below, nearest first. Missing in a base layer.
    pub lower: Text,
}

/// What `diff` is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Diff {
    /// Not there.
    #[default]
    Missing,
    /// A folder of the data root's own.
    Directory,
    /// A symlink to these bytes.
    Symlink(Vec<u8>),
    /// Something that no Docker writes.
    Other,
}

/// A small text file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Text {
    /// Not there.
    #[default]
    Missing,
    /// Its bytes.
    Bytes(Vec<u8>),
    /// No regular file, or longer than the reader takes.
    Unreadable,
}

impl Text {
    /// The text without white space around it, if it is one line of UTF-8.
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(str::trim),
            Self::Missing | Self::Unreadable => None,
        }
    }

    /// Whether the file is not there at all.
    pub fn is_missing(&self) -> bool {
        *self == Self::Missing
    }
}

/// A folder of `layerdb/sha256/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// `cache-id`: the folder under `overlay2/`.
    pub cache_id: Text,
    /// `parent`: `sha256:<chain id>` of the layer below. Missing in a base layer.
    pub parent: Text,
}

/// A folder of `layerdb/mounts/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// `mount-id`: the container's writable folder.
    pub mount_id: Text,
    /// `init-id`: its init folder.
    pub init_id: Text,
}

/// What an image's config says about its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageConfig {
    /// `rootfs.diff_ids`, from the lowest layer up.
    DiffIds(Vec<String>),
    /// The config could not be read.
    Unreadable,
}
