//! The threads that share out a piece of work.
//!
//! The caller's thread works too, and further threads start only when tasks pile up: a tree of a few
//! hundred small files is done before a pool of threads would be.

use std::num::NonZeroUsize;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Scope};

use super::queue::Queue;
use crate::error::Error;

/// Work that is made of tasks.
pub(crate) trait Job: Sync {
    /// A piece of work for one thread.
    type Task: Send;

    /// What one thread works with.
    fn hand(&self) -> impl Hand<Self::Task>;
}

/// One thread's tools.
pub(crate) trait Hand<T> {
    /// Does a task. Those added to `more` are done later, the last one first; the others may be done
    /// by other threads. `ended` says whether the work has come to its end early.
    fn work(&mut self, task: T, more: &mut Vec<T>, ended: &dyn Fn() -> bool) -> Result<(), Error>;

    /// There is nothing left to do.
    fn rest(self);
}

/// Who works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How many threads at most; `None`: as many as the machine runs at once.
    pub(crate) jobs: Option<NonZeroUsize>,
    /// How much they stand back behind other threads. Above 0 the caller's thread only waits: it
    /// could not be trusted to get its own level back.
    pub(crate) nice: u8,
}

struct Crew<'a, J: Job> {
    job: &'a J,
    terms: Terms,
    parallelism: OnceLock<usize>,
    queue: Queue<J::Task>,
    error: Mutex<Option<Error>>,
}

/// Does the `first` task and all that come of it. The first error ends the work.
pub(crate) fn run<J: Job>(job: &J, terms: Terms, first: J::Task) -> Result<(), Error> {
    let crew = Crew {
        job,
        terms,
        parallelism: OnceLock::new(),
        queue: Queue::new(first),
        error: Mutex::default(),
    };
    thread::scope(|scope| {
        if terms.nice == 0 || !crew.call(scope, 0) {
            crew.serve(scope, 0);
        }
    });
    let error = crew.error.into_inner();
    error
        .unwrap_or_else(PoisonError::into_inner)
        .map_or(Ok(()), Err)
}

impl<J: Job> Crew<'_, J> {
    fn jobs(&self) -> usize {
        // Asked only when there is work for a second thread: the answer takes reading several
        // files of the control groups.
        let most = || {
            self.terms
                .jobs
                .or_else(|| thread::available_parallelism().ok())
        };
        *self
            .parallelism
            .get_or_init(|| most().map_or(1, NonZeroUsize::get))
    }

    /// Starts a thread. If the system gives none, those that are there do the work.
    fn call<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, seat: usize) -> bool {
        let help = move || {
            be_nice(self.terms.nice);
            self.serve(scope, seat);
        };
        let thread = thread::Builder::new().name("treeclone".into());
        thread.spawn_scoped(scope, help).is_ok()
    }

    /// Works until there is nothing left to do for anybody.
    fn serve<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, seat: usize) {
        /// An observer or a `skip` of the caller may panic; the other threads must not wait for
        /// what that thread would have done.
        struct EndOnPanic<'a, T>(&'a Queue<T>);
        impl<T> Drop for EndOnPanic<'_, T> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.end();
                }
            }
        }
        let _guard = EndOnPanic(&self.queue);
        let mut hand = self.job.hand();
        let mut more = Vec::new();
        while let Some(task) = self.queue.next(seat) {
            if let Err(error) = hand.work(task, &mut more, &|| self.queue.ended()) {
                self.fail(error);
            }
            if !more.is_empty()
                && let Some(seat) = self.queue.push(seat, &mut more, || self.jobs())
            {
                self.call(scope, seat);
            }
            self.queue.done();
        }
        hand.rest();
    }

    fn fail(&self, error: Error) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        drop(first);
        self.queue.end();
    }
}

/// Makes this thread stand back, if it does not do so already.
fn be_nice(level: u8) {
    let level = i32::from(level.min(19));
    // To Linux a thread's id is that of a process with one thread. None is the caller.
    if rustix::process::getpriority_process(None).is_ok_and(|current| current < level) {
        // To stand back takes no right, so there is nothing to tell.
        let _ = rustix::process::setpriority_process(None, level);
    }
}
