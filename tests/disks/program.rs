//! `goldenctl`, run in bounded time.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use testbed::engines::goldenctl_program;

/// Longer than a command waits for anything, and than a loaded machine makes it wait.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn worked(&self) -> bool {
        self.code == 0
    }
}

/// Begins a command in a store.
pub(crate) fn begin(root: &Utf8Path, words: &[String]) -> Child {
    Command::new(goldenctl_program())
        .arg(format!("--root={root}"))
        .args(words)
        .env_remove("CACHECORE_LOG")
        .env_remove("CACHECORE_RESERVE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end of a command.
///
/// # Panics
/// If it does not end, was killed, or ended without a sentence that says what went wrong.
#[track_caller]
pub(crate) fn end(mut child: Child, when: &str) -> Ended {
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() >= until {
            child.kill().unwrap();
            panic!("{when}: it hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut ended = Ended {
        code: status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::new(),
    };
    let mut out = child.stdout.take().unwrap();
    out.read_to_string(&mut ended.stdout).unwrap();
    let mut err = child.stderr.take().unwrap();
    err.read_to_string(&mut ended.stderr).unwrap();
    assert!(!ended.stderr.contains("panicked"), "{when}: {ended:?}");
    assert!((0..=5).contains(&ended.code), "{when}: {ended:?}");
    // What a verification finds is its answer.
    let found = ended.code == 5 && !ended.stdout.is_empty();
    let said = found || ended.stderr.contains("goldenctl: ");
    assert!(ended.worked() || said, "{when}: {ended:?}");
    ended
}

/// Runs a command in a store to its end.
#[track_caller]
pub(crate) fn run(root: &Utf8Path, words: &[String], when: &str) -> Ended {
    end(begin(root, words), when)
}
