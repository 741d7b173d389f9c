//! The build cache that sessions share: what a build is told of it, and what it leaves there.
//!
//! ```text
//! BuildCache::open ── serves ── begin(key, line) ──> Turn ── entries() ──> the build ──> publish(), or drop
//! ```
//!
//! Nothing here fails a build: what cannot be read is not imported, what cannot be written is not exported.
//! `cachecore::cache` has the folder's layout. Locks: the root's, shared, for the moments in which a
//! build looks and publishes; that of `keys/` while a record changes; that of each manifest and of the
//! export's folder while the build lasts, which the real program holds as well.

mod aside;
pub(crate) mod command;
mod folder;
mod inventory;
mod line;
mod soundness;
mod store;
mod turns;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cachecore::cache::{CanExport, Entries, Key, can_export, steps};
use cachecore::id::BlobId;
use cachecore::record::render;
use jiff::Timestamp;

use crate::load::Between;
use crate::relay::{Relay, was_asked_to_end};
use crate::{Environment, journal};
use aside::{Aside, share_with_programs, sweep};
pub(crate) use line::of as line;
use soundness::Soundness;
pub(crate) use store::digest;
use store::{LARGEST_MANIFEST, Store, Whole};
pub(crate) use turns::Turns;

/// How long a build waits for a collection before it does without the cache.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits, once it is done, for others that publish. Each of them waits for the disk.
const PUBLISHING: Duration = Duration::from_secs(15);

/// How long is looked for damage after a build that has failed. Hardly any has failed for that.
const LOOKING: Duration = Duration::from_secs(5);

/// How much has to be free on the disk for an export, in bytes.
const ROOM: u64 = 64 << 20;

/// The cache of a session.
#[derive(Debug)]
pub(crate) struct BuildCache {
    path: PathBuf,
    imports_only: bool,
}

/// One build's turn with the cache. What it exported is gone when this is dropped, unless it was published.
#[derive(Debug)]
pub(crate) struct Turn {
    key: Key,
    line: String,
    entries: Entries,
    store: Store,
    aside: Option<Aside>,
    /// Locked as long as the build may read them.
    imported: Vec<Whole>,
}

impl BuildCache {
    /// The cache of this environment, if there is one.
    pub(crate) fn open(environment: &Environment) -> Option<Self> {
        let path = environment.build_cache.clone();
        if !path.is_absolute() || !path.is_dir() {
            let problem = format!("no build cache: {} is no folder", path.display());
            journal::say(environment, &problem);
            return None;
        }
        Some(Self {
            path,
            imports_only: environment.imports_only,
        })
    }

    /// Whether the builder of a command can export to it.
    pub(crate) fn serves(&self, between: Between<'_>) -> bool {
        let able = match can_export(between.builder) {
            CanExport::Yes => true,
            CanExport::No => false,
            CanExport::WithContainerdStore => crate::load::images(between)
                .is_some_and(|images| images.are_in_containerd().unwrap_or(false)),
        };
        if !able {
            let builder = &between.builder.name;
            let problem = format!("no build cache: builder {builder} does not export");
            journal::say(between.environment, &problem);
        }
        able
    }

    /// What a build of this key, in this line of work, is told. Nothing, if there is nothing to be told.
    pub(crate) fn begin(&self, environment: &Environment, key: Key, line: String) -> Option<Turn> {
        match self.try_begin(environment, key, line) {
            Ok(turn) => (!turn.entries.is_empty()).then_some(turn),
            Err(e) => {
                journal::say(
                    environment,
                    &format!("no build cache: {}: {e}", self.path.display()),
                );
                None
            }
        }
    }

    fn try_begin(&self, environment: &Environment, key: Key, line: String) -> io::Result<Turn> {
        let (store, aside) = match self.export_store(environment) {
            Some((store, aside)) => (store, Some(aside)),
            None => (Store::open(&self.path)?, None),
        };
        let gate = store.root.lock(true, PATIENCE);
        if gate.is_none() {
            return Err(io::Error::other("a collection has it"));
        }
        let mut imported = Vec::new();
        let mut named = Vec::<BlobId>::new();
        for manifest in store.record(&key)?.imports() {
            match store.whole(manifest) {
                Ok(whole) => {
                    share_with_programs(&whole.manifest);
                    imported.push(whole);
                    named.push(manifest.clone());
                }
                Err(e) => journal::say(environment, &format!("export {manifest} not used: {e}")),
            }
        }
        drop(gate);
        let to = aside.as_ref().map(|aside| aside.path().as_os_str());
        let entries = Entries::new(self.path.as_os_str(), &named, to)
            .ok_or_else(|| io::Error::other("its path cannot be written in a list"))?;
        let count = named.len();
        journal::say(
            environment,
            &format!("build cache {key}: {count} exports imported"),
        );
        Ok(Turn {
            key,
            line,
            entries,
            store,
            aside,
            imported,
        })
    }

