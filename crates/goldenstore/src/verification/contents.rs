//! A layer's folder against the archive that it came from.
//!
//! The archive is put together again from its description and the contents of the folder, and must
//! have the diff id. What the digest does not cover is compared on the way: kinds, modes, owners,
//! devices, targets, capabilities, as the archive's headers give them. Then the folder is walked for
//! what the archive does not name.
//!
//! In memory is one line, one block of a file, and eight bytes for each name: a set of keyed hashes,
//! because a layer may have a million names, and nobody who writes them knows the key.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use cachecore::tarsplit::{Entry, Parser, Step, TarSplitError, What};
use rustix::fs::{AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use treeclone::Observer;

use super::description::Description;
use crate::error::StoreError;
use crate::handle::{Handle, Regular};

/// Most differences that are named. One is enough for a refusal.
const MAX_DIFFERENCES: usize = 20;
/// Bytes of a file that are read at once.
const BLOCK: usize = 128 << 10;
/// How much is read between two looks at the observer.
const TELL: u64 = 4 << 20;

const LIES_BELOW: &str = "some of its contents lie in a layer below";

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The folder is what the archive holds.
    Matches,
    /// An honest engine may have written it, but its archive cannot be made of this folder alone.
    Apart(String),
    /// It is something else. Never empty.
    Differs(Vec<String>),
}

/// Compares a layer's contents with its description. Owners are compared unless users are remapped:
/// then the archive has other numbers than the disk.
pub(crate) fn compare(
    folder: &Handle,
    description: Description,
    remapped: bool,
    observer: &dyn Observer,
) -> Result<Verdict, StoreError> {
    let Description { diff_id, mut lines } = description;
    let mut check = Check::new(folder, remapped, observer);
    let mut parser = Parser::default();
    let described = loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break parser.end().map_err(Fault::from),
            Err(what) => break Err(Fault::Differs(what)),
        };
        match parser.line(line) {
            Ok(Step::Raw(bytes)) => check.digest.update(bytes),
            Ok(Step::Entry(entry)) => check.entry(&entry)?,
            Err(error) => break Err(error.into()),
        }
        if check.lies_below {
            return Ok(Verdict::Apart(LIES_BELOW.to_owned()));
        }
        if check.differences.len() >= MAX_DIFFERENCES {
            return Ok(Verdict::Differs(check.differences));
        }
        check.tell_sometimes()?;
    };
    match described {
        Ok(()) => {}
        Err(Fault::Apart(what)) if check.differences.is_empty() => return Ok(Verdict::Apart(what)),
        Err(Fault::Apart(_)) => return Ok(Verdict::Differs(check.differences)),
        Err(Fault::Differs(what)) => {
            check.differences.push(what);
            return Ok(Verdict::Differs(check.differences));
        }
    }
    check.walk()?;
    check.tell()?;
    let digest = hex(&check.digest.finalize_reset());
    if check.differences.is_empty() && digest != diff_id {
        if let Some(apart) = check.apart {
            return Ok(Verdict::Apart(apart));
        }
        check.differences.push(format!(
            "its contents make an archive with the digest sha256:{digest}, and should make sha256:{diff_id}"
        ));
    }
    Ok(match (check.differences.is_empty(), check.apart) {
        (true, None) => Verdict::Matches,
        (true, Some(apart)) => Verdict::Apart(apart),
        (false, _) => Verdict::Differs(check.differences),
    })
}

enum Fault {
    Apart(String),
    Differs(String),
}

impl From<TarSplitError> for Fault {
    fn from(error: TarSplitError) -> Self {
        match error {
            TarSplitError::Unsupported { .. } => Self::Apart(error.to_string()),
            TarSplitError::Malformed { .. } => Self::Differs(error.to_string()),
        }
    }
}

/// Takes a hash as it is: hashing it again would gain nothing.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Hashes = HashSet<u64, BuildHasherDefault<AsItIs>>;

struct Check<'a> {
    folder: &'a Handle,
    remapped: bool,
    observer: &'a dyn Observer,
    digest: Sha256,
    differences: Vec<String>,
    apart: Option<String>,
    key: RandomState,
    /// Names that the archive has, and the folders on their way.
    named: Hashes,
    above: Hashes,
    opaque: Hashes,
    /// Whether overlayfs has moved a folder or changed a file without copying what is in it.
    lies_below: bool,
    /// The folder that the last entry lay in: the next one mostly lies there too.
    parent: Option<(Vec<u8>, Handle)>,
    block: Vec<u8>,
    entries: u64,
    bytes: u64,
    told: u64,
}

