//! A thread that copies: takes tasks, lists folders, finishes them.

use std::ffi::{CStr, CString};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Scope};

use rustix::fs::{AtFlags, FileType, Mode};

use super::content::Mover;
use super::folder::{Folder, Keeper, Pair};
use super::lessons::Lessons;
use super::links::Links;
use super::queue::{Queue, Task};
use super::{CopyOptions, CopyReport, PathTest, Sharing, settle};
use crate::entry::{Entry, Id};
use crate::error::{During, Error, Failure, Operation, path_of};
use crate::listing::{Listed, Lister};
use crate::observer::{Observer, Tally};
use crate::opening::{self, Opener};
use crate::xattrs::{self, Holder};

/// Entries in one task: enough to make a trip to the queue cheap, few enough to share out.
const BATCH: usize = 32;

/// What the threads of one copy share.
pub(super) struct Shared<'a> {
    pub(super) opener: Opener,
    pub(super) links: Links,
    lessons: Lessons,
    sharing: Sharing,
    skip: Option<PathTest<'a>>,
    observer: &'a dyn Observer,
    queue: Queue,
    keeper: Keeper,
    jobs: Option<NonZeroUsize>,
    parallelism: OnceLock<usize>,
    /// To notice when a copy is asked for into its own source.
    copy: Id,
    outcome: Mutex<(CopyReport, Option<Error>)>,
}

impl Shared<'_> {
    fn jobs(&self) -> usize {
        // Asked only when there is work for a second thread: the answer takes reading several
        // files of the control groups.
        let most = || self.jobs.or_else(|| thread::available_parallelism().ok());
        *self
            .parallelism
            .get_or_init(|| most().map_or(1, NonZeroUsize::get))
    }

    fn fail(&self, error: Error) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.1.get_or_insert(error);
        drop(outcome);
        self.queue.end();
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
    let at_root = |failure: Failure| failure.at(crate::TreePath::default());
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
    let copy = Entry::of(&target).map_err(at_root)?.id;

    let shared = Shared {
        opener,
        links: Links::default(),
        lessons: Lessons::default(),
        sharing: options.sharing,
        skip: options.skip,
        observer,
        queue: Queue::default(),
        keeper: Keeper::new(),
        jobs: options.jobs,
        parallelism: OnceLock::new(),
        copy,
        outcome: Mutex::default(),
    };
    let root = Folder::new(None, CString::default(), entry, xattrs, copy);
    let pair = Arc::new(Pair { source, target });
    // Always open, so that there is a place to open the others from.
    shared.keeper.keep(&root, &pair);
    shared.queue.enter();
    thread::scope(|scope| {
        let mut worker = Worker::new(scope, &shared);
        worker.guarded(|worker| {
            worker.report.directories += 1;
            worker.fill(root, pair)
        });
        worker.work();
    });
    let (report, error) = shared
        .outcome
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    error.map_or(Ok(report), Err)
}