    /// The cache to be exported to, and where; `None` if it is not to be, or cannot be.
    fn export_store(&self, environment: &Environment) -> Option<(Store, Aside)> {
        if self.imports_only {
            return None;
        }
        let made = || {
            let space = rustix::fs::statvfs(&self.path)?;
            if space.f_bavail.saturating_mul(space.f_frsize) < ROOM {
                return Err(io::Error::other("the disk is full"));
            }
            let store = Store::made(&self.path)?;
            let exports = store.root.folder("exports")?;
            sweep(&exports);
            let aside = Aside::new(&exports)?;
            share_with_programs(aside.folder().fd());
            Ok((store, aside))
        };
        made()
            .inspect_err(|e| {
                journal::say(
                    environment,
                    &format!("not exported to the build cache: {e}"),
                )
            })
            .ok()
    }
}

impl Turn {
    /// What the build is told.
    pub(crate) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Looks, after a build that has failed, whether what it has imported is damaged, which would have failed
    /// it. What is damaged is put in quarantine, and the build can be done again: without imports.
    pub(crate) fn was_misled(&mut self, environment: &Environment) -> bool {
        if was_asked_to_end() {
            return false;
        }
        // Who is asked to end meanwhile stops looking, and cleans up.
        let _relay = Relay::begin();
        let until = Instant::now() + LOOKING;
        let mut looked_at = BTreeSet::new();
        let mut is_misled = false;
        for blob in self.imported.iter().flat_map(|whole| &whole.contents.blobs) {
            if was_asked_to_end() {
                return false;
            }
            if !looked_at.insert(&blob.id) {
                continue;
            }
            match self.store.soundness(&blob.id, Some(until)) {
                Soundness::Sound => {}
                Soundness::Unknown => break,
                Soundness::Damaged | Soundness::Unreadable => {
                    let _ = self.store.quarantine(&blob.id);
                    journal::say(environment, &format!("build cache: {} is damaged", blob.id));
                    is_misled = true;
                }
            }
        }
        if is_misled {
            self.imported.clear();
            self.entries.from.clear();
        }
        is_misled
    }

    /// Puts the export of a build that has succeeded into the record of its key.
    pub(crate) fn publish(self, environment: &Environment) {
        if self.aside.is_none() {
            return;
        }
        match self.try_publish() {
            Ok(manifest) => {
                let key = &self.key;
                journal::say(
                    environment,
                    &format!("build cache {key}: {manifest} published"),
                );
            }
            Err(e) => journal::say(
                environment,
                &format!("not published in the build cache: {e}"),
            ),
        }
    }

    fn try_publish(&self) -> io::Result<BlobId> {
        let store = &self.store;
        let exported = self.aside.as_ref().and_then(Aside::exported);
        let exported =
            exported.ok_or_else(|| io::Error::other("the builder has exported nothing"))?;
        let busy = || io::Error::other("others have it locked");
        let _gate = store.root.lock(true, PUBLISHING).ok_or_else(busy)?;
        store.share(&exported.manifest);
        let whole = store.whole(&exported.manifest)?;
        for blob in &whole.contents.blobs {
            store.share(&blob.id);
        }
        let config = &whole.contents.config;
        let bytes = store.blobs.read(config.as_str(), LARGEST_MANIFEST)?;
        let steps = steps(&bytes).filter(|_| digest(&bytes) == config.as_str());
        let steps = steps.ok_or_else(|| io::Error::other("its configuration makes no sense"))?;
        let _changing = store.keys.lock(false, PUBLISHING).ok_or_else(busy)?;
        let mut record = store.record(&self.key)?;
        record.add(&exported.manifest, &steps, &self.line, Timestamp::now());
        store.keys.replace(&self.key.file(), &render(&record))?;
        Ok(exported.manifest)
    }
}
