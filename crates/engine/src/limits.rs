//! How long something may take, and who may end it sooner.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a wait looks at the interrupted flag. A signal handler can only set a flag, so this
/// is the longest that Ctrl-C goes unnoticed.
const GLANCE: Duration = Duration::from_millis(50);

/// One deadline for everything and a flag set by Ctrl-C.
///
/// Both are looked at in every wait of this crate. The deadline is a point in time, not a
/// duration, so that the parts of one task (start, run, stop) share it.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// When to give up; `None` waits as long as it takes.
    pub deadline: Option<Instant>,
    /// Set from outside to give up at once.
    pub interrupted: &'a AtomicBool,
}

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The deadline passed.
    Deadline,
    /// The interrupted flag was set.
    Interrupted,
}

impl Limits<'_> {
    /// The limit reached by now, if any. An interruption counts more than the deadline.
    pub fn reached(&self) -> Option<Limit> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Some(Limit::Interrupted);
        }
        let passed = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        passed.then_some(Limit::Deadline)
    }

    /// How long a single wait may last before the limits have to be looked at again.
    pub(crate) fn slice(&self) -> Duration {
        match self.deadline {
            Some(deadline) => GLANCE.min(deadline.saturating_duration_since(Instant::now())),
            None => GLANCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interruption_counts_more_than_the_deadline() {
        let flag = AtomicBool::new(false);
        let limits = Limits {
            deadline: Some(Instant::now()),
            interrupted: &flag,
        };
        assert_eq!(limits.reached(), Some(Limit::Deadline));
        assert_eq!(limits.slice(), Duration::ZERO);
        flag.store(true, Ordering::Relaxed);
        assert_eq!(limits.reached(), Some(Limit::Interrupted));
    }

    #[test]
    fn nothing_is_reached_without_a_deadline() {
        let flag = AtomicBool::new(false);
        let limits = Limits {
            deadline: None,
            interrupted: &flag,
        };
        assert_eq!(limits.reached(), None);
        assert_eq!(limits.slice(), GLANCE);
    }
}
