use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::Other;

/// `store.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRecord {
    /// Format of the store's layout.
    pub format: u32,
    /// The store's identity, random.
    pub id: String,
    /// Where the store was made. Links into `layers/` are absolute, so a store that was moved
    /// cannot be used until it is moved back.
    pub root: Utf8PathBuf,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}
