use serde::{Deserialize, Serialize};

use super::Other;

/// `sharing.json`: whether sessions can share the blocks of goldens, as it was tried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharingRecord {
    /// Format of this record.
    pub format: u32,
    /// Id of the filesystem that the goldens lay on.
    pub golden: String,
    /// Id of the filesystem that the sessions lay on.
    pub sessions: String,
    /// Whether files of the one could share blocks with files of the other.
    pub shares_blocks: bool,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}
