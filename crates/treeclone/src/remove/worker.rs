//! A thread that removes: empties folders, shares out what is in them, removes them.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::Removal;
use crate::entry::{Entry, Id};
use crate::error::{Error, Failure, Operation};
use crate::listing::{Listed, Lister};
use crate::observer::Tally;
use crate::opening;
use crate::walk::crew::Hand;

/// Entries in one task: enough to make a trip to the queue cheap, few enough to share out.
const BATCH: usize = 128;
/// Entries of one folder that are known at once. A folder may have millions.
const PART: usize = 4096;
/// How often a folder that is not empty after all of it was removed is listed again: somebody puts
/// things into it, or listing it in parts missed what moved when others were removed.
const LISTINGS: u32 = 64;

/// What is known of a folder that is being removed.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: Id,
    /// How often it was listed again.
    pub(super) listings: AtomicU32,
}

pub(super) type Folder = crate::walk::folder::Folder<Known, OwnedFd>;
type Opened = (Arc<Folder>, Arc<OwnedFd>);

/// A piece of work for one thread.
pub(super) enum Task {
    /// Remove the folder of this name.
    Folder { parent: Arc<Folder>, name: CString },
    /// List a folder from this position on.
    List { folder: Arc<Folder>, from: u64 },
    /// Remove these entries, which are believed to be no folders.
    Entries {
        folder: Arc<Folder>,
        entries: Vec<Listed>,
    },
}

/// One thread's tools and its share of the report.
pub(super) struct Worker<'a> {
    pub(super) removal: &'a Removal<'a>,
    pub(super) tally: Tally<'a>,
    pub(super) removed: u64,
    lister: Lister,
    /// The folder worked on last. Going down a deep tree it is the one needed next, also when it
    /// is one too many to be kept.
    recent: Option<Opened>,
}

