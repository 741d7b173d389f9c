//! A thread that copies: lists folders, shares out what is in them, finishes them.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType};

use super::content::Mover;
use super::job::{Copying, Folder, Known, Pair, create_folder};
use super::{CopyReport, settle};
use crate::entry::Entry;
use crate::error::{During, Error, Failure, Operation};
use crate::listing::{Listed, Lister};
use crate::observer::Tally;
use crate::walk::crew::Hand;
use crate::xattrs::{self, Holder};

/// Entries in one task: enough to make a trip to the queue cheap, few enough to share out.
const BATCH: usize = 64;
/// Entries of one folder that are known at once. A folder may have millions.
const PART: usize = 4096;
/// What an entry costs of [`CopyOptions::rate`](super::CopyOptions::rate) besides its content.
const ENTRY: u64 = 4096;

/// A piece of work for one thread.
pub(super) enum Task {
    /// Make a folder of this name and list it.
    Folder { parent: Arc<Folder>, name: CString },
    /// List a folder from this position on.
    List { folder: Arc<Folder>, from: u64 },
    /// Copy these entries, which are no folders.
    Entries {
        folder: Arc<Folder>,
        entries: Vec<Listed>,
    },
}

/// One thread's tools and its share of the report.
pub(super) struct Worker<'a> {
    pub(super) copying: &'a Copying<'a>,
    pub(super) report: CopyReport,
    pub(super) tally: Tally<'a>,
    pub(super) xattrs: xattrs::Reader,
    pub(super) mover: Mover<'a>,
    lister: Lister,
    /// The folder worked on last. Going down a deep tree it is the one needed next, also when it
    /// is one too many to be kept.
    pub(super) recent: Option<(Arc<Folder>, Arc<Pair>)>,
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
                let (folder, pair) = self
                    .folder(&parent, &name)
                    .map_err(|failure| failure.at(parent.path_to(&name)))?;
                if folder.data.entry.id == self.copying.copy {
                    return Err(Error::IntoItself {
                        path: folder.path(),
                    });
                }
                self.list(folder, pair, 0, more)
            }
            Task::List { folder, from } => {
                let pair = self.open(&folder)?;
                self.list(folder, pair, from, more)
            }
            Task::Entries { folder, entries } => {
                let pair = self.open(&folder)?;
                for listed in &entries {
                    self.check(ended)?;
                    self.single(&folder, &pair, listed)
                        .map_err(|failure| failure.at(folder.path_to(&listed.name)))?;
                }
                self.finish(folder, pair)
            }
        }
    }

    fn rest(mut self) {
        self.tally.tell();
        self.copying.add(&self.report);
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(copying: &'a Copying<'a>) -> Self {
        Self {
            copying,
            report: CopyReport::default(),
            tally: Tally::new(copying.observer),
            xattrs: xattrs::Reader::new(),
            mover: Mover::new(&copying.lessons, copying.sharing, &copying.pace),
            lister: Lister::default(),
            recent: None,
        }
    }

    fn check(&self, ended: &dyn Fn() -> bool) -> Result<(), Error> {
        let interrupted = || self.tally.interrupted();
        // After an error elsewhere nobody looks at what this returns.
        if ended() || interrupted() {
            return Err(Error::Interrupted);
        }
        let waited = self.copying.pace.take(ENTRY, &|| ended() || interrupted());
        waited.map_err(|_| Error::Interrupted)
    }

    fn open(&mut self, folder: &Arc<Folder>) -> Result<Arc<Pair>, Error> {
        self.pair_of(folder)
            .map_err(|failure| failure.at(folder.path()))
    }

    /// Opens a folder and makes its copy.
    fn folder(
        &mut self,
        parent: &Arc<Folder>,
        name: &CStr,
    ) -> Result<(Arc<Folder>, Arc<Pair>), Failure> {
        let above = self.pair_of(parent)?;
        let opener = &self.copying.opener;
        let source = opener.folder(above.source.as_fd(), name)?;
        let entry = Entry::of(&source)?;
        let xattrs = self.xattrs.read(Holder::Open(source.as_fd()))?;
        let target = create_folder(opener, above.target.as_fd(), name)?;
        let known = Known {
            entry,
            xattrs,
            fresh: Entry::of(&target)?,
        };
        let folder = Folder::new(Some(Arc::clone(parent)), name.to_owned(), known);
        self.report.directories += 1;
        self.tally.add(1, 0);
        Ok((folder, Arc::new(Pair { source, target })))
    }

    /// Lists a part of a folder and makes tasks of it.
    fn list(
        &mut self,
        folder: Arc<Folder>,
        pair: Arc<Pair>,
        from: u64,
        more: &mut Vec<Task>,
    ) -> Result<(), Error> {
        let mut listed = Vec::new();
        let next = self
            .lister
            .part(pair.source.as_fd(), from, PART, &mut listed)
            .map_err(|failure| failure.at(folder.path()))?;
        // The last task is begun first: a folder's files are done before its subfolders are begun,
        // so that its descriptors are needed no longer than that, and both before more is listed.
        let task = |from| Task::List {
            folder: Arc::clone(&folder),
            from,
        };
        more.extend(next.map(task));
        self.leave_out(&folder, &mut listed);
        let mut rest = Vec::with_capacity(listed.len());
        for mut entry in listed {
            if entry.kind == FileType::Unknown {
                entry.kind = kind_of(pair.source.as_fd(), &entry.name)
                    .map_err(|failure| failure.at(folder.path_to(&entry.name)))?;
            }
            if entry.kind == FileType::Directory {
                more.push(Task::Folder {
                    parent: Arc::clone(&folder),
                    name: entry.name,
                });
            } else {
                rest.push(entry);
            }
        }
        while !rest.is_empty() {
            let entries = rest.split_off(rest.len().saturating_sub(BATCH));
            more.push(Task::Entries {
                folder: Arc::clone(&folder),
                entries,
            });
        }
        if !more.is_empty() {
            self.copying.keeper.keep(&folder, &pair);
            folder.expect(more.len());
        }
        self.finish(folder, pair)
    }

    fn leave_out(&mut self, folder: &Folder, listed: &mut Vec<Listed>) {
        let Some(skip) = self.copying.skip else {
            return;
        };
        let mut path = folder.path().as_bytes().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        let above = path.len();
        let before = listed.len();
        listed.retain(|entry| {
            path.truncate(above);
            path.extend_from_slice(entry.name.to_bytes());
            !skip(&path)
        });
        self.report.skipped += (before - listed.len()) as u64;
    }

    /// One task of `folder` has ended. After the last one the folder gets its metadata, and then
    /// one task of the folder above has ended.
    fn finish(&mut self, mut folder: Arc<Folder>, mut pair: Arc<Pair>) -> Result<(), Error> {
        while folder.ended() {
            let known = &folder.data;
            let target = pair.target.as_fd();
            settle::open(target, &known.fresh, &known.entry, &known.xattrs)
                .map_err(|failure| failure.at(folder.path()))?;
            self.copying.keeper.release(&folder);
            let Some(parent) = folder.parent.clone() else {
                self.recent = None;
                return Ok(());
            };
            pair = self
                .up(&parent, &pair)
                .map_err(|failure| failure.at(parent.path()))?;
            folder = parent;
        }
        self.recent = Some((folder, pair));
        Ok(())
    }
}

/// For filesystems that do not tell when listing.
fn kind_of(folder: BorrowedFd<'_>, name: &CStr) -> Result<FileType, Failure> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.map(|stat| FileType::from_raw_mode(stat.st_mode))
        .during(Operation::Stat)
}
