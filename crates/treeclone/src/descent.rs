//! One thread's way down a tree and back up, for trees of any depth.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::entry::{Entry, Id};
use crate::error::Failure;
use crate::opening;
use crate::path::TreePath;

/// Folders open at once. The ones above are found again from below.
const OPEN: usize = 32;

#[derive(Debug)]
struct Level {
    name: CString,
    id: Id,
    fd: Option<OwnedFd>,
}

/// The folders from the root of a tree to the current one.
#[derive(Debug)]
pub(crate) struct Descent {
    above: Vec<Level>,
    name: CString,
    id: Id,
    fd: OwnedFd,
}

impl Descent {
    /// Starts at the root. Its name, which may be empty, begins the paths of all.
    pub(crate) fn new(root: OwnedFd, name: &CStr) -> Result<Self, Failure> {
        let id = Entry::of(&root)?.id;
        Ok(Self {
            above: Vec::new(),
            name: name.to_owned(),
            id,
            fd: root,
        })
    }

    /// The current folder.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Goes down into a subfolder that was opened from the current one.
    pub(crate) fn enter(&mut self, fd: OwnedFd, id: Id, name: CString) {
        let name = std::mem::replace(&mut self.name, name);
        let id = std::mem::replace(&mut self.id, id);
        let fd = Some(std::mem::replace(&mut self.fd, fd));
        self.above.push(Level { name, id, fd });
        if let Some(far) = self.above.len().checked_sub(OPEN) {
            self.above[far].fd = None;
        }
    }

    /// Goes back up and returns the name of the folder left, or none at the root. After a failure
    /// the current folder is still the same.
    pub(crate) fn leave(&mut self) -> Result<Option<CString>, Failure> {
        let Some(mut level) = self.above.pop() else {
            return Ok(None);
        };
        let above = match level.fd.take() {
            Some(fd) => Ok(fd),
            None => opening::parent(self.fd(), level.id),
        };
        match above {
            Ok(fd) => self.fd = fd,
            Err(failure) => {
                self.above.push(level);
                return Err(failure);
            }
        }
        self.id = level.id;
        Ok(Some(std::mem::replace(&mut self.name, level.name)))
    }

    /// The path of the current folder.
    pub(crate) fn path(&self) -> TreePath {
        let names = self
            .above
            .iter()
            .map(|level| &level.name)
            .chain([&self.name]);
        // An empty name of the root must not become a leading slash.
        let names = names
            .map(|name| name.to_bytes())
            .filter(|name| !name.is_empty());
        TreePath::new(names.collect::<Vec<_>>().join(&b'/'))
    }

    /// The path of an entry of the current folder.
    pub(crate) fn path_to(&self, name: &CStr) -> TreePath {
        self.path().join(name.to_bytes())
    }
}
