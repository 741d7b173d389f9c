//! A host of one test's own: its processes, its network and its `/run`, but everybody's files.
//!
//! Commands that are killed leave runtime folders and processes on their host, and look for those of
//! others. Here nobody else's are, and what is left can be told to the last.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::Utf8PathBuf;
use testbed::engines::eventually;

/// Ends with everything in it when this is dropped, or this process ends.
#[derive(Debug)]
pub(crate) struct Host {
    holder: Child,
    /// Its first process, as this process sees it.
    first: u32,
    /// The one processor that commands run on: how trees are shared out between threads must be the
    /// same in every run, or calls could not be told by their numbers.
    processor: usize,
}

/// The first process ignores the ends of its children, so that none stays in /proc. It ends with its
/// standard input.
const FIRST: &str = "umount --lazy --recursive /sys/fs/cgroup; mount -t tmpfs run /run && \
                     echo ready && exec env --ignore-signal=CHLD cat >/dev/null";

impl Host {
    /// Sees what is mounted by now.
    pub(crate) fn new() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--pid", "--mount", "--net", "--fork", "--kill-child"])
            .args(["--mount-proc", "--", "sh", "-c", FIRST])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        let said = holder.stdout.as_mut().unwrap().read_exact(&mut ready);
        said.expect("namespaces can be made: these tests need root");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let children = std::fs::read_to_string(children).unwrap();
        Self {
            first: children.trim().parse().unwrap(),
            holder,
            processor: a_processor(),
        }
    }

    /// A command to run there.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.first.to_string()])
            .args(["--pid", "--mount", "--net", "--wd=/", "--", "taskset"])
            .args(["--cpu-list", &self.processor.to_string(), program])
            .env_remove("CACHECORE_LOG")
            .env_remove("CACHECORE_ROOT")
            .stdin(Stdio::null());
        command
    }

    /// Waits until nothing runs there any more: what was killed, and what a command left running.
    pub(crate) fn wait_until_idle(&self) {
        let processes = self.path("proc");
        eventually("every process of the host has ended", || {
            let entries = processes.read_dir_utf8().unwrap().flatten();
            let pids = entries.filter(|entry| entry.file_name().parse::<u32>().is_ok());
            pids.count() == 1
        });
    }

    /// What commands have left in `/run`, but for the folder itself.
    pub(crate) fn runtime_folders(&self) -> Vec<String> {
        let folder = self.path("run/cachecore").read_dir_utf8();
        let entries = folder.into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_owned()).collect()
    }

    /// `/run` as it was.
    pub(crate) fn reset(&self) {
        self.wait_until_idle();
        for entry in self.path("run").read_dir_utf8().unwrap().flatten() {
            let path = entry.path();
            match entry.file_type().unwrap().is_dir() {
                true => std::fs::remove_dir_all(path).unwrap(),
                false => std::fs::remove_file(path).unwrap(),
            }
        }
    }

    fn path(&self, below: &str) -> Utf8PathBuf {
        format!("/proc/{}/root/{below}", self.first).into()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// One of the processors that this process may use, each in turn.
fn a_processor() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let usable = rustix::thread::sched_getaffinity(None).unwrap();
    let usable: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|number| usable.is_set(*number))
        .collect();
    usable[NEXT.fetch_add(1, Ordering::Relaxed) % usable.len()]
}

#[test]
fn what_runs_there_and_what_it_leaves_is_seen() {
    let host = Host::new();
    let script = "mkdir -p /run/cachecore/1-0-2; sleep 0.1 & exit 0";
    let status = host.command("sh").args(["-c", script]).status().unwrap();
    assert!(status.success());
    host.wait_until_idle();
    assert_eq!(host.runtime_folders(), ["1-0-2"]);
    host.reset();
    assert_eq!(host.runtime_folders(), Vec::<String>::new());
}
