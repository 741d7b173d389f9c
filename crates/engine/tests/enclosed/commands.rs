//! What becomes of commands.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use engine::{Limits, RunError};

use crate::holder::Holder;
use crate::kit::{
    Kit, Written, ample, captured, eventually, inhabitants, marker, pid_namespace,
    processes_mentioning, run, sh, signal_of, try_run, within,
};

crate::on_each_engine!(
    statuses_and_streams_come_through,
    programs_that_cannot_run_are_told_apart,
    a_background_child_does_not_hold_us_but_goes_on,
    a_hanging_command_is_killed_with_its_tree,
    an_interruption_is_noticed_at_once,
    much_output_arrives_whole,
    a_shell_on_a_terminal_can_be_talked_to,
);

fn statuses_and_streams_come_through(kit: Kit) {
    let mut daemon = kit.start("a");
    let (status, written) = try_run(&mut daemon, "echo out; echo err >&2; exit 7").unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(
        (&*written.stdout, &*written.stderr),
        (&b"out\n"[..], &b"err\n"[..])
    );
    let (status, _) = try_run(&mut daemon, "kill -9 $$").unwrap();
    assert_eq!(
        signal_of(status),
        Some(9),
        "killed by itself, not with the daemon"
    );

    let mut command = sh("echo $COLOUR $DOCKER_HOST ${DOCKER_CONTEXT-none}; pwd; cat");
    command.env.push(("COLOUR".into(), "blue".into()));
    command.current_dir = Some("/usr".into());
    let mut written = Written::default();
    let status = daemon.run(&command, &mut written, &ample()).unwrap();
    assert!(status.success());
    let expected = format!("blue {} none\n/usr\n", daemon.docker_host());
    assert_eq!(String::from_utf8(written.stdout).unwrap(), expected);
}

fn programs_that_cannot_run_are_told_apart(kit: Kit) {
    let mut daemon = kit.start("a");
    let file = kit.path("plain");
    std::fs::write(&file, "\x01\x02").unwrap();
    let mut attempt = |program: &str| {
        daemon
            .run(&captured(&[program, "x"]), &mut (), &ample())
            .unwrap_err()
    };
    let error = attempt("no-such-program");
    assert!(matches!(error, RunError::NotFound { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "cannot run no-such-program: no such program"
    );
    let error = attempt(file.as_str());
    assert!(
        matches!(error, RunError::NotExecutable { .. }),
        "no x bit: {error:?}"
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = attempt(file.as_str());
    assert!(
        matches!(error, RunError::NotExecutable { .. }),
        "not a program: {error:?}"
    );
    assert_eq!(run(&mut daemon, "echo usable"), "usable");
}

fn a_background_child_does_not_hold_us_but_goes_on(kit: Kit) {
    let mut daemon = kit.start("a");
    let (marker, written_all) = (marker(), kit.path("written-all"));
    let begun = Instant::now();
    // After we have gone on, it writes more than a pipe holds.
    let late = format!("sleep 0.5 && head -c 1000000 /dev/zero && touch {written_all}");
    let script = format!("({late}; sleep {marker}) & echo done");
    let (status, written) = try_run(&mut daemon, &script).unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(status.success());
    assert_eq!(written.stdout, b"done\n");
    eventually("the child was not stopped by its pipe", || {
        written_all.exists()
    });
    assert_eq!(run(&mut daemon, "echo another"), "another");
    assert!(!processes_mentioning(&marker).is_empty());
    daemon.stop(&ample()).unwrap();
    assert_eq!(processes_mentioning(&marker), Vec::<String>::new());
}

fn a_hanging_command_is_killed_with_its_tree(kit: Kit) {
    let mut daemon = kit.start("a");
    let (marker, namespace) = (marker(), pid_namespace(daemon.pid()));
    let script =
        format!("echo begun; setsid sleep {marker} & trap '' TERM; sleep {marker}; sleep 9");
    let begun = Instant::now();
    let mut written = Written::default();
    let limits = within(Duration::from_secs(2));
    let error = daemon.run(&sh(&script), &mut written, &limits).unwrap_err();
    assert!(matches!(error, RunError::Deadline { .. }), "{error:?}");
    assert!(
        (2.0..8.0).contains(&begun.elapsed().as_secs_f64()),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(written.stdout, b"begun\n");
    assert_eq!(processes_mentioning(&marker), Vec::<String>::new());
    assert_eq!(inhabitants(&namespace), Vec::<String>::new());

    let error = try_run(&mut daemon, "echo again").err().unwrap();
    assert!(matches!(error, RunError::DaemonGone), "{error:?}");
    let report = daemon.stop(&ample()).unwrap();
    assert!(report.killed);
    assert!(!kit.path("a-run").exists());
}

fn an_interruption_is_noticed_at_once(kit: Kit) {
    let mut daemon = kit.start("a");
    let flag = AtomicBool::new(false);
    let marker = marker();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("the command runs", || {
                !processes_mentioning(&marker).is_empty()
            });
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let limits = Limits {
            deadline: None,
            interrupted: &flag,
        };
        let error = daemon
            .run(&captured(&["sleep", &marker]), &mut (), &limits)
            .unwrap_err();
        assert!(matches!(error, RunError::Interrupted { .. }), "{error:?}");
    });
    assert_eq!(processes_mentioning(&marker), Vec::<String>::new());
}

fn much_output_arrives_whole(kit: Kit) {
    let mut daemon = kit.start("a");
    let script = "head -c 3000000 /dev/zero; head -c 1000000 /dev/zero >&2; printf end";
    let (status, written) = try_run(&mut daemon, script).unwrap();
    assert!(status.success());
    assert_eq!(
        (written.stdout.len(), written.stderr.len()),
        (3_000_003, 1_000_000)
    );
    assert!(written.stdout.ends_with(b"end"));
}

fn a_shell_on_a_terminal_can_be_talked_to(kit: Kit) {
    let typed = "jobs; sleep 0 & wait; cat /proc/1/comm; echo $((40 + 2)) $-; exit\n";
    let (holder, shown) = Holder::start_on_terminal(&kit, "bash --norc -i", typed);
    // A shell with job control takes the terminal along: who reads from it afterwards may end at once.
    let namespace = holder.namespace.clone();
    let shown = shown.join("\n");
    assert!(shown.contains("\ndockerd"), "{shown}");
    // `m` and `i`: with job control, interactive. What was typed has no such line.
    let flags = shown
        .lines()
        .find_map(|line| line.strip_prefix("42 "))
        .expect(&shown);
    assert!(flags.contains('m') && flags.contains('i'), "{shown}");
    assert!(!shown.contains("no job control"), "{shown}");
    drop(holder);
    eventually("the end of the terminal is the end", || {
        inhabitants(&namespace).is_empty()
    });
}