impl Hand<Task> for Worker<'_> {
    fn work(
        &mut self,
        task: Task,
        more: &mut Vec<Task>,
        ended: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        match task {
            Task::Folder { parent, name } => {
                self.check(ended)?;
                let fd = self.open(&parent)?;
                let opened = self
                    .enter(&parent, &fd, &name)
                    .map_err(|failure| failure.at(parent.path_to(&name)))?;
                match opened {
                    Some((folder, fd)) => self.list(folder, fd, 0, more),
                    None => self.finish(parent, fd, more),
                }
            }
            Task::List { folder, from } => {
                let fd = self.open(&folder)?;
                self.list(folder, fd, from, more)
            }
            Task::Entries { folder, entries } => {
                let fd = self.open(&folder)?;
                for listed in entries {
                    self.check(ended)?;
                    let name = listed.name;
                    let cleared = self
                        .clear(fd.as_fd(), &name, false)
                        .map_err(|failure| failure.at(folder.path_to(&name)))?;
                    if cleared.is_some() {
                        let parent = Arc::clone(&folder);
                        folder.expect(1);
                        more.push(Task::Folder { parent, name });
                    }
                }
                self.finish(folder, fd, more)
            }
        }
    }

    fn rest(mut self) {
        self.tally.tell();
        self.removal.add(self.removed);
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(removal: &'a Removal<'a>) -> Self {
        Self {
            removal,
            tally: Tally::new(removal.observer),
            removed: 0,
            lister: Lister::default(),
            recent: None,
        }
    }

    fn check(&self, ended: &dyn Fn() -> bool) -> Result<(), Error> {
        let interrupted = || self.tally.interrupted();
        if ended() || interrupted() {
            return Err(Error::Interrupted);
        }
        let waited = self.removal.pace.take(1, &|| ended() || interrupted());
        waited.map_err(|_| Error::Interrupted)
    }

    /// Opens a folder, unless it is none any more and removed.
    fn enter(
        &mut self,
        parent: &Arc<Folder>,
        at: &OwnedFd,
        name: &CString,
    ) -> Result<Option<Opened>, Failure> {
        let Some(fd) = self.clear(at.as_fd(), name, true)? else {
            return Ok(None);
        };
        let known = Known {
            id: Entry::of(&fd)?.id,
            listings: AtomicU32::new(0),
        };
        let folder = Folder::new(Some(Arc::clone(parent)), name.clone(), known);
        Ok(Some((folder, Arc::new(fd))))
    }

    /// Lists a part of a folder and makes tasks of it.
    fn list(
        &mut self,
        folder: Arc<Folder>,
        fd: Arc<OwnedFd>,
        from: u64,
        more: &mut Vec<Task>,
    ) -> Result<(), Error> {
        let mut listed = Vec::new();
        let next = match self.lister.part(fd.as_fd(), from, PART, &mut listed) {
            // Somebody else was faster.
            Err(Failure::Refused(_, Errno::NOENT)) => None,
            next => next.map_err(|failure| failure.at(folder.path()))?,
        };
        // The last task is begun first: what is no folder goes before the subfolders, and both
        // before more is listed.
        let task = |from| Task::List {
            folder: Arc::clone(&folder),
            from,
        };
        more.extend(next.map(task));
        let (folders, mut rest): (Vec<_>, Vec<_>) = listed
            .into_iter()
            .partition(|entry| entry.kind == FileType::Directory);
        more.extend(folders.into_iter().map(|entry| Task::Folder {
            parent: Arc::clone(&folder),
            name: entry.name,
        }));
        while !rest.is_empty() {
            let entries = rest.split_off(rest.len().saturating_sub(BATCH));
            let folder = Arc::clone(&folder);
            more.push(Task::Entries { folder, entries });
        }
        if !more.is_empty() {
            self.removal.keeper.keep(&folder, &fd);
            folder.expect(more.len());
        }
        self.finish(folder, fd, more)
    }

    /// One task of `folder` has ended. After the last one the folder goes, and then one task of the
    /// folder above has ended.
    fn finish(
        &mut self,
        mut folder: Arc<Folder>,
        mut fd: Arc<OwnedFd>,
        more: &mut Vec<Task>,
    ) -> Result<(), Error> {
        while folder.ended() {
            let above = match &folder.parent {
                None => None,
                Some(parent) => Some(self.up(parent, &fd).map_err(|f| f.at(parent.path()))?),
            };
            let at = above.as_ref().map_or(self.removal.parent, AsFd::as_fd);
            let gone = self.unlink(at, &folder.name, AtFlags::REMOVEDIR);
            if gone == Err(Errno::NOTEMPTY)
                && folder.data.listings.fetch_add(1, Ordering::Relaxed) < LISTINGS
            {
                folder.expect(1);
                more.push(Task::List {
                    folder: Arc::clone(&folder),
                    from: 0,
                });
                break;
            }
            self.removed(gone)
                .map_err(|failure| failure.at(folder.path()))?;
            self.removal.keeper.release(&folder);
            let (Some(parent), Some(above)) = (folder.parent.clone(), above) else {
                self.recent = None;
                return Ok(());
            };
            (folder, fd) = (parent, above);
        }
        self.recent = Some((folder, fd));
        Ok(())
    }

    /// The folder above one that is open.
    fn up(&self, parent: &Arc<Folder>, fd: &OwnedFd) -> Result<Arc<OwnedFd>, Failure> {
        match parent.kept() {
            Some(kept) => Ok(kept),
            None => opening::parent(fd.as_fd(), parent.data.id).map(Arc::new),
        }
    }

    fn open(&mut self, folder: &Arc<Folder>) -> Result<Arc<OwnedFd>, Error> {
        if let Some((recent, fd)) = &self.recent
            && Arc::ptr_eq(recent, folder)
        {
            return Ok(Arc::clone(fd));
        }
        let fd = match folder.kept() {
            Some(fd) => fd,
            None => folder
                .way()
                .and_then(|(above, names)| {
                    let opener = &self.removal.opener;
                    opener.descend(above.as_fd(), &names, folder.data.id)
                })
                .map(Arc::new)
                .map_err(|failure| failure.at(folder.path()))?,
        };
        self.recent = Some((Arc::clone(folder), Arc::clone(&fd)));
        Ok(fd)
    }

    pub(super) fn removed(&mut self, removed: Result<(), Errno>) -> Result<(), Failure> {
        match removed {
            Ok(()) => {
                self.removed += 1;
                self.tally.add(1, 0);
                Ok(())
            }
            // Somebody else was faster.
            Err(Errno::NOENT) => Ok(()),
            Err(Errno::BUSY) => Err(Failure::MountPoint),
            Err(errno) => Err(Failure::Refused(Operation::Remove, errno)),
        }
    }
}
