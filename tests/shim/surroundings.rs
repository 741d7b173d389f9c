//! Surroundings in which the shim cannot do what it is for: the command ends as plain docker's would, with
//! the same words on stdout and stderr, and `CACHECORE_LOG` says what was skipped.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::recorder::Recorder;

/// What a shell does before it becomes docker, by what is wrong then. `$1` is a folder of its own.
const WRONG: [(&str, &str); 41] = [
    ("HOME is not set", "unset HOME"),
    ("HOME is missing", "HOME=/nonexistent"),
    ("HOME is a file", "HOME=/etc/passwd"),
    ("HOME is empty", "HOME="),
    ("HOME is no text", "HOME=$(printf '/\\377\\376')"),
    ("HOME is relative", "HOME=home"),
    (
        "the configuration is a file",
        "export DOCKER_CONFIG=/etc/passwd",
    ),
    (
        "the configuration is missing",
        "export DOCKER_CONFIG=/nonexistent",
    ),
    (
        "the configuration is no JSON",
        "export DOCKER_CONFIG=$1; echo '{x' > $1/config.json",
    ),
    (
        "the configuration is of another kind",
        "export DOCKER_CONFIG=$1; echo '[7]' > $1/config.json",
    ),
    (
        "the configuration is endless",
        "export DOCKER_CONFIG=$1; truncate -s 8G $1/config.json",
    ),
    (
        "the configuration is a pipe",
        "export DOCKER_CONFIG=$1; mkfifo $1/config.json",
    ),
    (
        "the configuration is a device",
        "export DOCKER_CONFIG=$1; ln -s /dev/zero $1/config.json",
    ),
    (
        "the configuration is a folder",
        "export DOCKER_CONFIG=$1; mkdir $1/config.json",
    ),
    (
        "the configuration leads to itself",
        "export DOCKER_CONFIG=$1; ln -s config.json $1/config.json",
    ),
    (
        "the configuration is no text",
        "export DOCKER_CONFIG=$1; printf '{\"currentContext\":\"\\377\"}' > $1/config.json",
    ),
    (
        "the configuration is deep",
        "export DOCKER_CONFIG=$1; head -c 900000 /dev/zero | tr '\\0' '[' > $1/config.json",
    ),
    ("the builder is missing", "export BUILDX_BUILDER=missing"),
    (
        "the builder's name is a path",
        "export BUILDX_BUILDER=../../../../etc/passwd",
    ),
    (
        "the builder's name is no text",
        "export BUILDX_BUILDER=$(printf '\\377')",
    ),
    (
        "the builder is no JSON",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; echo x > $1/instances/b",
    ),
    (
        "the builder is nobody",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; : > $1/instances/b",
    ),
    (
        "the builder is endless",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; truncate -s 8G $1/instances/b",
    ),
    (
        "the builder is a pipe",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; mkfifo $1/instances/b",
    ),
    (
        "the builder leads to itself",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; ln -s b $1/instances/b",
    ),
    (
        "the builder is deep",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; head -c 900000 /dev/zero | tr '\\0' '{' > $1/instances/b",
    ),
    (
        "buildx's folder is a file",
        "export BUILDX_CONFIG=/etc/passwd BUILDX_BUILDER=b",
    ),
    (
        "the builder's certificates are missing",
        "export BUILDX_CONFIG=$1 BUILDX_BUILDER=b; mkdir $1/instances; printf '{\"Name\":\"b\",\"Driver\":\"remote\",\"Nodes\":[{\"Name\":\"b0\",\"Endpoint\":\"tcp://127.0.0.1:1\",\"DriverOpts\":{\"cacert\":\"/nonexistent\",\"cert\":\"/x\",\"key\":\"/y\"}}]}' > $1/instances/b",
    ),
    (
        "there is no folder for temporary files",
        "export TMPDIR=/nonexistent",
    ),
    ("nothing can be made there", "export TMPDIR=/proc"),
    (
        "the folder for temporary files is a file",
        "export TMPDIR=/etc/passwd",
    ),
    (
        "it is full",
        "mount -t tmpfs -o size=4k,nr_inodes=1 none $1; export TMPDIR=$1",
    ),
    (
        "the working folder is gone",
        "mkdir $1/gone; cd $1/gone; rmdir $1/gone",
    ),
    ("/proc is missing", "mount -t tmpfs none /proc"),
    (
        "the disk is read-only",
        "mount -o remount,bind,ro / 2>/dev/null || mount -t tmpfs -o ro none /tmp/none; export TMPDIR=/",
    ),
    ("there is little memory", "ulimit -v 60000"),
    ("there are few files", "ulimit -n 12"),
    ("no file may grow", "ulimit -f 0"),
    ("the stack is small", "ulimit -s 256"),
    (
        "the daemon is nobody",
        "export DOCKER_HOST=unix:///nonexistent.sock",
    ),
    (
        "the daemon's address is none",
        "export DOCKER_HOST=nonsense:// CACHECORE_DOCKER_HOST=more CACHECORE_PATH_MAP==::x",
    ),
];

