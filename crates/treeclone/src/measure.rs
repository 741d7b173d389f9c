//! Measures a tree.

use std::collections::HashSet;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::FileType;

use crate::descent::Descent;
use crate::entry::{Entry, Id};
use crate::error::{Error, Failure};
use crate::listing::Lister;
use crate::opening::Opener;
use crate::path::TreePath;

/// So many entries of a folder are listed at a time.
const PART: usize = 4096;

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
    // For each folder from the root to the current one, the subfolders still to be measured.
    let mut waiting = vec![measure.folder(&opener, &mut lister, &descent)?];
    while let Some(folders) = waiting.last_mut() {
        if let Some(name) = folders.pop() {
            let opened = opener.folder(descent.fd(), &name).and_then(|fd| {
                let id = Entry::of(&fd)?.id;
                Ok((fd, id))
            });
            let (fd, id) = opened.map_err(|failure| failure.at(descent.path_to(&name)))?;
            descent.enter(fd, id, name);
            waiting.push(measure.folder(&opener, &mut lister, &descent)?);
        } else {
            waiting.pop();
            descent
                .leave()
                .map_err(|failure| failure.at(descent.path()))?;
        }
    }
    Ok(measure.size)
}

#[derive(Default)]
struct Measure {
    size: TreeSize,
    seen: HashSet<Id>,
}

impl Measure {
    /// Adds what is in the current folder and returns the names of its subfolders.
    fn folder(
        &mut self,
        opener: &Opener,
        lister: &mut Lister,
        descent: &Descent,
    ) -> Result<Vec<CString>, Error> {
        let mut folders = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            let mut listed = Vec::new();
            next = lister
                .part(descent.fd(), from, PART, &mut listed)
                .map_err(|failure| failure.at(descent.path()))?;
            for entry in listed {
                let found = opener
                    .node(descent.fd(), &entry.name)
                    .and_then(|fd| Entry::of(fd.as_fd()));
                let found = found.map_err(|failure| failure.at(descent.path_to(&entry.name)))?;
                self.add(&found);
                if found.kind == FileType::Directory {
                    folders.push(entry.name);
                }
            }
        }
        Ok(folders)
    }

    fn add(&mut self, entry: &Entry) {
        self.size.entries += 1;
        let folder = entry.kind == FileType::Directory;
        if !folder && entry.names > 1 && !self.seen.insert(entry.id) {
            return;
        }
        self.size.allocated += entry.allocated;
        if entry.kind == FileType::RegularFile {
            self.size.apparent += entry.size;
        }
    }
}
