//! Whether blobs are what their names say, and where they go if they are not.

use std::io::{self, Read};
use std::time::Instant;

use cachecore::id::BlobId;
use sha2::{Digest, Sha256};

use super::folder::Folder;
use super::store::{Store, hex};

/// How much is read at once, in bytes.
const PIECE: usize = 256 << 10;

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Soundness {
    /// Its bytes have the digest that its name says.
    Sound,
    /// They have another.
    Damaged,
    /// It is not there, or cannot be read.
    Unreadable,
    /// There was no time to read it.
    Unknown,
}

impl Store {
    /// Reads a blob, as far as there is time.
    pub(super) fn soundness(&self, id: &BlobId, until: Option<Instant>) -> Soundness {
        let Ok(mut file) = self.blobs.file(id.as_str()) else {
            return Soundness::Unreadable;
        };
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            if until.is_some_and(|until| Instant::now() >= until) {
                return Soundness::Unknown;
            }
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => hash.update(&piece[..count]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Soundness::Unreadable,
            }
        }
        if hex(&hash.finalize()) == id.as_str() {
            Soundness::Sound
        } else {
            Soundness::Damaged
        }
    }

    /// Takes a blob out of everybody's way. Exports that need it are not imported any more; the next one that
    /// has it brings it anew, and makes them whole.
    ///
    /// # Errors
    /// If it stays where it is.
    pub(super) fn quarantine(&self, id: &BlobId) -> io::Result<()> {
        self.put_aside(&self.blobs, id.as_str())
    }

    /// The same with a record, by the name of its file.
    pub(super) fn quarantine_record(&self, name: &str) -> io::Result<()> {
        self.put_aside(&self.keys, name)
    }

    fn put_aside(&self, from: &Folder, name: &str) -> io::Result<()> {
        let quarantine = self.root.made("quarantine")?;
        Ok(rustix::fs::renameat(
            from.fd(),
            name,
            quarantine.fd(),
            name,
        )?)
    }
}
