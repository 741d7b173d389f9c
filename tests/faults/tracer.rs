//! Runs a program under strace(1): to see which system calls it makes on a folder, or to have one of
//! them fail or be its last.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use camino::Utf8Path;

/// What can go wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed as it enters the call, which is not carried out.
    Killed,
    /// The call is not carried out and fails with this.
    Error(&'static str),
}

/// A call by its name and its number among the calls of this name that a thread makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) nth: usize,
    /// How strace shows it, for people.
    pub(crate) shown: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} no. {}: {}", self.call, self.nth, self.shown)
    }
}

/// Calls that change something, or that have to be there for it.
const WATCHED: [&str; 28] = [
    "copy_file_range",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fdatasync",
    "fsetxattr",
    "fsync",
    "ftruncate",
    "getdents64",
    "linkat",
    "lsetxattr",
    "mkdir",
    "mkdirat",
    "mknodat",
    "openat",
    "openat2",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "setxattr",
    "symlinkat",
    "syncfs",
    "unlinkat",
    "utimensat",
    "write",
];

/// How a traced program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) killed: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

/// On one processor and in a pid namespace of its own: how trees are shared out between threads, and
/// how many files of /proc are read, must be the same in every run, or calls could not be told by
/// their numbers.
fn strace(log: &Utf8Path) -> Command {
    let mut command = Command::new("taskset");
    command.args([
        "--cpu-list",
        "0",
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
    ]);
    command.arg("strace");
    command.args(["--follow-forks", "--quiet=all", "-y", "-s", "80"]);
    command.args(["--output", log.as_str()]);
    command
}

fn run(mut command: Command, program: &[&str]) -> Ended {
    let output = command
        .arg("--")
        .args(program)
        .env_remove("CACHECORE_LOG")
        .stdin(Stdio::null())
        .output()
        .expect("taskset is installed");
    // strace and unshare end as their program did, by the same signal too.
    Ended {
        killed: output.status.signal() == Some(9) || output.status.code() == Some(128 + 9),
        code: output.status.code(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The calls that the program makes on what lies below a folder.
pub(crate) fn points(program: &[&str], below: &Utf8Path, log: &Utf8Path) -> (Vec<Point>, Ended) {
    let mut command = strace(log);
    command.arg(format!("--trace={}", WATCHED.join(",")));
    let ended = run(command, program);
    let text = String::from_utf8_lossy(&std::fs::read(log).expect("a log")).into_owned();
    (parse(&text, below.as_str()), ended)
}

/// Lines are `PID call(arguments) = result`; of a call that another thread interrupts the first half
/// says all that is wanted.
fn parse(log: &str, below: &str) -> Vec<Point> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut found: Vec<Point> = Vec::new();
    for line in log.lines() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        let Some((call, _)) = rest.split_once('(') else {
            continue;
        };
        if !WATCHED.contains(&call) {
            continue;
        }
        let count = counts.entry((pid.to_owned(), call.to_owned())).or_default();
        *count += 1;
        let known = found.iter().any(|p| p.call == call && p.nth == *count);
        if rest.contains(below) && !known {
            found.push(Point {
                call: call.to_owned(),
                nth: *count,
                shown: rest.to_owned(),
            });
        }
    }
    found
}

/// Runs the program with a fault at a point.
pub(crate) fn inject(program: &[&str], point: &Point, fault: Fault, log: &Utf8Path) -> Ended {
    let mut command = strace(log);
    let what = match fault {
        Fault::Killed => "signal=KILL".to_owned(),
        Fault::Error(errno) => {
            // Stops at these calls only, which is faster; signals are not sent then.
            command.arg("--seccomp-bpf");
            format!("error={errno}")
        }
    };
    command.arg(format!("--trace={}", point.call));
    command.arg(format!("--inject={}:{what}:when={}", point.call, point.nth));
    run(command, program)
}

#[test]
fn calls_are_counted_by_thread_and_found_by_where_they_lead() {
    let log = "7 openat(AT_FDCWD</>, \"/lib/x\") = 3\n\
               7 openat(3</mem/store>, \"lock\" <unfinished ...>\n\
               8 write(1, \"x\") = 1\n\
               7 <... openat resumed>) = 4\n\
               8 openat(AT_FDCWD</>, \"/mem/store/a\") = 5\n\
               7 +++ exited with 0 +++\n";
    let found = parse(log, "/mem/store");
    let names: Vec<(&str, usize)> = found.iter().map(|p| (p.call.as_str(), p.nth)).collect();
    assert_eq!(names, [("openat", 2), ("openat", 1)]);
}
