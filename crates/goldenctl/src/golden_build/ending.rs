use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use cachecore::id::{BuildId, ProjectId};
use goldenstore::Store;

/// The longest that Ctrl-C goes unnoticed.
const GLANCE: Duration = Duration::from_millis(25);
/// How often the project's state is read.
const INTERVAL: Duration = Duration::from_millis(150);

/// Why a build is to end before its time: this process was asked to, or the project's state says that
/// the build was cancelled.
///
/// The state is where `cancel` says so, rather than by a signal: it names the build and not a process
/// whose number may be another's by now, it is there for a build that has not begun to listen, and a
/// build by hand hears it too.
pub(super) struct Ending<'a> {
    interrupted: &'a AtomicBool,
    /// Set for either reason.
    flag: AtomicBool,
    cancelled: AtomicBool,
    over: AtomicBool,
}

impl<'a> Ending<'a> {
    pub(super) fn new(interrupted: &'a AtomicBool) -> Self {
        Self {
            interrupted,
            flag: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Set when the build is to end.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    pub(super) fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Does some work, and meanwhile looks for a reason to end it.
    pub(super) fn watching<T>(
        &self,
        store: &Store,
        project: &ProjectId,
        build: &BuildId,
        work: impl FnOnce() -> T,
    ) -> T {
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| self.watch(store, project, build));
            // Also when the work panics, or the scope would wait for ever.
            let _over = Over(&self.over, watcher.thread().clone());
            work()
        })
    }

    fn watch(&self, store: &Store, project: &ProjectId, build: &BuildId) {
        let mut looked: Option<Instant> = None;
        while !self.over.load(Ordering::SeqCst) {
            if self.interrupted.load(Ordering::SeqCst) {
                self.flag.store(true, Ordering::SeqCst);
            }
            if looked.is_none_or(|at| at.elapsed() >= INTERVAL) {
                looked = Some(Instant::now());
                if is_cancelled(store, project, build) {
                    self.cancelled.store(true, Ordering::SeqCst);
                    self.flag.store(true, Ordering::SeqCst);
                    return;
                }
            }
            std::thread::park_timeout(GLANCE);
        }
    }
}

/// Whether the state says that the build is to end. A state that cannot be read says nothing.
fn is_cancelled(store: &Store, project: &ProjectId, build: &BuildId) -> bool {
    store.project_state(project).is_ok_and(|state| {
        let running = state.building;
        running.is_some_and(|it| it.build == *build && it.cancelled_at.is_some())
    })
}

struct Over<'a>(&'a AtomicBool, Thread);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        self.1.unpark();
    }
}
