//! What BuildKit's books say about the folders that it keeps beside the images.
//!
//! The classic store's daemon writes two bolt databases (`builder-next/adapters/snapshot` of moby and
//! `cache/metadata.go` of BuildKit; the same in 20.10 to 28):
//!
//! ```text
//! buildkit/snapshots.db     <folder>/  parent, size; iscommitted when nothing may write it any more
//!                           <name>/    committed = <folder>; chainid when it became a layer
//! buildkit/metadata_v2.db   _main/<record>/  cache.snapshot, cache.equalMutable, snapshot.committed, …
//!                                            each {"value": …, "index": …}
//!                           _index/<what is looked for>::<record>
//! ```
//!
//! BuildKit commits late: the last step of a stage that only `COPY --from` reads is written once,
//! yet stays as it was made until something is built on it. Its record has a twin then, which is
//! committed and names it as `cache.equalMutable`. Contexts and cache mounts have such twins too. What
//! tells them apart is the index: they are looked for by name and written again, while a step of a
//! build is in no index, and nothing but its twin leads to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::bolt::{Bolt, BoltError, Bucket, Entry, ReadAt};
use crate::id::CacheId;

/// What the two books say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildKit {
    /// `snapshots.db`, by key.
    pub snapshots: Book<Snapshot>,
    /// `metadata_v2.db`, by record.
    pub records: Book<Record>,
}

/// One book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Book<T> {
    /// Not there.
    #[default]
    Missing,
    /// What it says.
    Read(BTreeMap<Vec<u8>, T>),
    /// It could not be read, because of this. What it says is not known.
    Unreadable(String),
}

/// A bucket of `snapshots.db`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder that this name was given to.
    pub committed: Option<Vec<u8>>,
    /// Whether the folder of this name has been committed.
    pub is_committed: bool,
}

/// A record of `metadata_v2.db`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The snapshot that it stands for, where it is not of the record's own name.
    pub snapshot: Option<Vec<u8>>,
    /// The record that may still be written and that this one is equal to.
    pub equal_mutable: Option<Vec<u8>>,
    /// Whether its contents are final.
    pub committed: bool,
    /// Whether something looks for it by anything but its own name.
    pub indexed: bool,
}

/// Why a book cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The database is damaged.
    #[error(transparent)]
    Bolt(#[from] BoltError),
    /// It has more entries than any daemon writes.
    #[error("it has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// Its names, and what is taken of its entries, are longer than any daemon writes.
    #[error("it has more than {MAX_KEPT} bytes of names and entries")]
    TooLong,
}

/// Most entries that are taken of a book, and of its index.
const MAX_ENTRIES: usize = 200_000;
/// Most bytes that are kept of a book, with what an entry takes besides. A name may be as long as a page.
const MAX_KEPT: usize = 8 << 20;
const ENTRY: usize = 128;
/// Longest value of a record that is looked into. Those that are asked for are words.
const MAX_VALUE: usize = 4096;

impl<T> Book<T> {
    /// What could be read of it, or why it could not.
    pub fn of(read: Result<BTreeMap<Vec<u8>, T>, BookError>) -> Self {
        match read {
            Ok(entries) => Self::Read(entries),
            Err(e) => Self::Unreadable(e.to_string()),
        }
    }
}

/// Reads `snapshots.db`.
///
/// # Errors
/// [`BookError`] if it is damaged or too long.
pub fn snapshots<R: ReadAt>(bolt: &Bolt<R>) -> Result<BTreeMap<Vec<u8>, Snapshot>, BookError> {
    let read = |bucket: &Bucket<'_, R>| {
        Ok(Snapshot {
            committed: bucket.value(b"committed")?,
            is_committed: bucket.value(b"iscommitted")?.is_some(),
        })
    };
    buckets(&bolt.root(), read, Snapshot::bytes)
}

/// Reads `metadata_v2.db`.
///
/// # Errors
/// [`BookError`] if it is damaged or too long.
pub fn records<R: ReadAt>(bolt: &Bolt<R>) -> Result<BTreeMap<Vec<u8>, Record>, BookError> {
    let Some(main) = bolt.bucket(["_main"])? else {
        return Ok(BTreeMap::new());
    };
    let mut records = buckets(&main, record, Record::bytes)?;
    if let Some(index) = bolt.bucket(["_index"])? {
        for (nth, entry) in index.entries().enumerate() {
            if nth == MAX_ENTRIES {
                return Err(BookError::TooMany);
            }
            let (key, _) = entry?;
            let name = key.windows(2).rposition(|two| two == b"::");
            if let Some(record) = name.and_then(|at| records.get_mut(&key[at + 2..])) {
                record.indexed = true;
            }
        }
    }
    Ok(records)
}

