//! Starts that fail, and what they say.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use engine::{DaemonError, DaemonOptions, Limits, PrivateDaemon};

use crate::kit::{Kit, ample, processes_mentioning, within};

crate::on_each_engine!(
    a_broken_data_root,
    a_runtime_folder_that_is_there,
    a_runtime_folder_with_a_long_name,
    a_read_only_folder_that_is_not_there,
    an_unknown_setting,
    a_deadline_that_has_passed,
    an_interruption,
);

/// The error of a start that leaves no process and no folder.
fn refused(kit: &Kit, options: DaemonOptions, limits: &Limits<'_>) -> DaemonError {
    let error = PrivateDaemon::start(options, limits)
        .map(|_| ())
        .unwrap_err();
    let own = kit.path("").to_string();
    assert_eq!(processes_mentioning(&own), Vec::<String>::new());
    assert!(!kit.is_mounted());
    error
}

fn a_broken_data_root(kit: Kit) {
    let options = kit.options("a");
    fs::write(&options.data_root, "a file").unwrap();
    let error = refused(&kit, options, &ample());
    let DaemonError::Ended { status, log } = &error else {
        panic!("{error:?}")
    };
    assert!(!status.success());
    assert!(
        log.lines().iter().any(|line| line.contains("a-data")),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with("dockerd ended before it was ready (exit status: 1)")
    );
    assert!(!kit.path("a-run").exists());
}

fn a_runtime_folder_that_is_there(kit: Kit) {
    let options = kit.options("a");
    fs::create_dir(&options.runtime_dir).unwrap();
    fs::write(options.runtime_dir.join("mine"), "").unwrap();
    let error = refused(&kit, options, &ample());
    assert!(error.help().unwrap().contains("new folder"), "{error:?}");
    assert!(kit.path("a-run/mine").exists(), "not ours to remove");
}

fn a_runtime_folder_with_a_long_name(kit: Kit) {
    let mut options = kit.options("a");
    options.runtime_dir = kit.path(&"x".repeat(100));
    let error = refused(&kit, options, &ample());
    assert!(
        matches!(error, DaemonError::PathTooLong { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("bytes too long for unix sockets"),
        "{error}"
    );
}

fn a_read_only_folder_that_is_not_there(kit: Kit) {
    let mut options = kit.options("a");
    options.read_only = vec![kit.path("nowhere")];
    let error = refused(&kit, options, &ample());
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(!kit.path("a-run").exists());
}

fn an_unknown_setting(kit: Kit) {
    let mut options = kit.options("a");
    options.extra_config = serde_json::json!({"no-such-setting": 1});
    let error = refused(&kit, options, &ample());
    assert!(error.to_string().contains("no-such-setting"), "{error}");
}

fn a_deadline_that_has_passed(kit: Kit) {
    let begun = Instant::now();
    let error = refused(&kit, kit.options("a"), &within(Duration::from_millis(30)));
    assert!(matches!(error, DaemonError::Deadline { .. }), "{error:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(!kit.path("a-run").exists());
}

fn an_interruption(kit: Kit) {
    let flag = AtomicBool::new(true);
    let limits = Limits {
        deadline: None,
        interrupted: &flag,
    };
    let error = refused(&kit, kit.options("a"), &limits);
    assert!(matches!(error, DaemonError::Interrupted), "{error:?}");
}