impl<'a> Check<'a> {
    fn new(folder: &'a Handle, remapped: bool, observer: &'a dyn Observer) -> Self {
        Self {
            folder,
            remapped,
            observer,
            digest: Sha256::new(),
            differences: Vec::new(),
            apart: None,
            key: RandomState::new(),
            named: Hashes::default(),
            above: Hashes::default(),
            opaque: Hashes::default(),
            lies_below: false,
            parent: None,
            block: vec![0; BLOCK],
            entries: 0,
            bytes: 0,
            told: 0,
        }
    }

    fn differs(&mut self, path: &[u8], what: &str) {
        let path = if path.is_empty() { b"." } else { path };
        self.differences
            .push(format!("{} {what}", path.escape_ascii()));
    }

    fn stands_apart(&mut self, path: &[u8], what: &str) {
        self.apart
            .get_or_insert_with(|| format!("{} {what}", path.escape_ascii()));
    }

    fn tell_sometimes(&mut self) -> Result<(), StoreError> {
        if self.entries.is_multiple_of(256) || self.bytes - self.told >= TELL {
            return self.tell();
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<(), StoreError> {
        self.observer.advanced(self.entries, self.bytes - self.told);
        (self.entries, self.told) = (0, self.bytes);
        if self.observer.interrupted() {
            return Err(StoreError::Interrupted);
        }
        Ok(())
    }

    /// One entry of the archive: what must lie there does, and its contents go into the digest.
    fn entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.entries += 1;
        let hash = self.key.hash_one(&entry.path);
        match entry.what {
            What::Nothing => return Ok(()),
            What::Opaque => {
                self.opaque.insert(hash);
                return Ok(());
            }
            _ => {}
        }
        if !self.named.insert(hash) {
            self.stands_apart(&entry.path, "is in the layer's archive twice");
            return Ok(());
        }
        self.climb(&entry.path);
        let (parent, name) = match entry.path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&entry.path[..slash], &entry.path[slash + 1..]),
            None => (&b""[..], entry.path.as_slice()),
        };
        if self.parent.as_ref().is_none_or(|(path, _)| path != parent) {
            self.parent = match self.folder.beneath(parent)? {
                Some(folder) => {
                    self.lies_below |= has(&folder, "trusted.overlay.redirect");
                    Some((parent.to_vec(), folder))
                }
                None => {
                    self.differs(&entry.path, "is not there");
                    self.parent = None;
                    return Ok(());
                }
            };
        }
        let Some((path, parent)) = self.parent.take() else {
            return Ok(());
        };
        let found = self.found(entry, &parent, OsStr::from_bytes(name));
        self.parent = Some((path, parent));
        found
    }

    /// Remembers the folders on the way to an entry: an archive need not have entries for them.
    fn climb(&mut self, path: &[u8]) {
        let mut path = path;
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            if !self.above.insert(self.key.hash_one(path)) {
                break;
            }
        }
    }

    fn found(&mut self, entry: &Entry, parent: &Handle, name: &OsStr) -> Result<(), StoreError> {
        let path = &entry.path;
        if entry.what == What::File {
            return match parent.regular(name, OFlags::RDONLY)? {
                Regular::File(file) => self.file(entry, file),
                Regular::Missing => {
                    self.differs(path, "is not there");
                    Ok(())
                }
                Regular::Other => {
                    self.differs(path, "is not a regular file");
                    Ok(())
                }
            };
        }
        let stat = if path.is_empty() {
            self.folder.own_stat().map(Some)?
        } else {
            parent.stat(name)?
        };
        let Some(stat) = stat else {
            match entry.what {
                // An engine that does not read whiteouts off the disk needs none where nothing is below.
                What::Whiteout => {
                    // Or an empty file whose name happens to begin like that.
                    let literal = [b".wh.", name.as_bytes()].concat();
                    let at = path.len() - name.len();
                    let whole = [&path[..at], &literal].concat();
                    self.named.insert(self.key.hash_one(&whole));
                    self.stands_apart(path, "was deleted, and no whiteout says so");
                }
                _ => self.differs(path, "is not there"),
            }
            return Ok(());
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let device = (
            rustix::fs::major(stat.st_rdev),
            rustix::fs::minor(stat.st_rdev),
        );
        let as_it_should_be = match &entry.what {
            What::Folder => kind == FileType::Directory,
            What::Symlink(target) => kind == FileType::Symlink && parent.link(name)? == *target,
            What::CharacterDevice(major, minor) => {
                kind == FileType::CharacterDevice && device == (*major, *minor)
            }
            What::BlockDevice(major, minor) => {
                kind == FileType::BlockDevice && device == (*major, *minor)
            }
            What::Fifo => kind == FileType::Fifo,
            What::Whiteout => kind == FileType::CharacterDevice && device == (0, 0),
            What::HardLink(to) => self.is_the_file(to, &stat)?,
            What::File | What::Opaque | What::Nothing => true,
        };
        if !as_it_should_be {
            self.differs(path, &format!("is not {}", shown(&entry.what)));
        } else if !matches!(entry.what, What::HardLink(_) | What::Whiteout) {
            self.owner_and_mode(entry, &stat);
        }
        Ok(())
    }

    /// Whether a file has this path too.
    fn is_the_file(&self, path: &[u8], stat: &Stat) -> Result<bool, StoreError> {
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        let Some(parent) = self.folder.beneath(parent)? else {
            return Ok(false);
        };
        let other = parent.stat(OsStr::from_bytes(name))?;
        Ok(other.is_some_and(|other| (other.st_dev, other.st_ino) == (stat.st_dev, stat.st_ino)))
    }

    fn owner_and_mode(&mut self, entry: &Entry, stat: &Stat) {
        let mode = stat.st_mode & 0o7777;
        if !matches!(entry.what, What::Symlink(_)) && mode != entry.mode {
            let what = format!("has the mode {mode:o}, and should have {:o}", entry.mode);
            self.differs(&entry.path, &what);
        }
        let owner = (u64::from(stat.st_uid), u64::from(stat.st_gid));
        if !self.remapped && owner != (entry.uid, entry.gid) {
            let what = format!(
                "belongs to {}:{}, and should to {}:{}",
                owner.0, owner.1, entry.uid, entry.gid
            );
            self.differs(&entry.path, &what);
        }
    }

    fn file(&mut self, entry: &Entry, mut file: std::fs::File) -> Result<(), StoreError> {
        let path = &entry.path;
        let failed = |e: std::io::Error| {
            StoreError::io("read", self.folder.path().join(OsStr::from_bytes(path)), e)
        };
        let stat = rustix::fs::fstat(&file).map_err(|e| failed(e.into()))?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size != entry.size {
            let what = format!("has {size} bytes, and should have {}", entry.size);
            self.differs(path, &what);
            return Ok(());
        }
        self.lies_below |=
            size > 0 && stat.st_blocks == 0 && has(&file, "trusted.overlay.metacopy");
        let capability = if self.remapped {
            entry.capability.clone()
        } else {
            attribute(&file, "security.capability").map_err(|e| failed(e.into()))?
        };
        let mut left = size;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            let block = &mut self.block[..length];
            let read = file.read(block).map_err(|e| {
                StoreError::io("read", self.folder.path().join(OsStr::from_bytes(path)), e)
            })?;
            if read == 0 {
                self.differs(path, "became shorter while it was read");
                return Ok(());
            }
            self.digest.update(&self.block[..read]);
            left -= read as u64;
            self.bytes += read as u64;
            if self.bytes - self.told >= TELL {
                self.tell()?;
            }
        }
        if capability != entry.capability {
            self.differs(path, "has other capabilities than it should");
        }
        self.owner_and_mode(entry, &stat);
        Ok(())
    }

    /// Looks for what the archive does not name. Folders that it does not know are not looked into.
    fn walk(&mut self) -> Result<(), StoreError> {
        let mut path = Vec::new();
        // For each folder down to the current one: where its path ends, and the names of its
        // subfolders that are still to be looked into, each with a NUL behind it.
        let mut waiting = vec![(0, self.list(&path)?)];
        while let Some((end, names)) = waiting.last_mut() {
            path.truncate(*end);
            if names.pop().is_none() {
                waiting.pop();
                continue;
            }
            let begin = names
                .iter()
                .rposition(|byte| *byte == 0)
                .map_or(0, |nul| nul + 1);
            if *end > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&names[begin..]);
            names.truncate(begin);
            let end = path.len();
            let names = self.list(&path)?;
            waiting.push((end, names));
            if self.differences.len() >= MAX_DIFFERENCES {
                return Ok(());
            }
        }
        if !self.opaque.is_empty() {
            self.apart.get_or_insert_with(|| {
                "a folder that hides what is below it has no mark that says so".to_owned()
            });
        }
        Ok(())
    }

    /// Looks at the names in a folder, and gives those of its subfolders.
    fn list(&mut self, path: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut folders = Vec::new();
        let Some(folder) = self.folder.beneath(path)? else {
            self.differs(path, "was a folder a moment ago");
            return Ok(folders);
        };
        self.marks(path, &folder);
        let failed = |e: Errno| StoreError::io("list", folder.path(), e);
        let mut child = Vec::with_capacity(path.len() + 32);
        for entry in rustix::fs::Dir::read_from(folder.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            child.clear();
            if !path.is_empty() {
                child.extend_from_slice(path);
                child.push(b'/');
            }
            child.extend_from_slice(name);
            let hash = self.key.hash_one(&child);
            let known = self.named.contains(&hash) || self.above.contains(&hash);
            let kind = match entry.file_type() {
                FileType::Unknown => folder
                    .kind(OsStr::from_bytes(name))?
                    .unwrap_or(FileType::Unknown),
                kind => kind,
            };
            match kind {
                FileType::Directory if known => {
                    folders.extend_from_slice(name);
                    folders.push(0);
                }
                // No archive has sockets.
                FileType::Socket => {}
                _ if known => {}
                FileType::CharacterDevice if is_whiteout(&folder, name)? => {
                    self.stands_apart(
                        &child,
                        "is marked as deleted, and the archive does not say so",
                    );
                }
                _ => self.differs(&child, "is not in the layer's archive"),
            }
            if self.differences.len() >= MAX_DIFFERENCES {
                break;
            }
            self.entries += 1;
            self.tell_sometimes()?;
        }
        Ok(folders)
    }

    /// What overlayfs notes at a folder.
    fn marks(&mut self, path: &[u8], folder: &Handle) {
        let hides = attribute(folder, "trusted.overlay.opaque")
            .is_ok_and(|mark| mark.as_deref() == Some(b"y"));
        let expected = self.opaque.remove(&self.key.hash_one(path));
        if hides != expected {
            self.stands_apart(
                path,
                "hides what is below it, or not, otherwise than its archive says",
            );
        }
    }
}

