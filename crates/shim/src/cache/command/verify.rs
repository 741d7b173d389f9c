//! `docker-shim cache verify`: reads everything, and puts aside what is damaged.

use std::fmt::Write;
use std::io;
use std::process::ExitCode;

use cachecore::cache::collection;
use cachecore::id::BlobId;
use cachecore::size::show;
use jiff::Timestamp;
use serde::Serialize;

use super::collect::forget;
use super::{Asked, BUSY, DAMAGED, PATIENCE, Told, say};
use crate::cache::inventory::look;
use crate::cache::soundness::Soundness;
use crate::cache::store::Store;
use crate::journal;

#[derive(Debug, Default, Serialize)]
struct Verified {
    blobs: usize,
    bytes: u64,
    /// Blobs that were not what their names say.
    damaged: Vec<BlobId>,
    /// Blobs that cannot be read.
    unreadable: Vec<BlobId>,
    /// Records that made no sense, by the names of their files.
    senseless: Vec<String>,
    /// Exports that are not whole, taken out of their records.
    dropped: usize,
    /// What could not be put right.
    problems: Vec<String>,
}

pub(super) fn verify(store: &Store, asked: &Asked) -> io::Result<ExitCode> {
    let first = look(store)?;
    let mut report = Verified {
        blobs: first.inventory.blobs.len(),
        bytes: first.inventory.bytes(first.inventory.blobs.keys()),
        senseless: first.senseless,
        ..Verified::default()
    };
    for id in first.inventory.blobs.keys() {
        match store.soundness(id, None) {
            Soundness::Sound | Soundness::Unknown => continue,
            Soundness::Unreadable => {
                report.unreadable.push(id.clone());
                continue;
            }
            Soundness::Damaged => report.damaged.push(id.clone()),
        }
        if let Err(e) = store.quarantine(id) {
            report.problems.push(format!("{id} stays where it is: {e}"));
        }
    }
    let Some(_all) = store.root.lock(false, PATIENCE) else {
        journal::fail("builds look at the cache or publish in it; try again");
        return Ok(ExitCode::from(BUSY));
    };
    for name in &report.senseless {
        if let Err(e) = store.quarantine_record(name) {
            report
                .problems
                .push(format!("{name} stays where it is: {e}"));
        }
    }
    let inventory = look(store)?.inventory;
    let mut plan = collection(&inventory, None, Timestamp::now());
    plan.blobs.clear();
    report.dropped = plan.dropped.len();
    if let Err(e) = forget(store, &inventory, &plan) {
        report
            .problems
            .push(format!("records stay as they are: {e}"));
    }
    let is_well = report.damaged.is_empty()
        && report.senseless.is_empty()
        && report.dropped == 0
        && report.problems.is_empty();
    let said = say(asked, &report);
    Ok(if is_well {
        said
    } else {
        ExitCode::from(DAMAGED)
    })
}

impl Told for Verified {
    fn told(&self) -> String {
        let mut text = format!("{} blobs, {}\n", self.blobs, show(self.bytes));
        for id in &self.damaged {
            let _ = writeln!(text, "damaged, put aside: {id}");
        }
        for id in &self.unreadable {
            let _ = writeln!(text, "cannot be read: {id}");
        }
        for name in &self.senseless {
            let _ = writeln!(text, "makes no sense, put aside: {name}");
        }
        if self.dropped > 0 {
            let _ = writeln!(
                text,
                "{} exports were not whole and are not imported",
                self.dropped
            );
        }
        for problem in &self.problems {
            let _ = writeln!(text, "{problem}");
        }
        text
    }
}
