//! Golden builds that are ended from outside: everything of them ends, and the golden serves on.

use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use testbed::engines::remains::{command_lines_with, processes_with};
use testbed::engines::{Release, Running, Workplace, eventually, marker};

use crate::golden_build::{WORDS, assert_serves, with_golden};

crate::on_each_engine!(
    a_deadline_ends_the_whole_tree,
    ctrl_c_ends_the_whole_tree,
    a_killed_goldenctl_takes_everything_with_it,
    a_build_whose_daemon_dies_has_failed,
);

/// Runs a build that does not end, with processes in all places where one could get away: in the
/// background, in a session of its own without parent, in a container, and deaf to signals.
fn hang(work: &Workplace, options: &[&str], marker: &str) -> Running {
    let script = format!(
        "echo hanging; trap '' INT TERM HUP\n\
         sleep {marker} & (setsid sleep {marker} &)\n\
         docker run -d app sleep {marker}\n\
         docker run --rm app sleep {marker}"
    );
    let mut command = work.build_command("shop", options, &script);
    // As a shell starts it, so that a terminal's Ctrl-C can be told from a plain signal.
    command.process_group(0);
    let running = work.spawn(command);
    eventually("two sleep beside the daemon and two in containers", || {
        let lines = command_lines_with(marker);
        let sleeping = lines.iter().filter(|line| line.starts_with("sleep "));
        sleeping.count() == 4
    });
    running
}

/// Nothing of the build is left, and the golden that served before serves on.
fn assert_gone(work: &Workplace, marker: &str) {
    assert_eq!(command_lines_with(marker), Vec::<String>::new());
    work.assert_nothing_is_left();
    assert_serves(work, 1, WORDS);
    work.build("shop", &[], "true").ok();
    assert_serves(work, 2, WORDS);
    work.assert_nothing_is_left();
}

#[track_caller]
fn assert_failed(work: &Workplace, reason: &str) {
    let state = &work.status("shop")["state"];
    assert_eq!(state["status"], "failed", "{state}");
    for said in [&state["reason"], &state["last_builds"][0]["reason"]] {
        assert!(said.as_str().unwrap().contains(reason), "{state}");
    }
    assert!(
        state["reason"]
            .as_str()
            .unwrap()
            .ends_with("generation 1 serves on"),
        "{state}"
    );
}

fn a_deadline_ends_the_whole_tree(release: Release) {
    let (work, marker) = (with_golden(release), marker());
    let begun = Instant::now();
    let done = hang(&work, &["--timeout=12s"], &marker)
        .wait()
        .ended_with(1);
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(12) && took < Duration::from_secs(17),
        "{took:?}"
    );
    let reason = "the deadline passed while the startup command ran";
    done.says(reason).says("generation 1 serves on");
    assert_failed(&work, reason);
    assert_gone(&work, &marker);
}

fn ctrl_c_ends_the_whole_tree(release: Release) {
    let (work, marker) = (with_golden(release), marker());
    let running = hang(&work, &[], &marker);
    let begun = Instant::now();
    kill_process_group(pid(running.pid()), Signal::INT).unwrap();
    running
        .wait()
        .ended_with(130)
        .says("interrupted; generation 1 serves on");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_failed(&work, "interrupted");
    assert_gone(&work, &marker);
}

fn a_killed_goldenctl_takes_everything_with_it(release: Release) {
    let (work, marker) = (with_golden(release), marker());
    let mut running = hang(&work, &[], &marker);
    running.signal(Signal::KILL);
    assert_eq!(running.wait().signal(), Some(9));
    eventually("everything of it has ended", || {
        command_lines_with(&marker).is_empty()
            && work
                .left_on_the_machine()
                .iter()
                .all(|left| !left.starts_with("process"))
    });
    // No command has cleaned up so far, and a session can be had all the same.
    work.goldenctl(["session", "start", "shop", "meanwhile"])
        .ok();
    work.goldenctl(["session", "rm", "meanwhile"]).ok();
    assert_failed(&work, "the command that ran the build was killed");
    work.run("shop", &["true"]).ok();
    assert_gone(&work, &marker);
}

fn a_build_whose_daemon_dies_has_failed(release: Release) {
    let (work, marker) = (with_golden(release), marker());
    let running = hang(&work, &[], &marker);
    let dockerd = processes_with(&["/dockerd ", work.root().as_str()]);
    assert_eq!(dockerd.len(), 1);
    kill_process(pid(dockerd[0]), Signal::KILL).unwrap();
    let reason = "the Docker daemon ended while sh was running";
    let done = running.wait().ended_with(1).says(reason);
    assert!(
        done.stderr.contains("level=info"),
        "the daemon's last words: {done:?}"
    );
    assert_failed(&work, reason);
    assert_gone(&work, &marker);
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}
