//! Signals that are sent to the shim alone, while docker builds as its child.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testbed::engines::eventually;

use crate::recorder::Recorder;
use crate::terminal::{LISTENER, WAYS, state};

/// The shim after a shell has done this, with what it prints.
fn started(recorder: &Recorder, lines: &str, words: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let docker = recorder.command("docker");
    let mut command = Command::new("/usr/bin/env");
    command
        .args(["--default-signal", "/bin/sh", "-c"])
        .arg(format!("{lines}\nexec \"$@\""))
        .arg("sh")
        .arg(docker.get_program())
        .args(words)
        .env_clear();
    for (name, value) in docker.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("BUILDX_BUILDER", recorder.remote_builder());
    command.env("TMPDIR", recorder.path("home"));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    (child, said)
}

fn line(from: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line
}

fn docker_in(line: &str) -> i32 {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// What is in the folder for temporary files, besides docker's configuration.
fn left(recorder: &Recorder) -> Vec<String> {
    let home = std::fs::read_dir(recorder.path("home")).unwrap();
    home.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".docker")
        .collect()
}

#[test]
fn each_signal_reaches_docker_once() {
    let recorder = Recorder::of(LISTENER);
    for words in WAYS {
        let (mut shim, mut said) = started(&recorder, "", words);
        line(&mut said);
        let pid = Pid::from_child(&shim);
        for (signal, name) in [
            (Signal::HUP, "HUP"),
            (Signal::INT, "INT"),
            (Signal::QUIT, "QUIT"),
            (Signal::USR1, "USR1"),
            (Signal::USR2, "USR2"),
            (Signal::WINCH, "WINCH"),
            (Signal::INT, "INT"),
            (Signal::TERM, "TERM"),
        ] {
            kill_process(pid, signal).unwrap();
            assert_eq!(line(&mut said), format!("heard {name}\n"), "{words:?}");
        }
        assert_eq!(line(&mut said), "", "{words:?}");
        assert_eq!(shim.wait().unwrap().code(), Some(7), "{words:?}");
        assert_eq!(left(&recorder), [""; 0]);
    }
}

#[test]
fn the_shim_ends_by_the_signal_that_ends_docker() {
    let recorder = Recorder::of("echo \"ready $$ \"; exec cat /dev/zero > /dev/null");
    for words in WAYS {
        for (signal, at_docker) in [
            (Signal::HUP, false),
            (Signal::INT, false),
            (Signal::TERM, false),
            (Signal::QUIT, false),
            (Signal::KILL, true),
            (Signal::SEGV, true),
            (Signal::PIPE, true),
            (Signal::ALARM, true),
        ] {
            let (mut shim, mut said) = started(&recorder, "ulimit -c 0", words);
            let docker = docker_in(&line(&mut said));
            let to = match at_docker {
                true => Pid::from_raw(docker).unwrap(),
                false => Pid::from_child(&shim),
            };
            kill_process(to, signal).unwrap();
            let ended = shim.wait().unwrap();
            assert_eq!(ended.signal(), Some(signal.as_raw()), "{words:?}");
            assert_eq!(left(&recorder), [""; 0], "{signal:?}");
        }
    }
}

#[test]
fn nothing_runs_on_when_the_shim_is_killed() {
    let recorder = Recorder::of(LISTENER);
    for words in WAYS {
        let (mut shim, mut said) = started(&recorder, "", words);
        let docker = docker_in(&line(&mut said));
        kill_process(Pid::from_child(&shim), Signal::KILL).unwrap();
        assert_eq!(shim.wait().unwrap().signal(), Some(9));
        eventually("docker is gone", || {
            state(docker).is_none_or(|state| state == 'Z')
        });
    }
}

#[test]
fn what_is_ignored_by_nohup_stays_ignored() {
    let recorder = Recorder::of(
        "sleep 30 & trap \"kill $!; exit 7\" TERM; echo \"ready $$ \"; while :; do wait; done",
    );
    for words in WAYS {
        let (mut shim, mut said) = started(&recorder, "trap '' HUP INT", words);
        let docker = Pid::from_raw(docker_in(&line(&mut said))).unwrap();
        for process in [Pid::from_child(&shim), docker] {
            for signal in [Signal::HUP, Signal::INT] {
                kill_process(process, signal).unwrap();
            }
        }
        kill_process(Pid::from_child(&shim), Signal::TERM).unwrap();
        assert_eq!(shim.wait().unwrap().code(), Some(7), "{words:?}");
    }
}
