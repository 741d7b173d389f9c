//! Measures a tree.

use std::collections::HashSet;
use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::FileType;

use crate::descent::Descent;
use crate::entry::Entry;
use crate::error::{Error, Failure};
use crate::listing::Lister;
use crate::opening::Opener;
use crate::path::TreePath;

/// Entries of one folder that are known at once. A folder may have millions.
const PART: usize = 4096;
/// Names of subfolders that wait at once to be measured, in all folders on the way down.
const WAITING: usize = 16 << 10;
/// So many entries are listed where that many wait already: a tree of any depth gets on.
const LEAST: usize = 4;

/// How large a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TreeSize {
    /// Names in the tree, the root included: a file with three names counts three times.
    pub entries: u64,
    /// Sum of the sizes of the regular files in bytes, holes included, each file once.
    pub apparent: u64,
    /// Bytes that the filesystem gave to files, folders and all else, each inode once.
    pub allocated: u64,
}

/// Measures the folder `dir` and all below it.
///
/// # Errors
/// As for [`copy_tree`](crate::copy_tree): the first error ends it, a mount point is refused.
pub fn measure_tree(dir: BorrowedFd<'_>) -> Result<TreeSize, Error> {
    let opener = Opener::new(dir);
    let at_root = |failure: Failure| failure.at(TreePath::default());
    let root = opener.root(dir).map_err(at_root)?;
    let mut measure = Measure::default();
    measure.add(&Entry::of(&root).map_err(at_root)?);
    let mut descent = Descent::new(root, c"").map_err(at_root)?;
    let mut lister = Lister::default();
    let mut listed = Vec::new();
    let mut levels = vec![Level::default()];
    let mut waiting = 0;
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.folders.pop() {
            waiting -= 1;
            let opened = opener.folder(descent.fd(), &name).and_then(|fd| {
                let id = Entry::of(&fd)?.id;
                Ok((fd, id))
            });
            let (fd, id) = opened.map_err(|failure| failure.at(descent.path_to(&name)))?;
            descent.enter(fd, id, name);
            levels.push(Level::default());
        } else if let Some(from) = level.unread {
            let most = (WAITING.saturating_sub(waiting) / 2).clamp(LEAST, PART);
            level.unread = lister
                .part(descent.fd(), from, most, &mut listed)
                .map_err(|failure| failure.at(descent.path()))?;
            for entry in listed.drain(..) {
                let found = opener
                    .node(descent.fd(), &entry.name)
                    .and_then(|fd| Entry::of(fd.as_fd()));
                let found = found.map_err(|failure| failure.at(descent.path_to(&entry.name)))?;
                measure.add(&found);
                if found.kind == FileType::Directory {
                    level.folders.push(entry.name);
                    waiting += 1;
                }
            }
        } else {
            levels.pop();
            descent
                .leave()
                .map_err(|failure| failure.at(descent.path()))?;
        }
    }
    Ok(measure.size)
}

/// A folder on the way from the root to the current one.
struct Level {
    /// Subfolders still to be measured.
    folders: Vec<CString>,
    /// Where the entries begin that were not listed yet.
    unread: Option<u64>,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            unread: Some(0),
        }
    }
}

#[derive(Default)]
struct Measure {
    size: TreeSize,
    /// The files with several names that were met. A hash of eight bytes does for each: there may be
    /// millions, and two that have the same one are not to be found on purpose, since nobody knows the
    /// key.
    seen: HashSet<u64>,
    key: RandomState,
}

impl Measure {
    fn add(&mut self, entry: &Entry) {
        self.size.entries += 1;
        let folder = entry.kind == FileType::Directory;
        if !folder && entry.names > 1 && !self.seen.insert(self.key.hash_one(entry.id)) {
            return;
        }
        self.size.allocated += entry.allocated;
        if entry.kind == FileType::RegularFile {
            self.size.apparent += entry.size;
        }
    }
}
