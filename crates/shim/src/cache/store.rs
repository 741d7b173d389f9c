//! The folders of a cache, and whether an export in them is whole.

use std::fmt::Write;
use std::fs::File;
use std::io;
use std::path::Path;

use cachecore::cache::{Contents, Key, KeyRecord, contents};
use cachecore::id::BlobId;
use cachecore::record::{self, RecordError};
use rustix::fs::{Access, AtFlags, FileType, FlockOperation};
use sha2::{Digest, Sha256};

use super::folder::{Folder, all};

/// The largest record that is read, in bytes.
pub(super) const LARGEST_RECORD: u64 = 1 << 20;
/// The largest manifest, in bytes.
pub(super) const LARGEST_MANIFEST: u64 = 8 << 20;

/// What says to backup programs that this can be made again (<https://bford.info/cachedir/>).
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # The build cache that sessions share, made by docker-shim.\n";

/// An open cache. What it has not got yet is `None`.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) root: Folder,
    pub(super) keys: Folder,
    pub(super) blobs: Folder,
}

/// An export that is whole, which nobody removes while this is there.
#[derive(Debug)]
pub(super) struct Whole {
    /// Locked, so that a collection keeps all that the manifest names.
    pub(super) manifest: File,
    pub(super) contents: Contents,
}

impl Store {
    /// Opens a cache that is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let root = Folder::open(path)?;
        Ok(Self {
            keys: root.folder("keys")?,
            blobs: root.folder("blobs")?.folder("sha256")?,
            root,
        })
    }

    /// Opens a cache, and makes of an empty folder one.
    pub(super) fn made(path: &Path) -> io::Result<Self> {
        let root = Folder::open(path)?;
        if root.stat("CACHEDIR.TAG").is_err() {
            root.replace("CACHEDIR.TAG", TAG.as_bytes())?;
        }
        root.made("ingest")?;
        root.made("exports")?;
        Ok(Self {
            keys: root.made("keys")?,
            blobs: root.made("blobs")?.made("sha256")?,
            root,
        })
    }

    /// The record of a key. One that makes no sense is as good as none: it is written anew.
    ///
    /// # Errors
    /// If a newer version has written it, or it cannot be read.
    pub(super) fn record(&self, key: &Key) -> io::Result<KeyRecord> {
        let bytes = match self.keys.read(&key.file(), LARGEST_RECORD) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(KeyRecord::default()),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(e),
            Err(_) => return Ok(KeyRecord::default()),
        };
        match record::parse(&bytes) {
            Ok(record) => Ok(record),
            Err(RecordError::Malformed(_)) => Ok(KeyRecord::default()),
            Err(newer) => Err(io::Error::other(newer)),
        }
    }

    /// Makes a blob that this user's build has written readable for who may use the cache: BuildKit's client
    /// gives it to whom the umask says.
    pub(super) fn share(&self, id: &BlobId) {
        let Ok(file) = self.blobs.file(id.as_str()) else {
            return;
        };
        let own = rustix::process::geteuid().as_raw();
        if rustix::fs::fstat(&file).is_ok_and(|stat| stat.st_uid == own) {
            let _ = self.blobs.share(&file, 0o444);
        }
    }

    /// An export by its manifest, if all that it names is there in its full size. A build that is told of
    /// one that is not whole would fail, and leave its builder with a step that it cannot read.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub(super) fn whole(&self, id: &BlobId) -> io::Result<Whole> {
        let manifest = self.blobs.file(id.as_str())?;
        rustix::fs::flock(&manifest, FlockOperation::NonBlockingLockShared)?;
        let bytes = all(&manifest, LARGEST_MANIFEST)?;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        if digest(&bytes) != id.as_str() {
            return Err(wrong("it is not what its name says"));
        }
        let contents = contents(&bytes).ok_or_else(|| wrong("it is no manifest of a cache"))?;
        for blob in &contents.blobs {
            let name = blob.id.as_str();
            let at = |problem: &str| {
                io::Error::new(io::ErrorKind::InvalidData, format!("blob {name} {problem}"))
            };
            let stat = self.blobs.stat(name).map_err(|_| at("is missing"))?;
            if !FileType::from_raw_mode(stat.st_mode).is_file() {
                return Err(at("is no file"));
            }
            if u64::try_from(stat.st_size) != Ok(blob.size) {
                return Err(at("has another size"));
            }
            rustix::fs::accessat(self.blobs.fd(), name, Access::READ_OK, AtFlags::EACCESS)
                .map_err(|_| at("cannot be read"))?;
        }
        Ok(Whole { manifest, contents })
    }
}

/// A digest of these bytes, in hex digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
