//! What is refused, with which code, and that the store stays as it was.

use std::os::unix::process::CommandExt;

use crate::ground::{Answer, Ground};

#[test]
fn what_makes_no_sense_is_refused_and_nothing_is_touched() {
    let long = "a".repeat(300);
    let ground = Ground::with_golden();
    assert_eq!(ground.line("session start shop taken").code, 0);
    let before = ground.picture();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["session", "start", "shop", ".."], 2, "is not allowed"),
        (&["session", "start", "shop", "a/b"], 2, "is not allowed"),
        (&["session", "start", "shop", "/"], 2, "is not allowed"),
        (&["session", "start", "shop", ""], 2, "is empty"),
        (&["session", "start", "shop", &long], 2, "300 characters"),
        (&["session", "start", "..", "s"], 2, "is not allowed"),
        (&["session", "start", "", "s"], 2, "is empty"),
        (
            &["import", "../x", "--from", "/nowhere"],
            2,
            "is not allowed",
        ),
        (&["build", &long, "--", "true"], 2, "300 characters"),
        (&["session", "rm", "x/../../y"], 2, "is not allowed"),
        (&["session", "promote", "."], 2, "is not allowed"),
        (&["session", "start", "shop"], 2, "<SESSION>"),
        (
            &["sessions", "ls"],
            2,
            "a similar subcommand exists: 'session'",
        ),
        (
            &["session", "start", "shop", "s", "--strategy", "fast"],
            2,
            "auto, snapshot, link",
        ),
        (
            &["session", "start", "nosuch", "s"],
            3,
            "project nosuch is not known",
        ),
        (
            &["session", "rm", "nosuch"],
            3,
            "session nosuch is not known",
        ),
        (
            &["session", "promote", "nosuch"],
            3,
            "session nosuch is not known",
        ),
        (&["status", "nosuch"], 3, "project nosuch is not known"),
        (&["log", "shop"], 3, "no golden build yet"),
        (
            &["run", "nosuch", "--", "true"],
            3,
            "project nosuch is not known",
        ),
        (
            &["import", "p", "--from", "/nowhere/at/all"],
            1,
            "/nowhere/at",
        ),
        (&["session", "start", "shop", "taken"], 4, "exists already"),
        (
            &["session", "start", "shop", "s", "--strategy", "snapshot"],
            1,
            "cannot serve here",
        ),
        (
            &["session", "start", "shop", "s", "--strategy", "reflink"],
            1,
            "cannot serve here",
        ),
        (
            &["session", "start", "shop", "s", "--strategy", "link"],
            1,
            "cannot serve here",
        ),
    ];
    for (words, code, says) in cases {
        let answer = ground.call(words);
        assert_eq!(answer.code, *code, "{words:?}: {answer:?}");
        assert!(
            answer.stderr.contains(says),
            "{words:?} says {says:?}: {answer:?}"
        );
        assert_eq!(answer.stdout, "", "{words:?} answers nothing");
    }
    assert_eq!(ground.picture(), before, "a refusal changed the store");
}

#[test]
fn without_a_command_the_help_is_shown() {
    let answer = Ground::bare().call(&[]);
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""));
    for says in ["Usage: goldenctl", "First steps:", "Say why this golden"] {
        assert!(answer.stderr.contains(says), "{says}: {answer:?}");
    }
    assert!(!answer.stderr.contains("builder"), "{answer:?}");
    let lines = answer.stderr.lines();
    let wide: Vec<&str> = lines.filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:?}");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_and_a_reader_that_left_is_none() {
    let ground = Ground::with_golden();
    let full = std::fs::File::create("/dev/full").expect("a full device");
    let mut command = ground.command();
    let answer = Answer::from(command.arg("ls").stdout(full).output().expect("it runs"));
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(
        answer.stderr.contains("cannot write the answer: No space"),
        "{answer:?}"
    );
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = ground.command();
    let answer = Answer::from(command.arg("ls").stdout(writer).output().expect("it runs"));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
}

