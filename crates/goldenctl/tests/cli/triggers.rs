//! Requests for golden builds on the command line. Without an engine every build fails, which is
//! as good a result to ask for as any.

use std::time::{Duration, Instant};

use cachecore::trigger;
use camino::Utf8PathBuf;
use goldenstore::Store;
use serde_json::Value;

use crate::ground::{Answer, Ground};

const NO_ENGINE: &str = "--network isolated --dockerd /nowhere/dockerd";

impl Ground {
    fn startup(&self, contents: &str) -> Utf8PathBuf {
        let file = self.root().parent().expect("a parent").join("startup");
        std::fs::write(&file, contents).expect("written");
        Utf8PathBuf::try_from(file).expect("UTF-8")
    }

    fn enable(&self, options: &str) -> Answer {
        let startup = self.startup("docker build .\n");
        self.line(&format!(
            "enable shop --startup {startup} {NO_ENGINE} {options}"
        ))
    }

    fn document(&self, line: &str) -> Value {
        let answer = self.line(line);
        serde_json::from_str(&answer.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {answer:?}"))
    }
}

#[test]
fn a_trigger_without_a_startup_file_is_refused_with_the_way_out() {
    let ground = Ground::with_golden();
    let before = ground.picture();
    for (line, code, says) in [
        ("trigger nosuch", 3, "project nosuch is not known"),
        ("cancel nosuch", 3, "project nosuch is not known"),
        ("disable nosuch", 3, "project nosuch is not known"),
        ("retry nosuch", 3, "project nosuch is not known"),
        ("explain nosuch", 3, "project nosuch is not known"),
        ("trigger", 2, "<PROJECT>"),
        ("trigger shop --all", 2, "cannot be used with"),
        ("enable shop", 2, "--startup <FILE>"),
        (
            "enable shop --startup /nowhere/startup",
            1,
            "cannot read the startup file",
        ),
        (
            "enable shop --startup /",
            1,
            "is no startup file: it is no regular file",
        ),
        (
            "enable shop --startup /dev/null",
            1,
            "it is no regular file",
        ),
    ] {
        let answer = ground.line(line);
        assert_eq!(answer.code, code, "{line}: {answer:?}");
        assert!(answer.stderr.contains(says), "{line}: {answer:?}");
        assert_eq!(answer.stdout, "", "{line}");
    }
    assert_eq!(ground.picture(), before, "a refusal changed the store");
    let answer = ground.line("trigger shop");
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(
        answer.stderr.contains("the project has no startup file"),
        "{answer:?}"
    );
    assert!(
        answer
            .stderr
            .contains("goldenctl enable shop --startup FILE"),
        "{answer:?}"
    );
    let odd = ground.call(&["trigger", "shop", "--revision", "a\nb"]);
    assert_eq!(odd.code, 2, "{odd:?}");
    let empty = ground.startup(" \n");
    let answer = ground.line(&format!("enable shop --startup {empty}"));
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stderr.contains("it is empty"), "{answer:?}");
    assert!(
        answer.stderr.contains("the golden is built by running it"),
        "{answer:?}"
    );
}

