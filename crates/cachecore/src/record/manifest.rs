use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::dataroot::nested::Nested;
use crate::dataroot::{Kind, Seat};
use crate::id::{BuildId, Generation, LayerName, ProjectId, SessionId};

/// `manifest.json`: what a generation is. Written once, before the generation is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of this record.
    pub format: u32,
    /// Whose golden it is.
    pub project: ProjectId,
    /// Its number.
    pub generation: Generation,
    /// The generation it was made from, if any.
    pub base: Option<Generation>,
    /// Which engine and store wrote its data root.
    pub kind: Kind,
    /// How its data root lies on disk. Manifests of versions that knew one form do not say.
    #[serde(default)]
    pub form: Form,
    /// Whether containerd's root lies beside the data root, in a folder of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub containerd: bool,
    /// Its layers in the store, in order of their folders. Empty where it is whole.
    pub layers: Vec<LayerRecord>,
    /// How large it is.
    pub sizes: Sizes,
    /// Where it came from.
    pub origin: Origin,
    /// The version of the engine that made it, where it is known.
    pub engine: Option<String>,
    /// The source revision that the caller named.
    pub revision: Option<String>,
    /// The SHA-256 of the startup file that it was built by, in hex; `None` if it was built by
    /// something else, or if the file changed while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_sha256: Option<String>,
    /// Volumes that hold a data root of their own.
    #[serde(default)]
    pub nested: Vec<Nested>,
    /// When it was promoted.
    pub promoted_at: Timestamp,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

/// How a generation's data root lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Its layers are links into `layers/`, which all generations and sessions share.
    #[default]
    Layered,
    /// It is a btrfs subvolume with its layers inside. Generations and sessions share blocks.
    Whole,
}

/// One layer of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Where it lies in the data root. Earlier versions wrote cache ids only, and they still read.
    pub folder: Seat,
    /// Its name in the store.
    pub layer: LayerName,
    /// Bytes on disk.
    pub bytes: u64,
    /// What a verification counts again, in manifests that have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// How much a layer holds, in numbers that do not depend on the filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Names in it, its own folder included.
    pub entries: u64,
    /// Sum of the lengths of its files, each once.
    pub bytes: u64,
}

/// How large a generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sizes {
    /// Bytes on disk of what sessions share: all its layers, or all of it where it is whole.
    pub shared_bytes: u64,
    /// Bytes on disk of everything else: what each session copies.
    pub mutable_bytes: u64,
    /// Entries of everything else.
    pub mutable_entries: u64,
}

/// Where a generation came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Origin {
    /// `import` of this data root.
    Import {
        /// The data root's path.
        path: Utf8PathBuf,
        /// The session that carried it in.
        session: SessionId,
    },
    /// `session promote` of this session.
    Session {
        /// The session.
        session: SessionId,
    },
    /// A golden build.
    Build {
        /// The build.
        build: BuildId,
        /// The session that it ran in.
        session: SessionId,
    },
}

impl Origin {
    /// The session that became the generation.
    pub fn session(&self) -> &SessionId {
        match self {
            Self::Import { session, .. }
            | Self::Session { session }
            | Self::Build { session, .. } => session,
        }
    }
}