fn is_whiteout(folder: &Handle, name: &[u8]) -> Result<bool, StoreError> {
    let stat = rustix::fs::statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW);
    match stat {
        Ok(stat) => Ok(
            FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0,
        ),
        Err(Errno::NOENT) => Ok(false),
        Err(e) => Err(StoreError::io("look at", folder.path(), e)),
    }
}

/// An extended attribute; `None` if it is not there. The longest that is looked at has 24 bytes.
fn attribute(fd: impl AsFd, name: &str) -> Result<Option<Vec<u8>>, Errno> {
    let mut value = vec![0; 64];
    match rustix::fs::fgetxattr(fd, name, value.as_mut_slice()) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        // Longer than any that an engine sets: it is there, and is none that is expected.
        Err(Errno::RANGE) => Ok(Some(value)),
        Err(e) => Err(e),
    }
}

fn has(fd: impl AsFd, name: &str) -> bool {
    attribute(fd, name).is_ok_and(|value| value.is_some())
}

fn shown(what: &What) -> &'static str {
    match what {
        What::Folder => "a folder",
        What::File => "a regular file",
        What::HardLink(_) => "the other name of a file that it should be",
        What::Symlink(_) => "the symlink that it should be",
        What::CharacterDevice(..) | What::BlockDevice(..) => "the device that it should be",
        What::Fifo => "a fifo",
        What::Whiteout | What::Opaque | What::Nothing => "the whiteout that it should be",
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
