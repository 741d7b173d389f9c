//! Builds that are ended from outside.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testbed::engines::{Release, envimage_program, eventually, marker, remains};
use testbed::stack::Store;

use crate::scene::{Answer, Scene, names};

/// A spec whose stage sleeps as long as a secret says so, which is no part of its key. Gives what is in the
/// sleeping process's command line.
pub(crate) fn sleeping(scene: &Scene) -> String {
    let marker = marker();
    let script = "trap '' TERM INT; echo begun; [ $(cat /run/secrets/speed) = fast ] ||";
    scene.write(
        "tools.sh",
        &format!("{script} sleep {marker}; echo made > /made\n"),
    );
    scene.write("speed", "slow");
    scene.spec(
        "secrets: {speed: {file: speed}}
stages:
- {name: tools, script: tools.sh, secrets: [speed]}
",
    );
    format!("sleep {marker}")
}

pub(crate) fn is_running(line: &str) -> bool {
    // In a build, no command line of ours has it.
    !remains::command_lines_with(line).is_empty()
}

pub(crate) fn sleeps(line: &str) {
    eventually("the script sleeps", || is_running(line));
}

pub(crate) fn is_gone(line: &str) {
    eventually("the sleeping process is gone", || !is_running(line));
}

#[test]
fn a_deadline_ends_the_builder_s_work_as_well() {
    let scene = Scene::new();
    let line = sleeping(&scene);
    let mut tries = 0;
    let answer = loop {
        let words = ["ensure", "--json", "--timeout=5s", "--retry"];
        let answer = Answer::of(scene.envimage(&words));
        // A machine that is busy may not even begin within that time.
        if answer.said.contains("tools | begun") || tries == 5 {
            break answer;
        }
        tries += 1;
    };
    is_gone(&line);
    assert_eq!(answer.verdicts(), ["failed"]);
    assert!(
        answer.reason(0).contains("--timeout"),
        "{}",
        answer.reason(0)
    );
    assert!(answer.said.contains("tools | begun"), "{}", answer.said);
    assert_eq!(scene.images(), [""; 0]);
    assert_eq!(names(&scene.state.join("builds")), [""; 0]);
    let left = remains::processes_of(scene.state.as_str());
    assert!(left.is_empty(), "{left:?}");
}

fn interrupted(release: Release) {
    let scene = Scene::with(release, Store::Classic);
    let line = sleeping(&scene);
    let child = scene.spawn(&["ensure"]);
    sleeps(&line);
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    is_gone(&line);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(output.stdout, b"");
    assert_eq!(names(&scene.state.join("builds")), [""; 0]);
    assert_eq!(names(&scene.state.join("failures")), [""; 0]);
    let left = remains::processes_of(scene.state.as_str());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn nobody_waits_for_a_daemon_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, spec) = (
        folder.path().join("socket"),
        folder.path().join("shop.yaml"),
    );
    std::fs::write(&spec, "version: 1\nimage: base:1\n").unwrap();
    let daemon = UnixListener::bind(&socket).unwrap();
    for words in [&["ensure"][..], &["run"]] {
        let mut host = OsString::from("unix://");
        host.push(&socket);
        let child = Command::new(envimage_program())
            .args(words)
            .arg(&spec)
            .env("DOCKER_HOST", host)
            .env("CACHECORE_ENVIRONMENTS", folder.path().join("state"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut asked = daemon.accept().unwrap().0;
        // The question is there, so the process listens to signals.
        asked.read_exact(&mut [0; 4]).unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        // As long as that, the daemon has answered nothing.
        drop(asked);
    }
}

#[test]
fn an_interrupted_build_ends_clean_and_is_no_failure() {
    interrupted(Release::V26_1);
}

#[test]
fn an_interrupted_build_ends_clean_and_is_no_failure_with_the_older_engine() {
    interrupted(Release::V20_10);
}

#[test]
fn what_a_killed_one_was_building_is_ended_and_built_by_the_next() {
    let scene = Scene::new();
    let line = sleeping(&scene);
    let mut child = scene.spawn(&["ensure"]);
    sleeps(&line);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_running(&line), "nobody has ended it");
    assert_eq!(scene.images(), [""; 0], "nothing half-built is a hit");
    scene.write("speed", "fast");
    let answer = scene.ensure();
    is_gone(&line);
    assert_eq!(answer.verdicts(), ["built"], "{}", answer.said);
    assert_eq!(scene.cat(answer.image(), "/made"), "made");
    let left = remains::processes_of(scene.state.as_str());
    assert!(left.is_empty(), "{left:?}");
}
