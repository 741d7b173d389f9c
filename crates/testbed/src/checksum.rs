//! A second opinion on trees: what lies in one, found out by paths, sharing no code with the crates
//! that the tests judge.
//!
//! All of kind, mode, owner, size, content, link target, device numbers, extended attributes,
//! modification time, and which names are one file. Not access times, and not inode numbers.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{SeekFrom, lgetxattr, llistxattr, seek};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// What lies in a tree, path by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    lines: BTreeMap<PathBuf, Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    what: String,
    time: Option<(i64, i64)>,
}

impl Checksum {
    /// Looks at everything below `root`, and at `root` itself.
    ///
    /// # Panics
    /// If anything cannot be read.
    pub fn of(root: impl AsRef<Path>) -> Self {
        let mut this = Self {
            lines: BTreeMap::new(),
        };
        this.add(root.as_ref(), Path::new(""));
        this
    }

    /// Looks at a data root as the daemon in a session sees it: where something is a link to what lies
    /// below `layers`, that stands in its place.
    ///
    /// # Panics
    /// If anything cannot be read.
    pub fn resolved(data_root: impl AsRef<Path>, layers: impl AsRef<Path>) -> Self {
        let data_root = data_root.as_ref();
        let mut this = Self::of(data_root);
        let paths: Vec<PathBuf> = this.lines.keys().cloned().collect();
        for path in paths {
            if let Ok(target) = std::fs::read_link(data_root.join(&path))
                && target.starts_with(&layers)
            {
                this.add(&target, &path);
            }
        }
        this
    }

    fn add(&mut self, root: &Path, below: &Path) {
        let mut names: HashMap<(u64, u64), PathBuf> = HashMap::new();
        for entry in WalkDir::new(root).sort_by_file_name() {
            let entry = entry.unwrap();
            let relative = entry.path().strip_prefix(root).unwrap();
            let meta = std::fs::symlink_metadata(entry.path()).unwrap();
            let mut what = describe(entry.path(), &meta);
            if meta.nlink() > 1 && !meta.is_dir() {
                let first = names
                    .entry((meta.dev(), meta.ino()))
                    .or_insert_with(|| below.join(relative));
                write!(what, " one file with {first:?}").unwrap();
            }
            let line = Line {
                what,
                time: Some((meta.mtime(), meta.mtime_nsec())),
            };
            // Joining an empty path would leave a slash behind.
            let path = if relative.as_os_str().is_empty() {
                below.to_owned()
            } else {
                below.join(relative)
            };
            self.lines.insert(path, line);
        }
    }

    /// Without the entries that this says `true` to, by their paths in the tree.
    #[must_use]
    pub fn without(mut self, leave_out: impl Fn(&Path) -> bool) -> Self {
        self.lines.retain(|path, _| !leave_out(path));
        self
    }

    /// Without the modification times of the entries that this says `true` to.
    #[must_use]
    pub fn without_times(mut self, leave_out: impl Fn(&Path) -> bool) -> Self {
        for (path, line) in &mut self.lines {
            if leave_out(path) {
                line.time = None;
            }
        }
        self
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.lines.len()
    }

    /// The paths in the tree, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.lines.keys().map(PathBuf::as_path)
    }

    /// All of it in 64 hex digits.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, line) in &self.lines {
            let path = path.as_os_str().as_bytes();
            for part in [path, line.what.as_bytes()] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
            hasher.update(format!("{:?}", line.time));
        }
        hex(&hasher.finalize())
    }

    /// The first entry that is not the same in both, for people.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let paths = self.lines.keys().chain(other.lines.keys());
        let path = paths
            .filter(|path| self.lines.get(*path) != other.lines.get(*path))
            .min()?;
        let side = |lines: &BTreeMap<PathBuf, Line>| match lines.get(path) {
            Some(line) => format!("{} {:?}", line.what, line.time),
            None => "not there".to_owned(),
        };
        Some(format!(
            "{path:?}\n  before: {}\n  after:  {}",
            side(&self.lines),
            side(&other.lines)
        ))
    }

    /// Ends the test unless both are the same.
    ///
    /// # Panics
    /// With the first difference.
    #[track_caller]
    pub fn assert_same(&self, after: &Self, what: &str) {
        if let Some(difference) = self.first_difference(after) {
            panic!("{what} differs: {difference}");
        }
    }
}

fn describe(path: &Path, meta: &Metadata) -> String {
    let kind = meta.file_type();
    let owner = format!("{}:{}", meta.uid(), meta.gid());
    let mut what = format!("mode {:o} owner {owner}", meta.mode());
    if kind.is_file() {
        let sum = content(path, meta.len());
        write!(what, " {} bytes {}", meta.len(), &sum[..16]).unwrap();
    } else if kind.is_symlink() {
        write!(what, " to {:?}", std::fs::read_link(path).unwrap()).unwrap();
    } else if kind.is_char_device() || kind.is_block_device() {
        write!(what, " device {:x}", meta.rdev()).unwrap();
    }
    for (name, value) in xattrs(path) {
        write!(what, " {}={}", name.escape_ascii(), value.escape_ascii()).unwrap();
    }
    what
}

/// Files beyond this are read where they have blocks, and their holes are not.
const LARGE: u64 = 16 << 20;

fn content(path: &Path, length: u64) -> String {
    if length <= LARGE {
        return hex(&Sha256::digest(std::fs::read(path).unwrap()));
    }
    let file = File::open(path).unwrap();
    let mut hasher = Sha256::new();
    let mut at = 0;
    while let Ok(begin) = seek(&file, SeekFrom::Data(at)) {
        let end = seek(&file, SeekFrom::Hole(begin)).unwrap();
        let mut bytes = vec![0; usize::try_from(end - begin).unwrap()];
        file.read_exact_at(&mut bytes, begin).unwrap();
        hasher.update(begin.to_le_bytes());
        hasher.update(&bytes);
        at = end;
    }
    hex(&hasher.finalize())
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let length = llistxattr(path, &mut [0_u8; 0]).unwrap();
    if length == 0 {
        return BTreeMap::new();
    }
    let mut names = vec![0; length];
    let length = llistxattr(path, names.as_mut_slice()).unwrap();
    names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 65_536];
            let length = lgetxattr(path, name, value.as_mut_slice()).unwrap();
            value.truncate(length);
            (name.to_vec(), value)
        })
        .collect()
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
