//! The tasks that wait, and the end of the work.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct State<T> {
    /// A stack for each thread. It takes its own tasks from the top, so that it goes depth first and
    /// stays in one folder; who has none takes from the bottom of another's, where the tasks are that
    /// lead furthest away from what that one is at.
    stacks: Vec<VecDeque<T>>,
    /// Tasks in all stacks.
    waiting: usize,
    /// Tasks that wait or are being worked on; when there are none, none can come.
    open: usize,
}

/// The stacks of tasks. Their lock is never held while working.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    ended: AtomicBool,
}

/// How many tasks for each worker are worth one worker more.
const WORTH_A_THREAD: usize = 4;

impl<T> Queue<T> {
    /// With one worker, whose seat is 0, and the first task.
    pub(super) fn new(first: T) -> Self {
        let state = State {
            stacks: vec![VecDeque::from([first])],
            waiting: 1,
            open: 1,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the tasks to the stack of `seat`, the last one on top. If one more worker would find
    /// enough to do, that is its seat; `most` is asked only then.
    pub(super) fn push(
        &self,
        seat: usize,
        tasks: &mut Vec<T>,
        most: impl FnOnce() -> usize,
    ) -> Option<usize> {
        let mut state = self.state();
        state.open += tasks.len();
        state.waiting += tasks.len();
        state.stacks[seat].extend(tasks.drain(..));
        self.changed.notify_all();
        let workers = state.stacks.len();
        let wanted = state.waiting >= WORTH_A_THREAD * workers && workers < most();
        wanted.then(|| {
            state.stacks.push(VecDeque::new());
            workers
        })
    }

    /// The next task, waiting for one while others may still bring some.
    pub(super) fn next(&self, seat: usize) -> Option<T> {
        let mut state = self.state();
        loop {
            if self.ended() || state.open == 0 {
                return None;
            }
            let own = state.stacks[seat].pop_back();
            let next = own.or_else(|| state.stacks.iter_mut().find_map(VecDeque::pop_front));
            if next.is_some() {
                state.waiting -= 1;
                return next;
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
