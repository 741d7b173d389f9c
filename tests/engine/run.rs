//! `goldenctl run`: a command in a session of its own.

use std::io::Write;
use std::process::Stdio;

use rustix::process::Signal;
use testbed::engines::remains::command_lines_with;
use testbed::engines::{Place, Release, Session, eventually, marker};

use crate::golden_build::with_golden;

crate::on_each_engine!(
    the_command_is_all_that_is_seen,
    a_kept_session_lives_on,
    a_killed_run_is_cleaned_up,
);

fn the_command_is_all_that_is_seen(release: Release) {
    let work = with_golden(release);
    for code in [0, 1, 3, 42, 255] {
        let run = work
            .run("shop", &["sh", "-c", &format!("exit {code}")])
            .ended_with(code);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    }
    work.run("shop", &["sh", "-c", "kill -TERM $$"])
        .ended_with(128 + 15);
    work.run("shop", &["no-such-program"]).ended_with(127);
    work.run("none-such", &["true"]).ended_with(3);

    let mut command = work.command(["run", "shop", "--network=isolated", "--"]);
    command.args([
        "sh",
        "-c",
        "echo $CACHECORE_PROJECT >&2; docker run -i --rm app sort; exit 5",
    ]);
    let mut running = work.spawn({
        command.stdin(Stdio::piped());
        command
    });
    running.stdin().unwrap().write_all(b"b\nc\na\n").unwrap();
    let done = running.wait().ended_with(5);
    assert_eq!(
        (done.stdout.as_str(), done.stderr.as_str()),
        ("a\nb\nc\n", "shop\n")
    );

    // Even from beside the daemon, as root, the layers are out of reach.
    let new = work.root().join("layers/new");
    let refused = work.run("shop", &["touch", new.as_str()]).ended_with(1);
    refused.says("Read-only file system");

    // What one run does, the next does not see.
    work.run("shop", &["docker", "rmi", "-f", "worker"]).ok();
    work.run("shop", &["docker", "image", "inspect", "worker"])
        .ok();
    assert_eq!(work.status("shop")["generation"], 1);
    work.assert_nothing_is_left();
}

fn a_kept_session_lives_on(release: Release) {
    let work = with_golden(release);
    let script =
        "docker run --name made app sh -c 'echo kept > /srv/kept'; docker commit made made; exit 6";
    let run = [
        "run",
        "--keep",
        "shop",
        "--network=isolated",
        "--",
        "sh",
        "-ec",
        script,
    ];
    let done = work.goldenctl(run).ended_with(6);
    let note = done.stderr.lines().last().unwrap();
    let words: Vec<&str> = note.split([' ', ':']).collect();
    let ["session", session, "is", "kept", "", data_root] = words[..] else {
        panic!("{done:?}")
    };
    assert!(work.left_on_the_machine().is_empty());
    let listed = work.goldenctl(["--json", "session", "ls"]).ok().json();
    assert_eq!(listed[0]["record"]["session"], session, "{listed}");
    assert_eq!(listed[0]["held"], false);

    let layers = work.root().join("layers");
    let report = serde_json::json!({"mounts": [
        {"source": data_root, "target": "/var/lib/docker", "read_only": false},
        {"source": layers, "target": layers, "read_only": true},
    ]});
    let mut kept = Session::start(&work, Place::Enclosed, &report);
    assert_eq!(kept.run("docker run --rm made cat /srv/kept"), "kept");
    assert_eq!(kept.run("docker ps -a --format '{{.Names}}'"), "made");
    kept.stop();
    work.goldenctl(["session", "promote", session]).ok();
    let made = ["docker", "run", "--rm", "made", "cat", "/srv/kept"];
    assert_eq!(work.run("shop", &made).ok().stdout, "kept\n");
    work.assert_nothing_is_left();
}

fn a_killed_run_is_cleaned_up(release: Release) {
    let (work, marker) = (with_golden(release), marker());
    let script = format!("docker run -d app sleep {marker}; sleep {marker}");
    let run = [
        "run",
        "shop",
        "--network=isolated",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let mut running = work.spawn(work.command(run));
    eventually("both sleep", || {
        let lines = command_lines_with(&marker);
        lines
            .iter()
            .filter(|line| line.starts_with("sleep "))
            .count()
            == 2
    });
    running.signal(Signal::KILL);
    assert_eq!(running.wait().signal(), Some(9));
    eventually("both are gone", || command_lines_with(&marker).is_empty());
    work.run("shop", &["true"]).ok();
    work.assert_nothing_is_left();
}
