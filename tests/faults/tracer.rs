//! Runs a program under strace(1): to see which system calls it makes on a folder, or to have one of
//! them fail or be its last.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use camino::Utf8PathBuf;

use crate::host::Host;

/// What can go wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed as it enters the call, which is not carried out.
    Killed,
    /// The call is not carried out and fails with this.
    Error(&'static str),
    /// Somebody presses Ctrl-C during the call.
    Interrupted,
}

/// A call by its name and its number among the calls of this name that a thread makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) nth: usize,
    /// Where it mounts. Mounts are numbered by this: what is forked makes some too.
    pub(crate) target: Option<String>,
    /// How strace shows it, for people.
    pub(crate) shown: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} no. {}: {}", self.call, self.nth, self.shown)
    }
}

/// Calls that change something, or that have to be there for it.
const WATCHED: [&str; 36] = [
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
    "ioctl",
    "linkat",
    "lsetxattr",
    "mkdir",
    "mkdirat",
    "mknodat",
    "mount",
    "openat",
    "openat2",
    "pivot_root",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "setns",
    "setsid",
    "setxattr",
    "symlinkat",
    "syncfs",
    "umount2",
    "unlink",
    "unlinkat",
    "unshare",
    "utimensat",
    "write",
];

/// Calls that count wherever they lead: they make an enclosure.
const ENCLOSING: [&str; 6] = [
    "mount",
    "pivot_root",
    "setns",
    "setsid",
    "umount2",
    "unshare",
];

/// What `ioctl` is asked for that changes something.
const REQUESTS: [&str; 5] = [
    "BTRFS_IOC_SNAP_CREATE_V2",
    "BTRFS_IOC_SNAP_DESTROY",
    "BTRFS_IOC_SUBVOL_CREATE",
    "BTRFS_IOC_SUBVOL_SETFLAGS",
    "FICLONE",
];

/// Which processes calls are counted and fail in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All that the program starts.
    Everything,
    /// The program, and what it forks until that executes another: a daemon's own calls are not its.
    UntilExec,
}

/// Runs programs on a host under strace(1), which writes there.
pub(crate) struct Tracer<'a> {
    pub(crate) host: &'a Host,
    pub(crate) reach: Reach,
    pub(crate) log: Utf8PathBuf,
}

/// How a traced program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) killed: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tracer<'_> {
    /// Runs the program with Ctrl-C at a point, and at every such call after it if asked `again`. Calls
    /// of the other names take a second from then on, so that what is done in another thread is done.
    pub(crate) fn interrupt(
        &self,
        program: &[&str],
        point: &Point,
        again: bool,
        slow: &[&str],
    ) -> Ended {
        let mut command = self.strace();
        let from_then_on = if again { "+" } else { "" };
        let (call, nth) = (&point.call, point.nth);
        let mut traced = vec![call.as_str()];
        traced.extend(slow);
        command.arg(format!("--trace={}", traced.join(",")));
        command.arg(format!(
            "--inject={call}:signal=INT:when={nth}{from_then_on}"
        ));
        let slow = slow.iter();
        command.args(slow.map(|call| format!("--inject={call}:delay_enter=1000000")));
        run(command, program)
    }

    fn strace(&self) -> Command {
        let mut command = self.host.command("strace");
        command.args(["--follow-forks", "--quiet=all", "-y", "-s", "80"]);
        if self.reach == Reach::UntilExec {
            command.arg("--detach-on=execve");
        }
        command.args(["--output", self.log.as_str()]);
        command
    }

    /// The calls that the program makes on what lies below these folders.
    pub(crate) fn points(&self, program: &[&str], below: &[&str]) -> (Vec<Point>, Ended) {
        let mut command = self.strace();
        command.arg(format!("--trace={}", WATCHED.join(",")));
        let ended = run(command, program);
        let text = std::fs::read(&self.log).expect("a log");
        (parse(&String::from_utf8_lossy(&text), below), ended)
    }

    /// Runs the program with a fault at a point.
    pub(crate) fn inject(&self, program: &[&str], point: &Point, fault: Fault) -> Ended {
        let mut command = self.strace();
        let what = match fault {
            Fault::Killed => "signal=KILL".to_owned(),
            Fault::Interrupted => "signal=INT".to_owned(),
            Fault::Error(errno) => {
                if self.reach == Reach::Everything {
                    // Stops at these calls only, which is faster; signals are not sent then.
                    command.arg("--seccomp-bpf");
                }
                format!("error={errno}")
            }
        };
        command.arg(format!("--trace={}", point.call));
        command.args(point.target.iter().map(|at| format!("--trace-path={at}")));
        command.arg(format!("--inject={}:{what}:when={}", point.call, point.nth));
        run(command, program)
    }
}

fn run(mut command: Command, program: &[&str]) -> Ended {
    let output = command
        .arg("--")
        .args(program)
        .output()
        .expect("nsenter is installed");
    // strace and nsenter end as their program did, by the same signal too.
    Ended {
        killed: output.status.signal() == Some(9) || output.status.code() == Some(128 + 9),
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Lines are `PID call(arguments) = result`; of a call that another thread interrupts the first half
/// says all that is wanted.
fn parse(log: &str, below: &[&str]) -> Vec<Point> {
    let mut numbers: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
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
        let target = (call == "mount").then(|| rest.split('"').nth(3).unwrap_or_default());
        let key = (pid.to_owned(), call.to_owned(), target.map(str::to_owned));
        let count = numbers.entry(key).or_default();
        *count += 1;
        let same = |p: &Point| p.call == call && p.nth == *count && p.target.as_deref() == target;
        let known = found.iter().any(same);
        let leads_there = || below.iter().any(|folder| rest.contains(folder));
        let counts = match call {
            "ioctl" => REQUESTS.iter().any(|request| rest.contains(request)),
            call => ENCLOSING.contains(&call) || leads_there(),
        };
        if counts && !known {
            found.push(Point {
                call: call.to_owned(),
                nth: *count,
                target: target.map(str::to_owned),
                shown: rest.to_owned(),
            });
        }
    }
    found
}

#[test]
fn calls_are_counted_by_thread_and_found_by_where_they_lead() {
    let log = "7 openat(AT_FDCWD</>, \"/lib/x\") = 3\n\
               7 openat(3</mem/store>, \"lock\" <unfinished ...>\n\
               8 write(1, \"x\") = 1\n\
               7 <... openat resumed>) = 4\n\
               8 openat(AT_FDCWD</>, \"/mem/store/a\") = 5\n\
               7 mount(\"proc\", \"/proc\", \"proc\", 0, NULL) = 0\n\
               7 ioctl(4</mem/store>, TCGETS, 0x7ffd) = -1 ENOTTY\n\
               7 ioctl(4</mem/store>, BTRFS_IOC_SUBVOL_CREATE, {fd=0, name=\"docker\"}) = 0\n\
               7 +++ exited with 0 +++\n";
    let found = parse(log, &["/mem/store"]);
    let names: Vec<(&str, usize)> = found.iter().map(|p| (p.call.as_str(), p.nth)).collect();
    let expected = [("openat", 2), ("openat", 1), ("mount", 1), ("ioctl", 2)];
    assert_eq!(names, expected);
}