fn buckets<R: ReadAt, T>(
    parent: &Bucket<'_, R>,
    read: impl Fn(&Bucket<'_, R>) -> Result<T, BoltError>,
    bytes: impl Fn(&T) -> usize,
) -> Result<BTreeMap<Vec<u8>, T>, BookError> {
    let mut found = BTreeMap::new();
    let mut kept = Kept::default();
    for entry in parent.entries() {
        let (key, entry) = entry?;
        if let Entry::Bucket(bucket) = entry {
            if found.len() == MAX_ENTRIES {
                return Err(BookError::TooMany);
            }
            let entry = read(&bucket)?;
            kept.add(key.len() + bytes(&entry))?;
            found.insert(key, entry);
        }
    }
    Ok(found)
}

/// How much is kept of a book already.
#[derive(Default)]
pub(super) struct Kept(usize);

impl Kept {
    /// Adds an entry of so many bytes.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), BookError> {
        self.0 += ENTRY + bytes;
        if self.0 > MAX_KEPT {
            return Err(BookError::TooLong);
        }
        Ok(())
    }
}

impl Snapshot {
    /// How long what it names is.
    pub fn bytes(&self) -> usize {
        self.committed.as_ref().map_or(0, Vec::len)
    }
}

impl Record {
    /// How long what it names is.
    pub fn bytes(&self) -> usize {
        let names = [&self.snapshot, &self.equal_mutable];
        names.into_iter().flatten().map(Vec::len).sum()
    }
}

fn record<R: ReadAt>(bucket: &Bucket<'_, R>) -> Result<Record, BoltError> {
    let mut record = Record::default();
    for entry in bucket.entries() {
        let (key, entry) = entry?;
        let Entry::Value(bytes) = entry else { continue };
        let parsed = (bytes.len() <= MAX_VALUE)
            .then(|| serde_json::from_slice::<Value>(&bytes).ok())
            .flatten();
        let Some(parsed) = parsed else {
            // An emptied value says nothing; of another it is not known whether it is looked for.
            record.indexed |= !bytes.is_empty();
            continue;
        };
        record.indexed |= !parsed.index.is_empty();
        let word = || parsed.value.as_str().map(|text| text.as_bytes().to_vec());
        match key.as_slice() {
            b"cache.snapshot" => record.snapshot = word(),
            b"cache.equalMutable" => record.equal_mutable = word(),
            b"snapshot.committed" => record.committed = parsed.value == true,
            _ => {}
        }
    }
    Ok(record)
}

#[derive(serde::Deserialize)]
struct Value {
    value: serde_json::Value,
    #[serde(default)]
    index: String,
}

impl BuildKit {
    /// The folders under `overlay2/` that BuildKit never writes again.
    pub fn finished(&self) -> BTreeSet<CacheId> {
        let Book::Read(snapshots) = &self.snapshots else {
            return BTreeSet::new();
        };
        let none = BTreeMap::new();
        let records = match &self.records {
            Book::Read(records) => records,
            Book::Missing | Book::Unreadable(_) => &none,
        };
        let folder_of = |name: &Vec<u8>, record: &Record| -> Vec<u8> {
            record.snapshot.clone().unwrap_or_else(|| name.clone())
        };
        // Whatever else is said of them: who looks for these means to write them.
        let looked_for: BTreeSet<Vec<u8>> = records
            .iter()
            .filter(|(_, record)| record.indexed && !record.committed)
            .map(|(name, record)| folder_of(name, record))
            .collect();
        let committed = snapshots
            .values()
            .filter_map(|named| named.committed.clone())
            .filter(|folder| snapshots.get(folder).is_some_and(|own| own.is_committed));
        let twins = records
            .values()
            .filter(|record| record.committed)
            .filter_map(|record| records.get_key_value(record.equal_mutable.as_ref()?))
            .filter(|(_, twin)| !twin.indexed && !twin.committed)
            .map(|(name, twin)| folder_of(name, twin))
            .filter(|folder| snapshots.contains_key(folder));
        committed
            .chain(twins)
            .filter(|folder| !looked_for.contains(folder))
            .filter_map(|folder| CacheId::new(std::str::from_utf8(&folder).ok()?).ok())
            .collect()
    }

    /// What a person should know: books that are there and could not be read.
    pub fn notes(&self) -> Vec<String> {
        let snapshots = match &self.snapshots {
            Book::Unreadable(why) => Some(("snapshots.db", why)),
            Book::Missing | Book::Read(_) => None,
        };
        let records = match &self.records {
            Book::Unreadable(why) => Some(("metadata_v2.db", why)),
            Book::Missing | Book::Read(_) => None,
        };
        let unreadable = snapshots.into_iter().chain(records);
        unreadable
            .map(|(book, why)| {
                format!("buildkit/{book} cannot be read ({why}): sessions copy the build steps that it knows")
            })
            .collect()
    }
}
