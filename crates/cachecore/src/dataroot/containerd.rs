//! containerd's image store: which of its snapshots and blobs can never change again.
//!
//! ```text
//! io.containerd.snapshotter.v1.overlayfs/
//!   metadata.db                v1/snapshots/<namespace>/<number>/<name>/  id, kind, parent, …
//!   snapshots/<id>/fs/         what the snapshot adds to its parent
//! io.containerd.content.v1.content/
//!   blobs/sha256/<digest>      a finished blob
//!   ingest/                    those that are being written
//! ```
//!
//! All of it lies in `containerd/daemon` of the data root, or in the root of a containerd that is a
//! service of its own.
//!
//! A snapshot is a view, active, or committed (`core/snapshots/storage` of containerd). Only an active
//! one is ever mounted for writing, and a committed one never becomes active again. A blob comes into
//! `blobs/` by a rename when its digest was found right, and is never written there.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::buildkit::{Book, BookError, Kept};
use super::{
    Diff, Immutable, JudgedFolder, Judgement, Mutable, Part, Problem, Seat, Stray, integrity,
    link_target,
};
use crate::bolt::{Bolt, BoltError, Bucket, Entry, ReadAt};
use crate::id::{BlobId, CacheId, ChainId, LayerName, SnapshotId};

/// What lies under `containerd/` of a daemon that keeps its images there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Containerd {
    /// `metadata.db` of the overlayfs snapshotter, by `<namespace>/<number>/<name>`.
    pub snapshots: Book<Row>,
    /// The `fs` of each folder under `snapshots/`.
    pub folders: BTreeMap<Vec<u8>, Diff>,
    /// What lies under `blobs/sha256/`.
    pub blobs: BTreeMap<Vec<u8>, Blob>,
}

/// A snapshot in the snapshotter's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its folder's number.
    pub id: u64,
    /// Whether nothing may write it any more.
    pub committed: bool,
}

/// An entry of `blobs/sha256/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blob {
    /// A regular file.
    File,
    /// A symlink to these bytes.
    Symlink(Vec<u8>),
    /// Something that containerd does not write.
    Other,
}

/// Most snapshots that are taken of the book.
const MAX_ROWS: usize = 200_000;
/// The kind of a committed snapshot; a view is 1, an active one 2.
const COMMITTED: u8 = 3;

/// Reads the snapshotter's `metadata.db`.
///
/// # Errors
/// [`BookError`] if it is damaged or too long.
pub fn rows<R: ReadAt>(bolt: &Bolt<R>) -> Result<BTreeMap<Vec<u8>, Row>, BookError> {
    let mut rows = BTreeMap::new();
    let mut kept = Kept::default();
    let Some(snapshots) = bolt.bucket(["v1", "snapshots"])? else {
        return Ok(rows);
    };
    for entry in snapshots.entries() {
        let (key, entry) = entry?;
        let Entry::Bucket(bucket) = entry else {
            continue;
        };
        if rows.len() == MAX_ROWS {
            return Err(BookError::TooMany);
        }
        if let Some(row) = row(&bucket)? {
            kept.add(key.len())?;
            rows.insert(key, row);
        }
    }
    Ok(rows)
}

fn row<R: ReadAt>(bucket: &Bucket<'_, R>) -> Result<Option<Row>, BoltError> {
    let Some(id) = bucket.value(b"id")?.as_deref().and_then(varint) else {
        return Ok(None);
    };
    let kind = bucket.value(b"kind")?;
    Ok(Some(Row {
        id,
        committed: kind.as_deref() == Some(&[COMMITTED]),
    }))
}

