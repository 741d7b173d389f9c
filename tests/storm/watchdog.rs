//! Commands that do not end.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a command may take. It waits half a minute for a lock at most, for several of them at
/// worst, on a machine that others use too.
pub(crate) const BOUND: Duration = Duration::from_secs(240);

/// When a command is killed if it has not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Killed {
    /// After this time, as a part of the test.
    After(Duration),
    /// If it has not ended after this time, because it hangs: that fails the test.
    Hanging(Duration),
}

/// Runs a command to its end.
///
/// # Errors
/// If it hangs: what it is at, in the kernel's words.
pub(crate) fn run(command: &mut Command, killed: Killed) -> Result<Output, String> {
    // Files in memory: nobody has to read what is said for the command to go on.
    let memory = |name: &str| File::from(memfd_create(name, MemfdFlags::CLOEXEC).unwrap());
    let (stdout, stderr) = (memory("stdout"), memory("stderr"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .unwrap();
    // The command would keep its copies open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let pid = Pid::from_child(&child);
    let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let (Killed::After(patience) | Killed::Hanging(patience)) = killed;
    let ended = ends_within(&handle, patience);
    let hangs = match killed {
        Killed::Hanging(_) if !ended => Some(state(child.id())),
        _ => None,
    };
    if !ended {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let output = output(status, stdout, stderr);
    let Some(state) = hangs else {
        return Ok(output);
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!(
        "{command:?} has not ended in {patience:?}\n{state}\n--- stderr\n{said}"
    ))
}

fn ends_within(process: &rustix::fd::OwnedFd, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).unwrap();
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(&patience)) {
            Ok(ended) => return ended > 0,
            Err(Errno::INTR) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

fn output(status: ExitStatus, stdout: File, stderr: File) -> Output {
    let content = |mut file: File| {
        let mut content = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut content).unwrap();
        content
    };
    Output {
        status,
        stdout: content(stdout),
        stderr: content(stderr),
    }
}

/// What a process is at: its threads with where they wait in the kernel, its open files, its
/// children, and the locks of this host.
fn state(pid: u32) -> String {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_else(|e| e.to_string());
    let names = |path: String| {
        let entries = std::fs::read_dir(path).into_iter().flatten();
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect::<Vec<_>>()
    };
    let mut text = String::new();
    for thread in names(format!("/proc/{pid}/task")) {
        let of = |what: &str| read(format!("/proc/{pid}/task/{thread}/{what}"));
        text.push_str(&format!(
            "thread {thread} {} waits in {}, system call {}{}children {}\n",
            of("comm").trim(),
            of("wchan"),
            of("syscall"),
            of("stack"),
            of("children"),
        ));
    }
    for file in names(format!("/proc/{pid}/fd")) {
        let path = std::fs::read_link(format!("/proc/{pid}/fd/{file}"));
        text.push_str(&format!("file {file} {path:?}\n"));
    }
    text.push_str(&read("/proc/locks".to_owned()));
    text
}

#[test]
fn a_command_that_hangs_is_told_of_with_what_it_waits_for() {
    let mut sleeps = Command::new("sleep");
    let told = run(sleeps.arg("600"), Killed::Hanging(Duration::ZERO)).unwrap_err();
    for part in [
        "\"sleep\" \"600\" has not ended in 0ns",
        " waits in ",
        "file 0 ",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let ended = run(&mut Command::new("true"), Killed::Hanging(BOUND)).unwrap();
    assert!(ended.status.success());
}
