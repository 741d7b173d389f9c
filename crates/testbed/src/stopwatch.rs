//! Times what a benchmark compares with.

use std::io::{Error, Result};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program takes.
///
/// # Errors
/// If it cannot be run, or fails.
pub fn timed(program: &str, words: &[&str]) -> Result<Duration> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    let status = command.args(words).stdin(Stdio::null()).status()?;
    let took = begun.elapsed();
    if !status.success() {
        return Err(Error::other(format!("{program} ended with {status}")));
    }
    Ok(took)
}

/// The time in the middle; of none, nothing.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// A time in milliseconds.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
