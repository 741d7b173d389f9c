//! `docker-shim cache`: what an operator sees of the build cache, and does about it.

mod collect;
mod verify;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use cachecore::cache::Key;
use cachecore::id::BlobId;
use cachecore::size::{parse, show};
use jiff::Timestamp;
use serde::Serialize;

use super::inventory::{Looked, look};
use super::store::Store;
use crate::manage::print;
use crate::{Environment, journal};

/// What it is called with.
pub(crate) const USAGE: &str = "\
usage: docker-shim cache ls                      the exports of each key
       docker-shim cache stats                   what there is, and what it saves
       docker-shim cache gc [--max-size 20G] [--dry-run]
       docker-shim cache verify                  reads every blob; what is damaged is put aside
each with --json; the cache is CACHECORE_BUILD_CACHE, or /buildkit-cache
exit codes: 0 ok, 1 failed, 2 usage, 4 busy, 5 damage was found
";

const BUSY: u8 = 4;
const DAMAGED: u8 = 5;

/// How long is waited for builds that look or publish.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the words ask for.
#[derive(Debug, Default)]
struct Asked {
    verb: String,
    json: bool,
    dry_run: bool,
    max_size: Option<u64>,
}

/// Runs it.
pub(crate) fn run(environment: &Environment, words: &[OsString]) -> ExitCode {
    let asked = match asked(words) {
        Ok(asked) => asked,
        Err(problem) => {
            journal::fail(&format!("{problem}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let path = &environment.build_cache;
    let done = Store::open(path).and_then(|store| match asked.verb.as_str() {
        "ls" => Ok(say(&asked, &list(&store)?)),
        "stats" => Ok(say(&asked, &stats(&store)?)),
        "verify" => verify::verify(&store, &asked),
        _ => collect::collect(&store, &asked),
    });
    done.unwrap_or_else(|e| {
        journal::fail(&format!("build cache {}: {e}", path.display()));
        ExitCode::FAILURE
    })
}

fn asked(words: &[OsString]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        match (word.as_ref(), word.split_once('=')) {
            ("--json", _) => asked.json = true,
            ("--dry-run", _) => asked.dry_run = true,
            ("--max-size", _) => {
                let size = words.next().ok_or("--max-size has no value")?;
                asked.max_size = Some(parse(&size).map_err(|e| e.to_string())?);
            }
            (_, Some(("--max-size", size))) => {
                asked.max_size = Some(parse(size).map_err(|e| e.to_string())?);
            }
            ("ls" | "stats" | "gc" | "verify", _) if asked.verb.is_empty() => {
                asked.verb = word.into_owned();
            }
            (other, _) => return Err(format!("{other:?} is not understood")),
        }
    }
    if asked.verb.is_empty() {
        return Err("which command of cache?".to_owned());
    }
    if asked.verb != "gc" && (asked.dry_run || asked.max_size.is_some()) {
        return Err("--dry-run and --max-size are for gc".to_owned());
    }
    Ok(asked)
}

/// What is said to people, besides JSON.
trait Told: Serialize {
    fn told(&self) -> String;
}

fn say(asked: &Asked, report: &impl Told) -> ExitCode {
    if !asked.json {
        return print(&report.told());
    }
    match serde_json::to_string_pretty(report) {
        Ok(text) => print(&format!("{text}\n")),
        Err(e) => {
            journal::fail(&format!("cannot write the report: {e}"));
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    key: Key,
    exports: usize,
    /// Those of which every blob is there.
    whole: usize,
    /// Of all its blobs together, also those that other keys have too.
    bytes: u64,
    builds: u64,
    used: Option<Timestamp>,
    lines: Vec<String>,
}

fn list(store: &Store) -> io::Result<Vec<Listed>> {
    let inventory = look(store)?.inventory;
    let listed = |(key, record): (&Key, &cachecore::cache::KeyRecord)| {
        let of_export = record
            .exports
            .iter()
            .filter_map(|e| inventory.blobs_of(&e.manifest));
        let blobs: BTreeSet<&BlobId> = of_export.flatten().collect();
        let is_whole = |e: &&cachecore::cache::Export| inventory.whole.contains_key(&e.manifest);
        Listed {
            key: key.clone(),
            exports: record.exports.len(),
            whole: record.exports.iter().filter(is_whole).count(),
            bytes: inventory.bytes(blobs),
            builds: record.exports.iter().map(|export| export.builds).sum(),
            used: record.exports.iter().map(|export| export.used).max(),
            lines: record
                .exports
                .iter()
                .map(|export| export.line.clone())
                .collect(),
        }
    };
    Ok(inventory.records.iter().map(listed).collect())
}

impl Told for Vec<Listed> {
    fn told(&self) -> String {
        let mut text = format!(
            "{:<34} {:>7} {:>6} {:>9}  {}\n",
            "KEY", "EXPORTS", "BUILDS", "SIZE", "USED"
        );
        for key in self {
            let used = key
                .used
                .map(|used| used.strftime("%Y-%m-%d %H:%M").to_string());
            let name: String = key.key.as_str().chars().take(34).collect();
            let (size, used) = (show(key.bytes), used.unwrap_or_default());
            let _ = writeln!(
                text,
                "{name:<34} {:>7} {:>6} {size:>9}  {used}",
                key.exports, key.builds
            );
        }
        text
    }
}

#[derive(Debug, Serialize)]
struct Stats {
    keys: usize,
    exports: usize,
    /// Exports that nobody can import, because blobs are missing.
    broken_exports: usize,
    senseless_records: usize,
    builds: u64,
    /// Builds whose steps had all been exported before.
    builds_without_new_steps: u64,
    blobs: usize,
    bytes: u64,
    /// What the exports would take if each had blobs of its own.
    bytes_if_not_shared: u64,
    /// What no export needs: `gc` removes it.
    unneeded_bytes: u64,
    exporting: usize,
    importing: usize,
}

fn stats(store: &Store) -> io::Result<Stats> {
    let Looked {
        inventory,
        senseless,
    } = look(store)?;
    let exports = || {
        inventory
            .records
            .values()
            .flat_map(|record| &record.exports)
    };
    let whole = || exports().filter_map(|export| inventory.blobs_of(&export.manifest));
    let needed: BTreeSet<&BlobId> = whole().flatten().collect();
    let bytes = inventory.bytes(inventory.blobs.keys());
    Ok(Stats {
        keys: inventory.records.len(),
        exports: exports().count(),
        broken_exports: exports().count() - whole().count(),
        senseless_records: senseless.len(),
        builds: exports().map(|export| export.builds).sum(),
        builds_without_new_steps: exports()
            .map(|export| export.builds.saturating_sub(1))
            .sum(),
        blobs: inventory.blobs.len(),
        bytes,
        bytes_if_not_shared: whole().map(|blobs| inventory.bytes(blobs)).sum(),
        unneeded_bytes: bytes - inventory.bytes(needed),
        exporting: inventory.exporting,
        importing: inventory.in_use.len(),
    })
}

impl Told for Stats {
    fn told(&self) -> String {
        format!(
            "{} keys, {} exports ({} broken), {} builds ({} without a new step)\n\
             {} in {} blobs; without sharing {}; {} that nobody needs\n\
             {} builds export now, {} exports are being imported\n",
            self.keys,
            self.exports,
            self.broken_exports,
            self.builds,
            self.builds_without_new_steps,
            show(self.bytes),
            self.blobs,
            show(self.bytes_if_not_shared),
            show(self.unneeded_bytes),
            self.exporting,
            self.importing
        )
    }
}
