//! Signals and the terminal of a run: they are the container's.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::scene::Scene;

/// Says when it is ready, and then what it hears.
const LISTENER: &str = "trap 'echo heard TERM; exit 7' TERM; trap 'echo heard INT; exit 8' INT; \
    echo ready; while :; do sleep 0.05; done";

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A run that prints `ready`, what it prints after a signal, and how it ends.
fn told(scene: &Scene, command: &[&str], signal_sent: Signal) -> (Option<i32>, String) {
    let mut run = scene.command(&["run"]);
    run.arg("--")
        .args(command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let mut out = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    signal(&run, signal_sent);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    (run.wait().unwrap().code(), rest)
}

#[test]
fn a_signal_reaches_the_command_and_the_script_that_runs_before_it() {
    let scene = Scene::new();
    let command = ["/bin/bash", "-c", LISTENER];
    scene.spec("");
    assert_eq!(
        told(&scene, &command, Signal::TERM),
        (Some(7), "heard TERM\n".to_owned())
    );
    scene.spec("run: {inline: 'export A=1'}\n");
    assert_eq!(
        told(&scene, &command, Signal::TERM),
        (Some(7), "heard TERM\n".to_owned())
    );
    assert_eq!(
        told(&scene, &command, Signal::INT),
        (Some(8), "heard INT\n".to_owned())
    );
    // The script is told to end, and the command never begins.
    scene.write(
        "run.sh",
        "trap 'echo heard; exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done\n",
    );
    scene.spec("run: {script: run.sh}\n");
    let command = ["/bin/bash", "-c", "echo begun"];
    assert_eq!(
        told(&scene, &command, Signal::TERM),
        (Some(143), "heard\n".to_owned())
    );
    assert_eq!(
        told(&scene, &command, Signal::INT),
        (Some(130), "heard\n".to_owned())
    );
}

#[test]
fn a_terminal_is_the_command_s() {
    let scene = Scene::new();
    scene.spec("run: {inline: 'test -t 0 && read -r line && export LINE=$line'}\n");
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let other = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let end = || OwnedFd::from(other.try_clone().unwrap());
    let run = scene.command(&["run"]);
    // A session of its own, whose terminal this is.
    let mut command = std::process::Command::new("setsid");
    command
        .args(["--ctty", "--wait"])
        .arg(run.get_program())
        .args(run.get_args());
    let listener = "test -t 0 && test -t 1 && trap 'echo heard INT; exit 8' INT; \
        echo ready $LINE; while :; do sleep 0.05; done";
    command
        .args(["--", "/bin/bash", "-c", listener])
        .env_clear();
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap());
    }
    command.stdin(end()).stdout(end()).stderr(end());
    let mut run = command.spawn().unwrap();
    drop((command, other));
    let mut keyboard = File::from(keyboard);
    keyboard.write_all(b"typed\n").unwrap();
    let mut shown = String::new();
    let mut sent = false;
    let mut buffer = [0; 1024];
    // A terminal that nobody has open any more ends with an error.
    while let Ok(count @ 1..) = keyboard.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..count]);
        if !sent && shown.contains("ready typed") {
            keyboard.write_all(b"\x03").unwrap();
            sent = true;
        }
    }
    assert_eq!(run.wait().unwrap().code(), Some(8), "{shown}");
    assert!(shown.contains("heard INT"), "{shown}");
}