#[test]
fn enabling_builds_at_once_and_a_failure_can_be_tried_again() {
    let ground = Ground::with_golden();
    let answer = ground.enable("--revision r1 --wait");
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(
        answer
            .stdout
            .starts_with("a build of shop of revision r1 starts: no build runs\n"),
        "{answer:?}"
    );
    assert!(answer.stderr.contains("/nowhere/dockerd"), "{answer:?}");
    let status = ground.line("status shop").stdout;
    assert!(status.starts_with("shop: Failed: "), "{status}");
    assert!(status.contains("`retry shop` builds it again"), "{status}");
    let state = &ground.document("status shop --json")["state"];
    assert_eq!(state["settings"]["enabled"], true, "{state}");
    assert_eq!(state["unbuilt"]["revision"], "r1", "{state}");
    assert_eq!(state["unbuilt"]["by"], "enable", "{state}");

    let answer = ground.line("retry shop --wait --json");
    assert_eq!(answer.code, 1, "{answer:?}");
    let document: Value = serde_json::from_str(&answer.stdout).expect("one document");
    assert_eq!(document["verdict"], "start-now", "{document}");
    assert_eq!(document["revision"], "r1", "{document}");
    assert_eq!(document["settled"]["built"], false, "{document}");
    assert_eq!(document["settled"]["generation"], 1, "{document}");
    let builds = ground.document("status shop --json")["state"]["last_builds"].clone();
    assert_eq!(builds.as_array().map(Vec::len), Some(2), "{builds}");
    assert_eq!(ground.line("session ls").stdout, "no sessions\n");
    let log = ground.line("log shop").stdout;
    assert!(
        log.contains("/nowhere/dockerd"),
        "what its builder warns of is in the log: {log}"
    );

    let answer = ground.line("disable shop");
    assert_eq!(answer.code, 0, "{answer:?}");
    for line in ["trigger shop --wait", "retry shop"] {
        let answer = ground.line(line);
        assert_eq!(answer.code, 1, "{line}: {answer:?}");
        assert!(
            answer.stderr.contains("the project is disabled"),
            "{answer:?}"
        );
    }
    // A merge hook does not fail because somebody has disabled builds.
    let answer = ground.line("trigger shop");
    let said = "no build of shop is started: the project is disabled\n";
    assert_eq!(
        (answer.code, answer.stdout.as_str()),
        (0, said),
        "{answer:?}"
    );
    let document = ground.document("trigger shop --json");
    assert_eq!(document["verdict"], "refused", "{document}");
    let status = ground.line("status shop").stdout;
    assert!(status.contains("disabled, by "), "{status}");
}

