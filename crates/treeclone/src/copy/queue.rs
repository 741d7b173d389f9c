//! The tasks that wait, last in first out, and the end of the work.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::folder::Folder;
use crate::listing::Listed;

/// A piece of work for one thread.
#[derive(Debug)]
pub(super) enum Task {
    /// Make a folder of this name and list it.
    Folder { parent: Arc<Folder>, name: CString },
    /// Copy these entries, which are no folders.
    Entries {
        folder: Arc<Folder>,
        entries: Vec<Listed>,
    },
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Task>,
    /// Tasks that wait or are being worked on; when there are none, none can come.
    open: usize,
    workers: usize,
}

/// The stack of tasks. Its lock is never held while working.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    ended: AtomicBool,
}

/// How many tasks for each worker are worth one worker more.
const WORTH_A_THREAD: usize = 4;

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caller is a worker, and what it does now is a task.
    pub(super) fn enter(&self) {
        let mut state = self.state();
        state.open += 1;
        state.workers += 1;
    }

    /// Adds tasks. Says whether one more worker would find enough to do; `most` is asked only
    /// then, and after a yes the worker counts.
    pub(super) fn push(&self, tasks: Vec<Task>, most: impl FnOnce() -> usize) -> bool {
        if tasks.is_empty() {
            return false;
        }
        let mut state = self.state();
        state.open += tasks.len();
        let one = tasks.len() == 1;
        state.waiting.extend(tasks);
        if one {
            self.changed.notify_one();
        } else {
            self.changed.notify_all();
        }
        let wanted =
            state.waiting.len() >= WORTH_A_THREAD * state.workers && state.workers < most();
        state.workers += usize::from(wanted);
        wanted
    }

    /// The next task, waiting for one while others may still bring some.
    pub(super) fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if self.ended() {
                return None;
            }
            if let Some(task) = state.waiting.pop() {
                return Some(task);
            }
            if state.open == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A task that was taken has ended.
    pub(super) fn done(&self) {
        let mut state = self.state();
        state.open -= 1;
        if state.open == 0 {
            self.changed.notify_all();
        }
    }

    /// Nobody gets a task any more.
    pub(super) fn end(&self) {
        // Under the lock, or a worker could go to sleep between looking and waiting.
        let _state = self.state();
        self.ended.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}