/// Commands that the shim would otherwise do something about.
const COMMANDS: [&[&str]; 4] = [
    &["build", "-t", "app", "."],
    &["buildx", "bake"],
    &["run", "-v", "./a:/b", "--rm", "image"],
    &["compose", "up", "--build"],
];

/// What becomes of a command after these lines, plainly or by the shim.
fn ended(recorder: &Recorder, dir: &str, lines: &str, words: &[&str], speaks: bool) -> Output {
    let own = tempfile::tempdir().unwrap();
    let docker = recorder.command("docker");
    // With mounts of its own, which end with it.
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation=private", "/bin/sh", "-c"])
        .arg(format!("{lines}\nshift; exec \"$@\""))
        .arg("sh")
        .arg(own.path())
        .arg(recorder.path(dir).join("docker"))
        .args(words)
        .env_clear();
    for (name, value) in docker.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("BUILDX_BUILDER", recorder.remote_builder());
    if speaks {
        command.env("CACHECORE_LOG", "debug");
    }
    command.current_dir(recorder.path("home"));
    command.stdin(Stdio::null());
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{lines}");
    output
}

fn compared(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_command_ends_as_it_would_without_the_shim() {
    let recorder = Recorder::of("echo out; echo err >&2; exit 5");
    for (wrong, lines) in WRONG {
        for words in COMMANDS {
            let plain = compared(ended(&recorder, "real", lines, words, false));
            assert_eq!(plain.0, Some(5), "{wrong}: {plain:?}");
            assert_eq!(plain.1, "out\n", "{wrong}");
            let shim = compared(ended(&recorder, "bin", lines, words, false));
            assert_eq!(shim, plain, "{wrong}: {words:?}");
        }
    }
}

#[test]
fn what_was_skipped_is_said_where_it_is_asked_for() {
    let recorder = Recorder::of("echo out; echo err >&2; exit 5");
    for (wrong, said) in [
        (
            "the builder is missing",
            "nothing is known of the build's builder",
        ),
        (
            "the builder is no JSON",
            "nothing is known of the build's builder",
        ),
        (
            "the builder is a pipe",
            "nothing is known of the build's builder",
        ),
        (
            "the builder's name is a path",
            "nothing is known of the build's builder",
        ),
        (
            "there is no folder for temporary files",
            "there is no room for a report",
        ),
        ("it is full", "there is no room for a report"),
    ] {
        let (_, lines) = WRONG.iter().find(|(name, _)| *name == wrong).unwrap();
        let (code, stdout, stderr) = compared(ended(&recorder, "bin", lines, COMMANDS[0], true));
        assert_eq!((code, stdout.as_str()), (Some(5), "out\n"), "{wrong}");
        assert!(stderr.contains(said), "{wrong}: {stderr}");
        assert!(stderr.ends_with("err\n"), "{wrong}: {stderr}");
    }
}

#[test]
fn docker_is_found_where_a_shell_finds_it() {
    let recorder = Recorder::of("echo found");
    let real = recorder.path("real");
    let wrong = recorder.path("wrong");
    for name in ["folder", "text", "link", "loop"] {
        std::fs::create_dir_all(wrong.join(name)).unwrap();
    }
    std::fs::create_dir(wrong.join("folder/docker")).unwrap();
    std::fs::write(wrong.join("text/docker"), "no program").unwrap();
    std::os::unix::fs::symlink("/nonexistent", wrong.join("link/docker")).unwrap();
    std::os::unix::fs::symlink("docker", wrong.join("loop/docker")).unwrap();
    let all_wrong = format!("{wrong}/folder:{wrong}/text:{wrong}/link:{wrong}/loop:{wrong}/none");
    for path in [
        real.to_string(),
        format!("{all_wrong}:{real}"),
        format!(":{real}"),
        format!("relative:../real:{real}"),
        "../real".to_owned(),
        "real".to_owned(),
        String::from(":"),
    ] {
        let mut command = recorder.command("docker");
        command.env("PATH", &path).arg("ps");
        let dir = match path.as_str() {
            "../real" => recorder.path("home"),
            ":" => real.clone(),
            _ => real.parent().unwrap().to_owned(),
        };
        let output = command.current_dir(dir).output().unwrap();
        let said = compared(output);
        assert_eq!(said, (Some(0), "found\n".into(), String::new()), "{path}");
    }
    // Without any PATH it is not the working folder that is looked into.
    let mut command = recorder.command("docker");
    let output = command.env("PATH", "").current_dir(&real).output().unwrap();
    assert_ne!(output.stdout, b"found\n");
}