#[test]
fn what_waits_without_a_builder_is_built_by_whoever_looks() {
    let ground = Ground::with_golden();
    ground.enable("--wait");
    let all = ground.line("trigger --all");
    assert_eq!((all.code, all.stdout.as_str()), (0, "nothing waits\n"));
    // As a command leaves it that is killed before it can start a builder.
    let root = Utf8PathBuf::try_from(ground.root()).expect("UTF-8");
    let store = Store::open(&root).expect("a store");
    let project = "shop".parse().expect("a project");
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let asked = store.ask(&project, |state, _| trigger::retry(state, now));
    assert!(asked.expect("asked").needs_builder);
    let status = ground.line("status shop").stdout;
    assert!(status.contains("nobody builds what is pending"), "{status}");
    let all = ground.line("trigger --all");
    assert_eq!(all.stdout, "a build of shop starts: a request waited\n");
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let state = store.project_state(&project).expect("a state");
        if state.pending.is_none() && state.building.is_none() {
            assert_eq!(state.last_builds.len(), 2);
            break;
        }
        assert!(Instant::now() < until, "{state:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn cancelling_drops_what_waits() {
    let ground = Ground::with_golden();
    ground.enable("--wait");
    let root = Utf8PathBuf::try_from(ground.root()).expect("UTF-8");
    let store = Store::open(&root).expect("a store");
    let project = "shop".parse().expect("a project");
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let asked = store.ask(&project, |state, _| trigger::retry(state, now));
    assert!(asked.expect("asked").needs_builder);
    let cancelled = ground.document("cancel shop --json");
    assert_eq!(cancelled["dropped"]["by"], "retry", "{cancelled}");
    assert_eq!(cancelled["running"], Value::Null, "{cancelled}");
    assert_eq!(cancelled["ended"], true, "{cancelled}");
    let answer = ground.line("cancel shop");
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(answer.stdout, "project shop: there was nothing to cancel\n");
    assert_eq!(ground.line("trigger --all").stdout, "nothing waits\n");
}

#[test]
fn explain_says_why_and_what_changed_in_eighty_columns() {
    let ground = Ground::with_golden();
    for line in [
        "session start shop second",
        "session promote second --revision r2",
    ] {
        assert_eq!(ground.line(line).code, 0, "{line}");
    }
    let text = ground.line("explain shop").stdout;
    for says in [
        "shop: Ready · ",
        "2, promoted just now",
        "session second",
        "generation 1",
        "since generation 1",
        "unknown -> r2",
        "of another revision: is refused: the project has no startup",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let wide: Vec<&str> = text.lines().filter(|l| l.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:?}");
    let document = ground.document("explain shop --json");
    assert_eq!(document["golden"]["generation"], 2, "{document}");
    assert_eq!(document["changes"]["since"], 1, "{document}");
    assert_eq!(
        document["next_trigger"]["another_revision"]["verdict"],
        "refused"
    );

    ground.enable("--wait");
    let document = ground.document("explain shop --json");
    assert_eq!(document["last_request"]["by"], "enable", "{document}");
    assert_eq!(
        document["last_build"]["generation"],
        Value::Null,
        "{document}"
    );
    // It was made by a session, so nobody knows that a build would be the same.
    assert_eq!(
        document["next_trigger"]["same_revision"]["verdict"],
        "start-now"
    );
}

#[test]
fn a_project_without_a_golden_says_what_to_do() {
    let ground = Ground::new();
    let startup = ground.startup("true\n");
    let line = format!("enable shop --startup {startup} {NO_ENGINE} --wait");
    assert_eq!(ground.line(&line).code, 1);
    assert!(ground.line("status").stdout.contains("failed"));
    let text = ground.line("explain shop").stdout;
    assert!(text.starts_with("shop: Failed: "), "{text}");
    assert!(
        text.contains("next trigger  builds at once: no build runs"),
        "{text}"
    );
    // The line that says where it stands is one line, whatever the reason; the rest fits.
    for command in ["explain", "status"] {
        let text = ground.line(&format!("{command} shop")).stdout;
        let mut rest = text.lines().skip(1);
        assert!(rest.all(|line| line.chars().count() <= 80), "{text}");
    }
}

/// A hook that reads what its commands print would wait for as long as the build takes.
#[test]
fn a_builder_keeps_nothing_open_of_whoever_started_it() {
    let ground = Ground::with_golden();
    let startup = ground.startup("true\n");
    let engine = ground.root().parent().expect("a parent").join("engine");
    std::fs::create_dir(&engine).expect("a folder");
    let script = format!(
        "cd {} || exit\n\
         for program in dockerd containerd containerd-shim-runc-v2 runc; do\n\
           printf '#!/bin/sh\\nexec sleep 1000\\n' > $program; chmod 755 $program\n\
         done\n\
         exec 9>&1\n\
         {} enable shop --startup {startup} --network isolated --dockerd $PWD/dockerd > /dev/null",
        engine.display(),
        env!("CARGO_BIN_EXE_goldenctl"),
    );
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &script])
        .env("CACHECORE_ROOT", ground.root());
    // This comes back when nobody has the pipe open any more.
    let answer = Answer::from(shell.output().expect("sh runs"));
    assert_eq!(answer.code, 0, "{answer:?}");
    let state = &ground.document("status shop --json")["state"];
    let at_work = !state["building"].is_null() || !state["pending"].is_null();
    assert!(at_work, "the builder lives: {state}");
    assert_eq!(ground.line("cancel shop").code, 0);
}

#[test]
fn a_builder_outlives_the_terminal_of_whoever_started_it() {
    let ground = Ground::with_golden();
    let startup = ground.startup("true\n");
    let program = env!("CARGO_BIN_EXE_goldenctl");
    let line = format!("{program} enable shop --startup {startup} {NO_ENGINE}");
    let mut terminal = std::process::Command::new("script");
    terminal
        .args(["-qec", &line, "/dev/null"])
        .env("CACHECORE_ROOT", ground.root())
        .stdin(std::process::Stdio::null());
    let answer = Answer::from(terminal.output().expect("script runs"));
    assert_eq!(answer.code, 0, "{answer:?}");
    let begun = Instant::now();
    loop {
        let state = &ground.document("status shop --json")["state"];
        if state["status"] == "failed" && state["pending"].is_null() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{state}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_builder_is_nobodys_command() {
    let ground = Ground::new();
    let help = ground.line("--help").stdout;
    assert!(
        help.contains("trigger") && !help.contains("builder"),
        "{help}"
    );
}
