//! What the store writes down: JSON with a `format` number each.
//!
//! A reader refuses a newer format and says so. A writer that rewrites a record keeps the fields it
//! does not know (`other`), so an older and a newer version of the same format can share a store.

mod build;
mod manifest;
mod project;
mod quarantine;
mod request;
mod session;
mod sharing;
mod store;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use build::{BuildOutcome, BuildRecord};
pub use manifest::{Contents, Form, LayerRecord, Manifest, Origin, Sizes};
pub use project::{
    BuildSummary, CutShort, KEPT_BUILDS, KILLS_ALLOWED, ProjectState, RunningBuild, Status,
};
pub use quarantine::{GenerationQuarantine, LayerQuarantine};
pub use request::{Decision, Request, RequestedBy, Settings, Verdict};
pub use session::{Lease, LeaseEnd, Purpose, SessionRecord, SessionStage};
pub use sharing::SharingRecord;
pub use store::StoreRecord;

/// The format this version writes, for every record.
pub const FORMAT: u32 = 1;

/// Fields of a record that this version does not know.
pub type Other = serde_json::Map<String, serde_json::Value>;

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON of the expected shape.
    #[error("it is not what it should be: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A newer version wrote it.
    #[error(
        "it has format {found}, and this version knows formats up to {FORMAT}: \
         use the version that wrote it, or a newer one"
    )]
    Newer {
        /// The record's format.
        found: u32,
    },
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Reads a record, checking its format before its shape.
///
/// # Errors
/// [`RecordError`] if it has a newer format or another shape.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RecordError> {
    let FormatOnly { format } = serde_json::from_slice(bytes)?;
    if format > FORMAT {
        return Err(RecordError::Newer { found: format });
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// A record as it is written: readable JSON, ended by a newline.
pub fn render<T: Serialize>(record: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests;
