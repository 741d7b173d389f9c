//! Removes a tree.
//!
//! A folder is listed in parts; its subfolders and batches of its other entries become tasks that
//! several threads share out, as in a copy. Whoever ends the last task below a folder removes the
//! folder, which ends a task of the one above.

use std::ffi::{CString, OsStr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::os::fd::BorrowedFd;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use crate::entry::Entry;
use crate::error::{Error, Failure, entry_name, path_of};
use crate::observer::Observer;
use crate::opening::Opener;
use crate::walk::crew::{self, Hand, Job, Terms};
use crate::walk::folder::Keeper;
use crate::walk::pace::Pace;

use worker::{Folder, Known, Task, Worker};

mod flags;
mod unlink;
mod worker;

/// How to remove.
#[derive(Debug, Default, Clone, Copy)]
pub struct RemoveOptions {
    /// How many threads may work at most, the caller's included. `None`: as many as the machine
    /// runs at once.
    pub jobs: Option<NonZeroUsize>,
    /// Entries each second that all threads together remove at most. `None`: as fast as can be.
    pub rate: Option<NonZeroU64>,
    /// How much the threads stand back behind others, from 0 (not at all) to 19, as in `nice`.
    /// Above 0 they are all new ones; the caller's waits, and stays as it is.
    pub nice: u8,
}

/// What a removal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoveReport {
    /// Entries removed, the tree's root included.
    pub entries: u64,
}

/// Removes `name` under `parent` and everything below, as fast as the machine can.
///
/// # Errors
/// As for [`remove_tree_with`].
pub fn remove_tree(
    parent: BorrowedFd<'_>,
    name: &OsStr,
    observer: &dyn Observer,
) -> Result<RemoveReport, Error> {
    remove_tree_with(parent, name, &RemoveOptions::default(), observer)
}

/// Removes `name` under `parent` and everything below. A name that is not there is no error, and
/// zero entries. `name` may be a file or symlink, which is then removed itself.
///
/// No symlink is followed and the tree is never left, also while somebody moves things about in
/// it. Trees of any depth and folders of any size are removed with a few descriptors, little stack
/// and little memory. Files and folders that are immutable or append-only (`chattr +i`, `+a`) are
/// removed too, if the caller may take these flags away; a file that has further names keeps its
/// flags.
///
/// # Errors
/// The first error ends the work and leaves the rest. A mount point inside the tree, or the tree
/// being one, is [`Error::MountPoint`] with what is mounted untouched. Paths in errors start with
/// `name`.
pub fn remove_tree_with(
    parent: BorrowedFd<'_>,
    name: &OsStr,
    options: &RemoveOptions,
    observer: &dyn Observer,
) -> Result<RemoveReport, Error> {
    let name = entry_name(name)?;
    let at_root = |failure: Failure| failure.at(path_of(&name));
    let removal = Removal {
        opener: Opener::new(parent),
        parent,
        pace: Pace::new(options.rate),
        keeper: Keeper::new(),
        observer,
        report: Mutex::default(),
    };
    if observer.interrupted() {
        return Err(Error::Interrupted);
    }
    let mut worker = Worker::new(&removal);
    let root = worker.clear(parent, &name, false).map_err(at_root)?;
    worker.rest();
    if let Some(root) = root {
        let id = Entry::of(&root).map_err(at_root)?.id;
        let listings = AtomicU32::new(0);
        let known = Known { id, listings };
        let folder = Folder::new(None, CString::clone(&name), known);
        // Always open, so that there is a place to open the others from.
        removal.keeper.keep(&folder, &Arc::new(root));
        let terms = Terms {
            jobs: options.jobs,
            nice: options.nice,
        };
        crew::run(&removal, terms, Task::List { folder, from: 0 })?;
    }
    let report = removal.report.into_inner();
    Ok(report.unwrap_or_else(PoisonError::into_inner))
}

/// What the threads of one removal share.
struct Removal<'a> {
    opener: Opener,
    /// The folder that the tree is in.
    parent: BorrowedFd<'a>,
    pace: Pace,
    keeper: Keeper,
    observer: &'a dyn Observer,
    report: Mutex<RemoveReport>,
}

impl Removal<'_> {
    fn add(&self, entries: u64) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.entries += entries;
    }
}

impl Job for Removal<'_> {
    type Task = Task;

    fn hand(&self) -> impl Hand<Task> {
        Worker::new(self)
    }
}
