//! Docker in a terminal, behind the shim: in its place, and as a child while it builds.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use testbed::engines::eventually;

use crate::recorder::Recorder;

/// Says what it hears, each once, until it is told to end. It starts nothing meanwhile: a shell cannot be
/// stopped between `vfork` and `exec`.
pub(crate) const LISTENER: &str = r#"
for signal in HUP INT QUIT CONT USR1 USR2 WINCH; do trap "echo heard $signal" $signal; done
sleep 30 & trap "echo heard TERM; kill $!; exit 7" TERM
echo "ready $$ "
while :; do wait; done
"#;

/// Both ways in which docker is run: by `execve`, and as a child.
pub(crate) const WAYS: [&[&str]; 2] = [&["ps"], &["build", "-t", "app", "."]];

/// A terminal with the shim in its foreground.
struct Terminal {
    /// Its other end: what is typed goes in, what is shown comes out.
    end: Option<File>,
    shim: Child,
}

impl Drop for Terminal {
    /// Hangs up, which ends what is left of a test that failed.
    fn drop(&mut self) {
        self.end = None;
        let _ = self.shim.kill();
        let _ = self.shim.wait();
    }
}

impl Terminal {
    /// The shim as the leader of its session.
    fn with(recorder: &Recorder, words: &[&str]) -> Self {
        Self::in_shell(recorder, &[], words)
    }

    /// The shim as what a shell runs in this way.
    fn in_shell(recorder: &Recorder, shell: &[&str], words: &[&str]) -> Self {
        let keyboard =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let other = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let end = || OwnedFd::from(other.try_clone().unwrap());
        let docker = recorder.command("docker");
        let mut command = Command::new("/usr/bin/env");
        // A session of its own, whose terminal this is.
        command.args(["--default-signal", "setsid", "--ctty"]);
        command.args(shell).arg(docker.get_program());
        command.args(words).env_clear();
        for (name, value) in docker.get_envs() {
            command.env(name, value.unwrap());
        }
        command.env("BUILDX_BUILDER", recorder.remote_builder());
        command.stdin(end()).stdout(end()).stderr(end());
        let shim = command.spawn().unwrap();
        let end = Some(File::from(keyboard));
        Self { end, shim }
    }

    fn end(&mut self) -> &mut File {
        self.end.as_mut().unwrap()
    }

    /// What is shown next, up to a line with this in it.
    fn shows(&mut self, wanted: &str) -> String {
        let mut all = Vec::new();
        let patience = Timespec {
            tv_sec: 20,
            tv_nsec: 0,
        };
        loop {
            let end = self.end();
            let ready = poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&patience)).unwrap();
            let mut byte = [0];
            let text = String::from_utf8_lossy(&all).into_owned();
            assert!(ready == 1, "no {wanted:?} for 20 seconds: {text:?}");
            let count = end.read(&mut byte).unwrap_or(0);
            assert!(count == 1, "no {wanted:?} to the end: {text:?}");
            all.push(byte[0]);
            if byte == *b"\n" && text.contains(wanted) {
                return text;
            }
        }
    }

    /// The number of the process that is in docker's place.
    fn docker(&mut self) -> i32 {
        let line = self.shows("ready");
        let number = line.split(' ').nth(1).unwrap();
        number.parse().unwrap()
    }

    fn types(&mut self, keys: &[u8]) {
        self.end().write_all(keys).unwrap();
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.shim)
    }

    fn ends(&mut self) -> ExitStatus {
        self.shim.wait().unwrap()
    }
}

/// A process's state, as `ps` shows it; `None` if it is gone.
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn what_is_typed_is_heard_once_and_docker_says_how_it_ends() {
    let recorder = Recorder::of(LISTENER);
    for words in WAYS {
        let mut terminal = Terminal::with(&recorder, words);
        terminal.docker();
        terminal.types(b"\x03");
        let mut heard = terminal.shows("heard INT");
        terminal.types(b"\x1c");
        heard += &terminal.shows("heard QUIT");
        let group = terminal.group();
        kill_process_group(group, Signal::TERM).unwrap();
        heard += &terminal.shows("heard TERM");
        for signal in ["INT", "QUIT", "TERM"] {
            let times = heard.matches(&format!("heard {signal}")).count();
            assert_eq!(times, 1, "{words:?}: {heard}");
        }
        assert_eq!(terminal.ends().code(), Some(7), "{words:?}");
    }
}

#[test]
fn ctrl_c_ends_the_shim_as_it_ends_docker() {
    let recorder = Recorder::of("echo \"ready $$ \"; exec cat");
    for words in WAYS {
        for (keys, signal) in [(b"\x03", Signal::INT), (b"\x1c", Signal::QUIT)] {
            let mut terminal = Terminal::with(&recorder, words);
            terminal.docker();
            terminal.types(keys);
            let ended = terminal.ends();
            assert_eq!(ended.signal(), Some(signal.as_raw()), "{words:?}");
        }
    }
}

#[test]
fn ctrl_z_stops_both_and_both_go_on() {
    let recorder = Recorder::of(LISTENER);
    let shell = "\"$@\"; for time in 1 2; do echo stopped; read go; fg; done; echo \"ended $?\"";
    for words in WAYS {
        let mut terminal = Terminal::in_shell(&recorder, &["sh", "-mc", shell, "sh"], words);
        let docker = terminal.docker();
        let group = rustix::process::getpgid(Pid::from_raw(docker)).unwrap();
        for _ in 0..2 {
            terminal.types(b"\x1a");
            terminal.shows("stopped");
            for process in [docker, group.as_raw_nonzero().get()] {
                eventually("it is stopped", || state(process) == Some('T'));
            }
            terminal.types(b"go\n");
            terminal.shows("heard CONT");
        }
        kill_process_group(group, Signal::TERM).unwrap();
        terminal.shows("ended 7");
        assert_eq!(terminal.ends().code(), Some(0), "{words:?}");
    }
}

#[test]
fn another_size_of_the_window_and_the_keyboard_reach_docker() {
    let recorder = Recorder::of(
        "sleep 30 & trap \"stty size; read words; echo read \\$words; kill $!; exit\" WINCH
        echo \"ready $$ \"; while :; do wait; done",
    );
    for words in WAYS {
        let mut terminal = Terminal::with(&recorder, words);
        terminal.docker();
        let size = Winsize {
            ws_row: 33,
            ws_col: 77,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(terminal.end(), size).unwrap();
        terminal.shows("33 77");
        // In the background it could not be read from.
        terminal.types(b"typed\n");
        terminal.shows("read typed");
    }
}

#[test]
fn a_terminal_that_is_closed_is_heard_once() {
    let recorder = Recorder::of(
        "trap '' HUP; sleep 30 & trap \"kill $!; exit 7\" TERM
        trap 'echo heard HUP >> \"$RECORD\"' HUP
        : > \"$RECORD\"; echo \"ready $$ \"; while :; do wait; done",
    );
    for words in WAYS {
        let mut terminal = Terminal::with(&recorder, words);
        terminal.docker();
        terminal.end = None;
        let heard = || std::fs::read_to_string(recorder.path("record")).unwrap();
        eventually("it is heard", || heard().contains("heard HUP"));
        kill_process_group(terminal.group(), Signal::TERM).unwrap();
        assert_eq!(terminal.ends().code(), Some(7), "{words:?}");
        assert_eq!(heard(), "heard HUP\n", "{words:?}");
    }
}
