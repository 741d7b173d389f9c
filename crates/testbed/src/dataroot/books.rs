//! The books that BuildKit keeps of its snapshots, as a daemon with the classic store writes them.

use std::path::Path;

use serde_json::{Value, json};

use super::{names, put};
use crate::bolt::{self, Shape, Tree};

/// `snapshots.db` and `metadata_v2.db`.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    snapshots: Tree,
    records: Tree,
}

impl Books {
    /// A step that something was built on, or that was exported.
    pub(super) fn committed(&mut self, folder: &str) {
        let record = names::snapshot(&format!("committed {folder}"));
        bolt::put(&mut self.snapshots, &[folder, "parent"], "");
        bolt::put(&mut self.snapshots, &[folder, "iscommitted"], "");
        bolt::put(&mut self.snapshots, &[&record, "committed"], folder);
        self.note(&record, "cache.snapshot", json!({"value": record}));
        self.note(&record, "snapshot.committed", json!({"value": true}));
        let emptied = &["_main", &record, "cache.equalMutable"];
        bolt::put(&mut self.records, emptied, "");
    }

    /// A step that is being done.
    pub(super) fn begun(&mut self, folder: &str) {
        bolt::put(&mut self.snapshots, &[folder, "parent"], "");
        self.note(folder, "cache.snapshot", json!({"value": folder}));
        self.note(folder, "cache.usageCount", json!({"value": 1}));
    }

    /// A step that was done, and that nothing was built on since.
    pub(super) fn twin(&mut self, folder: &str) {
        self.begun(folder);
        let record = names::snapshot(&format!("twin of {folder}"));
        bolt::put(&mut self.snapshots, &[folder, "size"], "4096");
        self.note(&record, "cache.snapshot", json!({"value": record}));
        self.note(&record, "cache.equalMutable", json!({"value": folder}));
        self.note(&record, "snapshot.committed", json!({"value": true}));
    }

    /// What a later build looks for to write it again: a cache mount, a context.
    pub(super) fn looked_for(&mut self, folder: &str, index: &str) {
        self.twin(folder);
        let entry = json!({"value": "", "index": index});
        self.note(folder, "cache-dir", entry);
        let index = format!("{index}::{folder}");
        bolt::put(&mut self.records, &["_index", &index], "");
    }

    fn note(&mut self, record: &str, key: &str, value: Value) {
        let path = ["_main", record, key];
        bolt::put(&mut self.records, &path, value.to_string());
    }

    pub(super) fn write(&self, buildkit: &Path) {
        for (name, tree) in [
            ("snapshots", &self.snapshots),
            ("metadata_v2", &self.records),
        ] {
            let file = bolt::file(tree, Shape::default());
            put(buildkit.join(name).with_extension("db"), file);
        }
    }
}
