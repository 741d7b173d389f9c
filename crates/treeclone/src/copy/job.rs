//! What the threads of one copy share.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::Mode;

use super::lessons::Lessons;
use super::links::Links;
use super::worker::{Task, Worker};
use super::{CopyOptions, CopyReport, PathTest, Sharing};
use crate::entry::{Entry, Id};
use crate::error::{During, Error, Failure, Operation, path_of};
use crate::observer::Observer;
use crate::opening::Opener;
use crate::path::TreePath;
use crate::walk::crew::{self, Hand, Job, Terms};
use crate::walk::folder::Keeper;
use crate::walk::pace::Pace;
use crate::xattrs::{self, Holder, Xattr};

/// What is known of a folder that is being copied.
#[derive(Debug)]
pub(super) struct Known {
    /// The source as it was before it was listed: that moves its access time.
    pub(super) entry: Entry,
    pub(super) xattrs: Vec<Xattr>,
    /// The copy as it was made.
    pub(super) fresh: Entry,
}

/// The folder in the source and its copy.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) source: OwnedFd,
    pub(super) target: OwnedFd,
}

pub(super) type Folder = crate::walk::folder::Folder<Known, Pair>;

pub(super) struct Copying<'a> {
    pub(super) opener: Opener,
    pub(super) links: Links,
    pub(super) lessons: Lessons,
    pub(super) sharing: Sharing,
    pub(super) pace: Pace,
    pub(super) skip: Option<PathTest<'a>>,
    pub(super) observer: &'a dyn Observer,
    pub(super) keeper: Keeper,
    /// To notice when a copy is asked for into its own source.
    pub(super) copy: Id,
    report: Mutex<CopyReport>,
}

impl Copying<'_> {
    pub(super) fn add(&self, report: &CopyReport) {
        let mut sum = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        sum.add(report);
    }
}

impl Job for Copying<'_> {
    type Task = Task;

    fn hand(&self) -> impl Hand<Task> {
        Worker::new(self)
    }
}

/// Copies the open folder `source` to `name` under `parent`.
pub(super) fn run(
    opener: Opener,
    source: OwnedFd,
    parent: BorrowedFd<'_>,
    name: &CStr,
    options: &CopyOptions<'_>,
    observer: &dyn Observer,
) -> Result<CopyReport, Error> {
    if observer.interrupted() {
        return Err(Error::Interrupted);
    }
    let at_root = |failure: Failure| failure.at(TreePath::default());
    let entry = Entry::of(&source).map_err(at_root)?;
    let xattrs = xattrs::Reader::new()
        .read(Holder::Open(source.as_fd()))
        .map_err(at_root)?;
    let target = if options.into_existing {
        close_folder(&opener, parent, name)
    } else {
        create_folder(&opener, parent, name)
    };
    let target = target.map_err(|failure| failure.at(path_of(name)))?;
    xattrs::disinherit(target.as_fd()).map_err(at_root)?;
    let fresh = Entry::of(&target).map_err(at_root)?;

    let report = CopyReport {
        directories: 1,
        ..CopyReport::default()
    };
    let copying = Copying {
        opener,
        links: Links::default(),
        lessons: Lessons::default(),
        sharing: options.sharing,
        pace: Pace::new(options.rate),
        skip: options.skip,
        observer,
        keeper: Keeper::new(),
        copy: fresh.id,
        report: Mutex::new(report),
    };
    let known = Known {
        entry,
        xattrs,
        fresh,
    };
    let root = Folder::new(None, CString::default(), known);
    // Always open, so that there is a place to open the others from.
    copying
        .keeper
        .keep(&root, &Arc::new(Pair { source, target }));
    let terms = Terms {
        jobs: options.jobs,
        nice: options.nice,
    };
    crew::run(
        &copying,
        terms,
        Task::List {
            folder: root,
            from: 0,
        },
    )?;
    let report = copying.report.into_inner();
    Ok(report.unwrap_or_else(PoisonError::into_inner))
}

/// Makes a folder that nobody else can look into yet.
pub(super) fn create_folder(
    opener: &Opener,
    at: BorrowedFd<'_>,
    name: &CStr,
) -> Result<OwnedFd, Failure> {
    rustix::fs::mkdirat(at, name, Mode::RWXU).during(Operation::Create)?;
    opener.folder(at, name)
}

/// Opens a folder that is there, and closes it to everybody else.
fn close_folder(opener: &Opener, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Failure> {
    let folder = opener.folder(at, name)?;
    rustix::fs::fchmod(&folder, Mode::RWXU).during(Operation::SetMode)?;
    Ok(folder)
}
