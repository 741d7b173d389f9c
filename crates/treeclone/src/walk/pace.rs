//! Keeps work that may take its time from taking the disk.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Failure;

/// How late the end may be heard of.
const NAP: Duration = Duration::from_millis(20);
/// What may be caught up on after a time of doing less.
const SLACK: Duration = Duration::from_millis(100);

/// So much each second for all threads together.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Option<NonZeroU64>,
    /// When all that was taken so far will have been due.
    due: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(rate: Option<NonZeroU64>) -> Self {
        Self {
            rate,
            due: Mutex::new(Instant::now()),
        }
    }

    /// How much to do in one go, at most `wanted`: what the rate allows in a tenth of a second.
    pub(crate) fn stride(&self, wanted: usize) -> usize {
        let tenth = self.rate.map(|rate| (rate.get() / 10).max(4096));
        tenth.map_or(wanted, |most| {
            usize::try_from(most).map_or(wanted, |most| most.min(wanted))
        })
    }

    /// Waits until so much may be done.
    pub(crate) fn take(&self, amount: u64, stop: &dyn Fn() -> bool) -> Result<(), Failure> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let cost = Duration::from_secs_f64(amount as f64 / rate.get() as f64);
        let begin = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let begin = (*due).max(now.checked_sub(SLACK).unwrap_or(now));
            *due = begin.checked_add(cost).unwrap_or(begin);
            begin
        };
        loop {
            let left = begin.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if stop() {
                return Err(Failure::Interrupted);
            }
            thread::sleep(left.min(NAP));
        }
    }
}