/// Makes a folder that nobody else can look into yet.
fn create_folder(opener: &Opener, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Failure> {
    rustix::fs::mkdirat(at, name, Mode::RWXU).during(Operation::Create)?;
    opener.folder(at, name)
}

/// Opens a folder that is there, and closes it to everybody else.
fn close_folder(opener: &Opener, at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Failure> {
    let folder = opener.folder(at, name)?;
    rustix::fs::fchmod(&folder, Mode::RWXU).during(Operation::SetMode)?;
    Ok(folder)
}

/// One thread's tools and its share of the report.
pub(super) struct Worker<'scope, 'env, 'a> {
    scope: &'scope Scope<'scope, 'env>,
    pub(super) shared: &'env Shared<'a>,
    pub(super) report: CopyReport,
    pub(super) tally: Tally<'a>,
    pub(super) xattrs: xattrs::Reader,
    pub(super) mover: Mover<'env>,
    lister: Lister,
    /// The folder worked on last. Going down a deep tree it is the one needed next, also when it
    /// is one too many to be kept.
    recent: Option<(Arc<Folder>, Arc<Pair>)>,
}

impl<'scope, 'env, 'a> Worker<'scope, 'env, 'a> {
    fn new(scope: &'scope Scope<'scope, 'env>, shared: &'env Shared<'a>) -> Self {
        Self {
            scope,
            shared,
            report: CopyReport::default(),
            tally: Tally::new(shared.observer),
            xattrs: xattrs::Reader::new(),
            mover: Mover::new(&shared.lessons, shared.sharing),
            lister: Lister::default(),
            recent: None,
        }
    }

    /// Works until there is nothing left to do for anybody.
    fn work(mut self) {
        while let Some(task) = self.shared.queue.next() {
            self.guarded(|worker| worker.task(task));
        }
        self.tally.tell();
        let mut outcome = self
            .shared
            .outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.0.add(&self.report);
    }

    /// Does one task, so that the others hear of its end however it ends.
    fn guarded(&mut self, task: impl FnOnce(&mut Self) -> Result<(), Error>) {
        /// An observer or a `skip` of the caller may panic; the other threads must not wait for
        /// what that thread would have done.
        struct EndOnPanic<'a>(&'a Queue);
        impl Drop for EndOnPanic<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.end();
                }
            }
        }
        let guard = EndOnPanic(&self.shared.queue);
        if let Err(error) = task(self) {
            self.shared.fail(error);
        }
        self.shared.queue.done();
        drop(guard);
    }

    fn task(&mut self, task: Task) -> Result<(), Error> {
        match task {
            Task::Folder { parent, name } => {
                self.check()?;
                let (folder, pair) = self
                    .folder(&parent, &name)
                    .map_err(|failure| failure.at(parent.path_to(&name)))?;
                if folder.entry.id == self.shared.copy {
                    return Err(Error::IntoItself {
                        path: folder.path(),
                    });
                }
                self.fill(folder, pair)
            }
            Task::Entries { folder, entries } => {
                let pair = self
                    .pair_of(&folder)
                    .map_err(|failure| failure.at(folder.path()))?;
                self.entries(&folder, &pair, &entries)?;
                self.finish(folder, pair)
            }
        }
    }

    /// Opens a folder and makes its copy.
    fn folder(
        &mut self,
        parent: &Arc<Folder>,
        name: &CStr,
    ) -> Result<(Arc<Folder>, Arc<Pair>), Failure> {
        let above = self.pair_of(parent)?;
        let opener = &self.shared.opener;
        let source = opener.folder(above.source.as_fd(), name)?;
        let entry = Entry::of(&source)?;
        let xattrs = self.xattrs.read(Holder::Open(source.as_fd()))?;
        let target = create_folder(opener, above.target.as_fd(), name)?;
        let copy = Entry::of(&target)?.id;
        let folder = Folder::new(
            Some(Arc::clone(parent)),
            name.to_owned(),
            entry,
            xattrs,
            copy,
        );
        self.report.directories += 1;
        self.tally.add(1, 0);
        Ok((folder, Arc::new(Pair { source, target })))
    }

    /// Lists a folder, shares out what is in it and does a part of that.
    fn fill(&mut self, folder: Arc<Folder>, pair: Arc<Pair>) -> Result<(), Error> {
        let listed = self
            .listed(&folder, &pair)
            .map_err(|failure| failure.at(folder.path()))?;
        let mut tasks = Vec::new();
        let mut rest = Vec::new();
        for mut entry in listed {
            if entry.kind == FileType::Unknown {
                entry.kind = kind_of(pair.source.as_fd(), &entry.name)
                    .map_err(|failure| failure.at(folder.path_to(&entry.name)))?;
            }
            if entry.kind == FileType::Directory {
                tasks.push(Task::Folder {
                    parent: Arc::clone(&folder),
                    name: entry.name,
                });
            } else {
                rest.push(entry);
            }
        }
        // On top of the stack, so that a folder's files are done before its subfolders are begun
        // and its descriptors are needed no longer than that.
        while rest.len() > BATCH {
            let entries = rest.split_off(rest.len() - BATCH);
            tasks.push(Task::Entries {
                folder: Arc::clone(&folder),
                entries,
            });
        }
        if !tasks.is_empty() {
            self.shared.keeper.keep(&folder, &pair);
            folder.expect(tasks.len());
            if self.shared.queue.push(tasks, || self.shared.jobs()) {
                self.call_help();
            }
        }
        self.entries(&folder, &pair, &rest)?;
        self.recent = Some((Arc::clone(&folder), Arc::clone(&pair)));
        self.finish(folder, pair)
    }

    fn listed(&mut self, folder: &Folder, pair: &Pair) -> Result<Vec<Listed>, Failure> {
        let mut listed = self.lister.list(pair.source.as_fd())?;
        if let Some(skip) = self.shared.skip {
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
        Ok(listed)
    }

    /// Starts a thread. If the system gives none, those that are there do the work.
    fn call_help(&self) {
        let (scope, shared) = (self.scope, self.shared);
        let help = move || Worker::new(scope, shared).work();
        let _ = thread::Builder::new()
            .name("treeclone".into())
            .spawn_scoped(scope, help);
    }

    fn entries(
        &mut self,
        folder: &Arc<Folder>,
        pair: &Pair,
        entries: &[Listed],
    ) -> Result<(), Error> {
        for listed in entries {
            self.check()?;
            self.single(folder, pair, listed)
                .map_err(|failure| failure.at(folder.path_to(&listed.name)))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        // After an error elsewhere nobody looks at what this returns.
        if self.shared.queue.ended() || self.tally.interrupted() {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// One task of `folder` has ended. After the last one the folder gets its metadata, and then
    /// one task of the folder above has ended.
    fn finish(&mut self, mut folder: Arc<Folder>, pair: Arc<Pair>) -> Result<(), Error> {
        let mut last = Some(pair);
        let mut reopened: Option<OwnedFd> = None;
        while folder.ended() {
            let at = |failure: Failure| failure.at(folder.path());
            let target = match (&last, &reopened) {
                (Some(pair), _) => pair.target.as_fd(),
                (None, Some(fd)) => fd.as_fd(),
                (None, None) => return Err(at(Failure::Changed)),
            };
            settle::open(target, &folder.entry, &folder.xattrs).map_err(at)?;
            let Some(parent) = folder.parent.clone() else {
                self.shared.keeper.release(&folder);
                break;
            };
            let kept = parent.kept();
            if kept.is_none() {
                let above = opening::parent(target, parent.target);
                // One step up is cheap but takes the right to search the folder just finished.
                reopened = Some(
                    above
                        .or_else(|_| self.target_of(&parent))
                        .map_err(|failure| failure.at(parent.path()))?,
                );
            }
            last = kept;
            self.shared.keeper.release(&folder);
            folder = parent;
        }
        Ok(())
    }

    /// The open folder and its copy.
    fn pair_of(&mut self, folder: &Arc<Folder>) -> Result<Arc<Pair>, Failure> {
        if let Some((recent, pair)) = &self.recent
            && Arc::ptr_eq(recent, folder)
        {
            return Ok(Arc::clone(pair));
        }
        if let Some(pair) = folder.kept() {
            return Ok(pair);
        }
        let (above, names) = way_to(folder)?;
        let opener = &self.shared.opener;
        let source = opener.descend(above.source.as_fd(), &names, folder.entry.id)?;
        let target = opener.descend(above.target.as_fd(), &names, folder.target)?;
        let pair = Arc::new(Pair { source, target });
        self.recent = Some((Arc::clone(folder), Arc::clone(&pair)));
        Ok(pair)
    }

    /// The copy of a folder, which may be finished already.
    pub(super) fn target_of(&self, folder: &Arc<Folder>) -> Result<OwnedFd, Failure> {
        if let Some(pair) = folder.kept() {
            return pair.target.try_clone().map_err(|error| {
                let errno = rustix::io::Errno::from_io_error(&error);
                Failure::Refused(Operation::Open, errno.unwrap_or(rustix::io::Errno::MFILE))
            });
        }
        let (above, names) = way_to(folder)?;
        self.shared
            .opener
            .descend(above.target.as_fd(), &names, folder.target)
    }
}

/// The nearest folder above that is open, and the names from there.
fn way_to(folder: &Folder) -> Result<(Arc<Pair>, Vec<&CStr>), Failure> {
    let mut names = vec![folder.name.as_c_str()];
    let mut above = folder.parent.as_deref();
    while let Some(folder) = above {
        if let Some(pair) = folder.kept() {
            names.reverse();
            return Ok((pair, names));
        }
        names.push(&folder.name);
        above = folder.parent.as_deref();
    }
    // The root is kept open to the end.
    Err(Failure::Changed)
}

/// For filesystems that do not tell when listing.
fn kind_of(folder: BorrowedFd<'_>, name: &CStr) -> Result<FileType, Failure> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.map(|stat| FileType::from_raw_mode(stat.st_mode))
        .during(Operation::Stat)
}
