use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FORMAT, Other};
use crate::id::LayerName;

/// `layers/<layer>/quarantine.json`: why nobody may use a layer. A verification writes it; one that
/// finds the layer well, or a promotion that brings it again, takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerQuarantine {
    /// Format of this record.
    pub format: u32,
    /// What was found.
    pub findings: Vec<String>,
    /// When it was found.
    pub found_at: Timestamp,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

impl LayerQuarantine {
    /// For a layer of which this was found.
    pub fn new(findings: Vec<String>, found_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            findings,
            found_at,
            other: Other::new(),
        }
    }
}

/// `golden/<project>/gen-000007.quarantine.json`: why no session may start from a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationQuarantine {
    /// Format of this record.
    pub format: u32,
    /// The quarantined layers that it needs, each with the first thing that was found.
    pub layers: BTreeMap<LayerName, String>,
    /// What was found of its own data root.
    pub findings: Vec<String>,
    /// When it was found.
    pub found_at: Timestamp,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

impl GenerationQuarantine {
    /// A quarantine without a reason yet.
    pub fn new(found_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            layers: BTreeMap::new(),
            findings: Vec::new(),
            found_at,
            other: Other::new(),
        }
    }

    /// Whether nothing speaks against the generation.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty() && self.findings.is_empty()
    }

    /// The first reason, as a sentence.
    pub fn reason(&self) -> String {
        let layer = self.layers.iter().next();
        layer
            .map(|(layer, finding)| format!("layer {layer} is damaged: {finding}"))
            .or_else(|| self.findings.first().cloned())
            .unwrap_or_default()
    }
}
