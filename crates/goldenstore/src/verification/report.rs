//! What a verification says.

use std::io::ErrorKind;

use cachecore::id::{Generation, LayerName, ProjectId};
use serde::Serialize;

use crate::error::StoreError;

/// How much to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Whether to read the contents of every layer.
    pub full: bool,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The project.
    pub project: ProjectId,
    /// Whether contents were read.
    pub full: bool,
    /// What is wrong with the project itself.
    pub findings: Vec<String>,
    /// Its generations, in order.
    pub generations: Vec<GenerationFindings>,
    /// Their layers, in order of their names.
    pub layers: Vec<LayerFindings>,
    /// Layers whose quarantine was lifted.
    pub lifted: Vec<LayerName>,
    /// Why not all of this could be noted in the store: what is damaged is then not in quarantine, or
    /// what is well again still is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmarked: Option<Unmarked>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// What was found of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerationFindings {
    /// The generation.
    pub generation: Generation,
    /// Whether it serves.
    pub current: bool,
    /// How many layers it has.
    pub layers: u64,
    /// How many of them something was found of.
    pub layers_damaged: u64,
    /// What is wrong with its data root.
    pub findings: Vec<String>,
    /// Whether it is in quarantine, for these findings or for those of its layers.
    pub quarantined: bool,
}

/// What was found of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerFindings {
    /// The layer.
    pub layer: LayerName,
    /// The generation that it lies inside of, where goldens are whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Generation>,
    /// How much of it was verified.
    pub depth: Depth,
    /// Why not its contents, where the verification was a full one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What is wrong with it.
    pub findings: Vec<String>,
    /// Who needs it, in all projects, if something is wrong with it.
    pub needed_by: Vec<Need>,
}

/// A generation that needs a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The project.
    pub project: ProjectId,
    /// The generation.
    pub generation: Generation,
}

/// Marks that could not be written, or not be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmarked {
    /// What kind of obstacle it was.
    pub obstacle: Obstacle,
    /// The first error, as a sentence.
    pub error: String,
}

/// What keeps a mark from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// The filesystem can only be read.
    ReadOnly,
    /// The filesystem is full.
    NoSpace,
    /// Somebody holds the lock for long.
    Busy,
    /// Something else.
    Failed,
}

impl Unmarked {
    pub(super) fn by(error: &StoreError) -> Self {
        let obstacle = match error {
            StoreError::Busy { .. } => Obstacle::Busy,
            StoreError::Io { source, .. } => match source.kind() {
                ErrorKind::ReadOnlyFilesystem => Obstacle::ReadOnly,
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Obstacle::NoSpace,
                _ => Obstacle::Failed,
            },
            _ => Obstacle::Failed,
        };
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let mut error = error.to_string();
        if let Some(cause) = cause.filter(|cause| !error.contains(cause)) {
            error = format!("{error}: {cause}");
        }
        Self { obstacle, error }
    }
}

/// How much of a layer was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// That it is there, and how much it holds.
    Structure,
    /// All that its image says of it.
    Contents,
}

impl VerifyReport {
    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
            && self.generations.iter().all(|g| g.findings.is_empty())
            && self.layers.iter().all(|layer| layer.findings.is_empty())
    }
}