/// A number as Go's `binary.PutUvarint` writes it: seven bits a byte, the lowest first.
fn varint(bytes: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (nth, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * nth);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

impl Containerd {
    /// What a person should know: that the book is there and could not be read.
    pub fn note(&self) -> Option<String> {
        match &self.snapshots {
            Book::Unreadable(why) => Some(format!(
                "the snapshotter's metadata.db cannot be read ({why}): sessions copy its snapshots"
            )),
            Book::Missing | Book::Read(_) => None,
        }
    }
}

/// Judges every snapshot and every blob whose name is allowed. `part` says where containerd lies, and
/// `layers` is the path of the store's layers. What is wrong is added to `problems`.
pub(super) fn judge(
    part: Part,
    containerd: &Containerd,
    layers: &Utf8Path,
    problems: &mut Vec<Problem>,
) -> BTreeMap<Seat, JudgedFolder> {
    let known = Known::of(&containerd.snapshots);
    let mut judged = BTreeMap::new();
    for (name, fs) in &containerd.folders {
        let Some(id) = allowed(name, SnapshotId::new) else {
            if matches!(fs, Diff::Symlink(_)) {
                let folder = part.shown(part.snapshotter());
                problems.push(stray(&[folder.as_bytes(), b"snapshots", name, b"fs"]));
            }
            continue;
        };
        let (judgement, names) = match known.by_id.get(id.as_str()) {
            Some(named) if named.is_empty() => (not_finished(), Vec::new()),
            Some(named) => {
                let committed = Judgement::Immutable(Immutable::CommittedSnapshot);
                (committed, named.clone())
            }
            None if matches!(fs, Diff::Symlink(_)) => {
                (Judgement::Immutable(Immutable::InTheStore), Vec::new())
            }
            None => (not_finished(), Vec::new()),
        };
        let target = match fs {
            Diff::Symlink(target) => Some(target),
            Diff::Directory => None,
            // A folder that is being made or removed: there is nothing to share.
            Diff::Missing | Diff::Other => continue,
        };
        let seat = Seat::Snapshot(part, id);
        let folder = seated(&seat, judgement, &names, target, layers, problems);
        judged.insert(seat, folder);
    }
    for (name, blob) in &containerd.blobs {
        let Some(id) = allowed(name, BlobId::new) else {
            if matches!(blob, Blob::Symlink(_)) {
                let folder = part.shown(part.blobs());
                problems.push(stray(&[folder.as_bytes(), name]));
            }
            continue;
        };
        let target = match blob {
            Blob::File => None,
            Blob::Symlink(target) => Some(target),
            Blob::Other => continue,
        };
        let judgement = Judgement::Immutable(Immutable::Blob);
        let names = [LayerName::of_blob(&id)];
        let seat = Seat::Blob(part, id);
        let folder = seated(&seat, judgement, &names, target, layers, problems);
        judged.insert(seat, folder);
    }
    judged
}

/// The links where none belong, because the images lie in another store.
pub(super) fn misplaced_links(containerd: &Containerd) -> impl Iterator<Item = Problem> + '_ {
    let folders = containerd.folders.iter();
    let folders = folders.filter(|(_, fs)| matches!(fs, Diff::Symlink(_)));
    let blobs = containerd.blobs.iter();
    let blobs = blobs.filter(|(_, blob)| matches!(blob, Blob::Symlink(_)));
    let names = folders
        .map(|(name, _)| name)
        .chain(blobs.map(|(name, _)| name));
    names.map(|name| Problem::LinkedInAnotherStore {
        name: name.escape_ascii().to_string(),
    })
}

/// What the book says of each folder: the names that its contents may have in the store, best first.
/// None where a row says that it can be written.
struct Known {
    by_id: BTreeMap<String, Vec<LayerName>>,
}

impl Known {
    fn of(book: &Book<Row>) -> Self {
        let Book::Read(rows) = book else {
            return Self {
                by_id: BTreeMap::new(),
            };
        };
        let mut by_id: BTreeMap<String, Vec<LayerName>> = BTreeMap::new();
        let mut open = Vec::new();
        for (key, row) in rows {
            let id = row.id.to_string();
            let names = by_id.entry(id.clone()).or_default();
            match name_of(key).filter(|_| row.committed) {
                Some(name) => names.push(name),
                None => open.push(id),
            }
        }
        // A snapshot has one row. Where there are more, the one that allows least counts.
        for id in open {
            by_id.insert(id, Vec::new());
        }
        Self { by_id }
    }
}

/// The name in the store of the snapshot with this key, `<namespace>/<number>/<name>`. A chain id is
/// the name of what was unpacked; the others are drawn by lot, and no two daemons draw the same.
fn name_of(key: &[u8]) -> Option<LayerName> {
    let name = key.splitn(3, |byte| *byte == b'/').nth(2)?;
    let name = std::str::from_utf8(name).ok()?;
    if let Some(chain) = name.strip_prefix("sha256:") {
        return Some(LayerName::of_unpacked(&ChainId::new(chain).ok()?));
    }
    Some(LayerName::of_snapshot(&CacheId::new(name).ok()?, 0))
}

/// A link under a name that containerd does not give.
fn stray(path: &[&[u8]]) -> Problem {
    integrity::stray(&Stray::Symlink(path.join(&b'/')))
}

fn not_finished() -> Judgement {
    Judgement::Mutable(Mutable::NotKnownFinished)
}

fn allowed<T, E>(name: &[u8], new: impl Fn(&str) -> Result<T, E>) -> Option<T> {
    new(std::str::from_utf8(name).ok()?).ok()
}

/// What lies at a seat, with what is wrong about its link.
fn seated(
    seat: &Seat,
    judgement: Judgement,
    names: &[LayerName],
    target: Option<&Vec<u8>>,
    layers: &Utf8Path,
    problems: &mut Vec<Problem>,
) -> JudgedFolder {
    let linked = target.and_then(|target| {
        let layer = link_target(target, layers).filter(|layer| seat.suits(layer));
        if layer.is_none() {
            problems.push(Problem::LinkLeavesTheTree {
                folder: seat.clone(),
                target: String::from_utf8_lossy(target).into_owned(),
            });
        }
        layer
    });
    if let Some(found) = &linked {
        match (&judgement, names.first()) {
            (Judgement::Mutable(_), _) => problems.push(Problem::MutableFolderLinked {
                folder: seat.clone(),
            }),
            (_, Some(expected)) if !names.contains(found) => {
                problems.push(Problem::LinkedToAnotherLayer {
                    folder: seat.clone(),
                    expected: expected.clone(),
                    found: found.clone(),
                });
            }
            _ => {}
        }
    }
    let layer = match &judgement {
        Judgement::Immutable(_) => linked.clone().or_else(|| names.first().cloned()),
        Judgement::Mutable(_) => None,
    };
    JudgedFolder {
        judgement,
        linked,
        layer,
    }
}
