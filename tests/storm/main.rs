//! Many commands at once, and many one after the other: the program that is shipped, on one store,
//! in orders that nobody has chosen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod ending;
mod lot;
mod model;
mod place;
mod soak;
mod storm;
mod watchdog;
mod worker;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tests of this suite run one at a time: they count what this process has open.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number in an environment variable.
fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap())
}
