//! The most memory that a command had at a time, as the kernel counts it.
//!
//! The kernel tells it of all the children that a process has waited for, together. So each command has
//! a parent of its own: this program, run again.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

const VARIABLE: &str = "CACHECORE_TEST_MEASURED";

/// How a command ended, and what it took.
pub(crate) struct Measured {
    pub(crate) code: i32,
    /// In KiB.
    pub(crate) peak: u64,
    pub(crate) seconds: f64,
    /// On stderr.
    pub(crate) said: String,
}

/// Runs a command.
pub(crate) fn measure(words: &[String]) -> Measured {
    let begun = Instant::now();
    // Its path may be another program's by now, if this one is built again meanwhile.
    let ended = Command::new("/proc/self/exe")
        .args(words)
        .env(VARIABLE, "yes")
        .env_remove("CACHECORE_LOG")
        .env_remove("CACHECORE_RESERVE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{words:?}: {said}");
    let answer = String::from_utf8(ended.stdout).unwrap();
    let (code, peak) = answer.trim().split_once(' ').unwrap();
    Measured {
        code: code.parse().unwrap(),
        peak: peak.parse().unwrap(),
        seconds: begun.elapsed().as_secs_f64(),
        said,
    }
}

/// The command that this process is to run, if it is the parent of one.
pub(crate) fn asked() -> Option<Vec<String>> {
    std::env::var_os(VARIABLE)?;
    Some(std::env::args().skip(1).collect())
}

/// Runs it, and says its exit code and its peak.
pub(crate) fn answer(words: &[String]) {
    let status = Command::new(&words[0])
        .args(&words[1..])
        .env_remove(VARIABLE)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!("{} {peak}", status.code().unwrap_or(-1));
}
