//! Removes a tree.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use crate::descent::Descent;
use crate::entry::Entry;
use crate::error::{Error, Failure, Operation, entry_name, path_of};
use crate::listing::Lister;
use crate::observer::{Observer, Tally};
use crate::opening::Opener;

/// What a removal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoveReport {
    /// Entries removed, the tree's root included.
    pub entries: u64,
}

/// How often an entry may turn from a folder to something else and back before we give up.
const PATIENCE: usize = 64;

/// Removes `name` under `parent` and everything below. A name that is not there is no error, and
/// zero entries. `name` may be a file or symlink, which is then removed itself.
///
/// No symlink is followed and the tree is never left, also while somebody moves things about in
/// it. Trees of any depth are removed with a few descriptors and little stack.
///
/// # Errors
/// The first error ends the work and leaves the rest. A mount point inside the tree, or the tree
/// being one, is [`Error::MountPoint`] with what is mounted untouched. Paths in errors start with
/// `name`.
pub fn remove_tree(
    parent: BorrowedFd<'_>,
    name: &OsStr,
    observer: &dyn Observer,
) -> Result<RemoveReport, Error> {
    let name = entry_name(name)?;
    let mut removal = Removal {
        opener: Opener::new(parent),
        lister: Lister::default(),
        tally: Tally::new(observer),
        report: RemoveReport::default(),
    };
    let outcome = removal.run(parent, &name);
    removal.tally.tell();
    outcome.map(|()| removal.report)
}

struct Removal<'a> {
    opener: Opener,
    lister: Lister,
    tally: Tally<'a>,
    report: RemoveReport,
}

impl Removal<'_> {
    fn run(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
        let at_root = |failure: Failure| failure.at(path_of(name));
        self.check().map_err(at_root)?;
        let Some(root) = self.clear(parent, name, false).map_err(at_root)? else {
            return Ok(());
        };
        let mut descent = Descent::new(root, name).map_err(at_root)?;
        // For each folder from the root to the current one, the subfolders still to be removed.
        let mut waiting = vec![self.empty(&descent)?];
        while let Some(folders) = waiting.last_mut() {
            if let Some(folder) = folders.pop() {
                let opened = self.clear(descent.fd(), &folder, true).and_then(|opened| {
                    let Some(fd) = opened else { return Ok(None) };
                    let id = Entry::of(&fd)?.id;
                    Ok(Some((fd, id)))
                });
                let opened = opened.map_err(|failure| failure.at(descent.path_to(&folder)))?;
                if let Some((fd, id)) = opened {
                    descent.enter(fd, id, folder);
                    waiting.push(self.empty(&descent)?);
                }
            } else {
                waiting.pop();
                let left = self.check().and_then(|()| descent.leave());
                let left = left.map_err(|failure| failure.at(descent.path()))?;
                let (at, name) = match &left {
                    Some(name) => (descent.fd(), name.as_c_str()),
                    None => (parent, name),
                };
                let gone = rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR);
                self.removed(gone).map_err(|failure| match &left {
                    Some(name) => failure.at(descent.path_to(name)),
                    None => at_root(failure),
                })?;
            }
        }
        Ok(())
    }

    /// Removes the entry, unless it is a folder, which is opened instead. `folder` is what it is
    /// believed to be; somebody may be changing it this very moment.
    fn clear(
        &mut self,
        at: BorrowedFd<'_>,
        name: &CStr,
        mut folder: bool,
    ) -> Result<Option<OwnedFd>, Failure> {
        for _ in 0..PATIENCE {
            if folder {
                match self.opener.folder(at, name) {
                    Ok(fd) => return Ok(Some(fd)),
                    Err(Failure::Changed) => folder = false,
                    Err(Failure::Refused(_, Errno::NOENT)) => return Ok(None),
                    Err(failure) => return Err(failure),
                }
            } else {
                match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
                    Err(Errno::ISDIR) => folder = true,
                    removed => return self.removed(removed).map(|()| None),
                }
            }
        }
        Err(Failure::Changed)
    }

    /// Removes all but the folders from the current folder and returns the folders' names.
    fn empty(&mut self, descent: &Descent) -> Result<Vec<CString>, Error> {
        let listed = self.lister.list(descent.fd());
        let mut folders = Vec::new();
        for entry in listed.map_err(|failure| failure.at(descent.path()))? {
            let folder = entry.kind == FileType::Directory;
            let cleared = self.check().and_then(|()| {
                if folder {
                    Ok(true)
                } else {
                    self.is_folder(descent, &entry.name)
                }
            });
            if cleared.map_err(|failure| failure.at(descent.path_to(&entry.name)))? {
                folders.push(entry.name);
            }
        }
        Ok(folders)
    }

    fn is_folder(&mut self, descent: &Descent, name: &CStr) -> Result<bool, Failure> {
        self.clear(descent.fd(), name, false)
            .map(|opened| opened.is_some())
    }

    fn removed(&mut self, removed: Result<(), Errno>) -> Result<(), Failure> {
        match removed {
            Ok(()) => {
                self.report.entries += 1;
                self.tally.add(1, 0);
                Ok(())
            }
            // Somebody else was faster.
            Err(Errno::NOENT) => Ok(()),
            Err(Errno::BUSY) => Err(Failure::MountPoint),
            Err(errno) => Err(Failure::Refused(Operation::Remove, errno)),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        if self.tally.interrupted() {
            Err(Failure::Interrupted)
        } else {
            Ok(())
        }
    }
}
