//! Commands that the shim is not concerned with: they arrive as they came, and end as docker ends.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::recorder::{Call, Recorder, words};

/// Command lines as people and scripts write them.
const CORPUS: &str = include_str!("corpus");

#[test]
fn every_command_of_the_corpus_arrives_byte_for_byte() {
    let recorder = Recorder::new();
    let lines: Vec<&str> = CORPUS.lines().collect();
    assert!(lines.len() >= 300, "{} lines", lines.len());
    for line in lines {
        let mut words = words(line);
        let name = words.remove(0).into_string().unwrap();
        let arrived = recorder.arrived(&name, &words);
        assert_eq!(arrived, Call { name, words }, "{line}");
    }
}

#[test]
fn words_are_bytes_of_any_length() {
    let recorder = Recorder::new();
    // Linux takes no longer word (MAX_ARG_STRLEN).
    let long = vec![b'x'; 128 * 1024 - 1];
    let strange = vec![
        OsString::from_vec(b"build".to_vec()),
        OsString::from_vec(b"\xff\xfe=\x01\n".to_vec()),
        OsString::from_vec(b"--tag=\xc3\x28".to_vec()),
        OsString::new(),
        OsString::from_vec(long),
    ];
    let arrived = recorder.arrived("docker", &strange);
    assert_eq!(arrived.words, strange);
}

#[test]
fn every_exit_code_is_dockers() {
    let recorder = Recorder::of("exit $1");
    for code in 0..=255 {
        let status = recorder.command("docker").arg(code.to_string()).status();
        assert_eq!(status.unwrap().code(), Some(code));
    }
}

#[test]
fn signals_reach_docker_which_is_the_same_process() {
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("KILL", 9)] {
        let recorder = Recorder::of("echo $$; exec cat");
        let docker = recorder.command("docker");
        // The tests may have been started with some signals ignored, as shells do in the background.
        let mut command = std::process::Command::new("/usr/bin/env");
        command.arg("--default-signal").arg(docker.get_program());
        command.env_clear();
        command.envs(
            docker
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pid = [0; 16];
        let count = child.stdout.as_mut().unwrap().read(&mut pid).unwrap();
        let pid = String::from_utf8_lossy(&pid[..count]).trim().to_owned();
        assert_eq!(pid, child.id().to_string(), "execve keeps the number");
        let signal = rustix::process::Signal::from_named_raw(number).unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(number), "SIG{name}");
    }
}

#[test]
fn standard_streams_are_dockers_own() {
    let recorder = Recorder::of("wc -c");
    let mut command = recorder.command("docker");
    command.args(["build", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let piece = vec![0; 1 << 20];
    for _ in 0..1024 {
        stdin.write_all(&piece).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1073741824");
}

#[test]
fn two_programs_that_hand_over_to_each_other_end() {
    let recorder = Recorder::new();
    let wrapper = recorder.path("real").join("docker");
    // A wrapper that runs the next docker in PATH, which is the shim.
    std::fs::write(&wrapper, "#!/bin/sh\nexec docker \"$@\"\n").unwrap();
    let output = recorder.command("docker").arg("ps").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(127), "{said}");
    assert!(said.contains("leads back to the shim"), "{said}");
    // One that does not become it, but waits for it.
    std::fs::write(&wrapper, "#!/bin/sh\ndocker \"$@\"\n").unwrap();
    let output = recorder.command("docker").arg("ps").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(127), "{said}");
    assert!(said.contains("leads back to the shim"), "{said}");
}

#[test]
fn the_real_program_is_the_next_one_or_the_one_that_is_named() {
    let recorder = Recorder::new();
    let other = Recorder::of("echo other");
    let real = other.path("real").join("docker");
    let run = |variable: &str, value: &str| {
        let mut command = recorder.command("docker");
        let output = command.arg("ps").env(variable, value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), output.stdout, said)
    };
    let named = run("CACHECORE_REAL_DOCKER", real.as_str());
    assert_eq!(named, (Some(0), b"other\n".to_vec(), String::new()));
    let missing = run("CACHECORE_REAL_DOCKER", "/nowhere");
    assert!(
        missing.0 == Some(127) && missing.2.contains("/nowhere is not a program"),
        "{missing:?}"
    );
    let itself = run(
        "CACHECORE_REAL_DOCKER",
        recorder.path("bin").join("docker").as_str(),
    );
    assert!(
        itself.0 == Some(127) && itself.2.contains("is the shim itself"),
        "{itself:?}"
    );
    let none = run("PATH", recorder.path("bin").as_str());
    assert!(
        none.0 == Some(127) && none.2.contains("there is no docker behind the shim"),
        "{none:?}"
    );
    // Another link to the shim is the shim as well.
    let link = recorder.path("other");
    std::fs::create_dir(&link).unwrap();
    symlink(crate::seats::program(), link.join("docker")).unwrap();
    let path = format!(
        "{}:{link}:{}:/usr/bin:/bin",
        recorder.path("bin"),
        other.path("real")
    );
    assert_eq!(
        run("PATH", &path),
        (Some(0), b"other\n".to_vec(), String::new())
    );
}

#[test]
fn a_session_s_mounts_and_daemon_are_told() {
    let recorder = Recorder::of("printf '%s|' \"$DOCKER_HOST\" \"$@\"");
    let mut command = recorder.command("docker");
    command
        .args([
            "run",
            "-v",
            "/work/a:/a",
            "-v",
            "name:/n",
            "image",
            "-v",
            "/work:/x",
        ])
        .env("CACHECORE_PATH_MAP", "/work=/data")
        .env("CACHECORE_DOCKER_HOST", "unix:///session.sock");
    let output = command.output().unwrap();
    let words = "unix:///session.sock|run|-v|/data/a:/a|-v|name:/n|image|-v|/work:/x|";
    assert_eq!(String::from_utf8_lossy(&output.stdout), words);
    command.env("CACHECORE_DISABLE", "1");
    let output = command.output().unwrap();
    let words = "|run|-v|/work/a:/a|-v|name:/n|image|-v|/work:/x|";
    assert_eq!(String::from_utf8_lossy(&output.stdout), words);
}