#[test]
fn a_project_that_moved_on_is_not_promoted_over() {
    let ground = Ground::with_golden();
    for line in [
        "session start shop slow",
        "session start shop quick",
        "session promote quick",
    ] {
        assert_eq!(ground.line(line).code, 0, "{line}");
    }
    let before = ground.picture();
    let answer = ground.line("session promote slow");
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(
        answer.stderr.contains("stands on generation 1"),
        "{answer:?}"
    );
    assert!(
        answer.stderr.contains("moved on to generation 2"),
        "{answer:?}"
    );
    assert!(
        answer.stderr.contains("--force"),
        "the way out is named: {answer:?}"
    );
    assert_eq!(ground.picture(), before);
    assert_eq!(ground.line("session promote slow --force").code, 0);
}

#[test]
fn a_folder_that_is_no_data_root_is_not_imported() {
    let ground = Ground::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("README"), "a project").expect("a file");
    let before = ground.picture();
    let from = folder.path().to_str().expect("UTF-8");
    let answer = ground.call(&["import", "shop", "--from", from]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(
        answer.stderr.contains("not a Docker data root"),
        "{answer:?}"
    );
    assert!(folder.path().join("README").exists(), "it is where it was");
    assert!(answer.stderr.contains("Docker Root Dir"), "{answer:?}");
    let file = folder.path().join("README");
    let answer = ground.call(&["import", "shop", "--from", file.to_str().expect("UTF-8")]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert_eq!(ground.picture(), before);
}

#[test]
fn without_a_store_the_way_to_one_is_named() {
    let ground = Ground::bare();
    for line in [
        "status",
        "session ls",
        "session start shop s",
        "build shop -- true",
    ] {
        let answer = ground.line(line);
        assert_eq!(answer.code, 3, "{line}: {answer:?}");
        assert!(
            answer.stderr.contains("there is no golden store at"),
            "{answer:?}"
        );
        assert!(answer.stderr.contains("init"), "{answer:?}");
    }
    assert!(!ground.root().exists(), "asking makes no store");
}

#[test]
fn a_store_of_a_newer_format_is_left_alone() {
    let ground = Ground::with_golden();
    let record = ground.root().join("store.json");
    let newer = std::fs::read_to_string(&record)
        .expect("a record")
        .replace("\"format\": 1", "\"format\": 2");
    std::fs::write(&record, newer).expect("written");
    let before = ground.picture();
    for line in ["status", "init", "session start shop s", "session ls"] {
        let answer = ground.line(line);
        assert_eq!(answer.code, 5, "{line}: {answer:?}");
        assert!(answer.stderr.contains("has format 2"), "{answer:?}");
        assert!(
            answer.stderr.contains("use the version that wrote it"),
            "{answer:?}"
        );
    }
    assert_eq!(ground.picture(), before);
}

#[test]
fn who_is_not_root_is_told_so() {
    let ground = Ground::with_golden();
    // A copy that another user can execute, wherever the build folder lies. By a program of its own:
    // what this one has open to write, others that it starts meanwhile have open too for an instant,
    // and nobody can execute it then.
    let program = ground.root().parent().expect("a parent").join("goldenctl");
    let mut copy = std::process::Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_goldenctl")).arg(&program);
    assert!(copy.status().expect("cp runs").success());
    let folder = program.parent().expect("a parent");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, open).expect("opened");
    let before = ground.picture();
    for line in ["status", "init", "session start shop s"] {
        let mut command = std::process::Command::new(&program);
        command
            .args(["--root"])
            .arg(ground.root())
            .args(line.split(' '))
            .uid(65534)
            .gid(65534);
        let answer = Answer::from(command.output().expect("it runs"));
        assert_eq!(answer.code, 1, "{line}: {answer:?}");
        assert!(
            answer.stderr.contains("needs root, and this is user 65534"),
            "{answer:?}"
        );
        assert!(answer.stderr.contains("sudo"), "{answer:?}");
    }
    assert_eq!(ground.picture(), before);
}

#[test]
fn the_deadline_of_a_build_holds_for_its_clone_too() {
    let ground = Ground::with_golden();
    let answer = ground.line("build shop --timeout 1ms -- true");
    assert_eq!(answer.code, 1, "{answer:?}");
    let says = "the deadline passed while the golden was cloned; generation 1 serves on";
    assert!(answer.stderr.contains(says), "{answer:?}");
    let status = ground.line("status shop").stdout;
    assert!(
        status.starts_with(&format!("shop: Failed: {says}")),
        "{status}"
    );
    assert_eq!(ground.line("session ls").stdout, "no sessions\n");
    assert_eq!(ground.line("session start shop after").code, 0);
}
