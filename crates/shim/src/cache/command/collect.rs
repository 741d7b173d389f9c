//! `docker-shim cache gc`: removes what no build will miss.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::process::ExitCode;

use cachecore::cache::{Collection, Inventory, Key, collection};
use cachecore::id::BlobId;
use cachecore::record::render;
use cachecore::size::show;
use jiff::Timestamp;
use rustix::fs::AtFlags;
use serde::Serialize;

use super::{Asked, BUSY, PATIENCE, Told, say};
use crate::cache::aside::sweep;
use crate::cache::inventory::look;
use crate::cache::store::Store;
use crate::journal;

#[derive(Debug, Serialize)]
struct Collected {
    dry_run: bool,
    #[serde(flatten)]
    plan: Collection,
    /// What killed builds had left.
    swept: usize,
    /// Blobs that could not be removed: another user's.
    resisting: usize,
}

pub(super) fn collect(store: &Store, asked: &Asked) -> io::Result<ExitCode> {
    let Some(_all) = store.root.lock(asked.dry_run, PATIENCE) else {
        journal::fail("builds look at the cache or publish in it; try again");
        return Ok(ExitCode::from(BUSY));
    };
    let exports = store.root.folder("exports");
    let swept = match &exports {
        Ok(exports) if !asked.dry_run => sweep(exports),
        _ => 0,
    };
    let inventory = look(store)?.inventory;
    let plan = collection(&inventory, asked.max_size, Timestamp::now());
    let mut resisting = 0;
    if !asked.dry_run {
        forget(store, &inventory, &plan)?;
        for id in &plan.blobs {
            let removed = rustix::fs::unlinkat(store.blobs.fd(), id.as_str(), AtFlags::empty());
            resisting += usize::from(removed.is_err());
        }
    }
    let report = Collected {
        dry_run: asked.dry_run,
        plan,
        swept,
        resisting,
    };
    Ok(say(asked, &report))
}

/// Takes exports out of the records, before anything that they need is removed.
pub(super) fn forget(store: &Store, inventory: &Inventory, plan: &Collection) -> io::Result<()> {
    let keys: BTreeSet<&Key> = plan.dropped.iter().map(|dropped| &dropped.key).collect();
    for key in keys {
        let Some(record) = inventory.records.get(key) else {
            continue;
        };
        let mut record = record.clone();
        let goes = |manifest: &BlobId| {
            let mut dropped = plan.dropped.iter();
            dropped.any(|dropped| dropped.key == *key && dropped.manifest == *manifest)
        };
        record.exports.retain(|export| !goes(&export.manifest));
        if record.exports.is_empty() {
            rustix::fs::unlinkat(store.keys.fd(), key.file(), AtFlags::empty())?;
        } else {
            store.keys.replace(&key.file(), &render(&record))?;
        }
    }
    Ok(())
}

impl Told for Collected {
    fn told(&self) -> String {
        let verb = if self.dry_run {
            "would remove"
        } else {
            "removed"
        };
        let mut text = format!(
            "{verb} {} in {} blobs and {} exports; {} in {} exports stay\n",
            show(self.plan.removed_bytes),
            self.plan.blobs.len(),
            self.plan.dropped.len(),
            show(self.plan.kept_bytes),
            self.plan.kept_exports
        );
        if self.resisting > 0 {
            let _ = writeln!(text, "{} blobs are another user's and stay", self.resisting);
        }
        text
    }
}
