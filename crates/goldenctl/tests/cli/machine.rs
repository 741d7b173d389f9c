//! What the machine is told and asked: doctor, metrics, completions, manual pages, logs, bench.

use crate::ground::Ground;

fn checks(text: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(text).expect("one document")
}

fn verdict_of<'a>(checks: &'a [serde_json::Value], what: &str) -> &'a str {
    let found = checks.iter().find(|check| check["what"] == what);
    found.map_or("none", |check| check["verdict"].as_str().expect("a word"))
}

#[test]
fn doctor_says_what_is_there_and_changes_nothing() {
    let ground = Ground::with_golden();
    let before = ground.picture();
    let answer = ground.line("doctor --json");
    assert_eq!(answer.code, 0, "{answer:?}");
    let found = checks(&answer.stdout);
    for what in ["user", "store", "goldens", "sessions", "trash"] {
        assert_eq!(verdict_of(&found, what), "ok", "{what} in {found:?}");
    }
    assert_eq!(ground.picture(), before);
    let table = ground.line("doctor").stdout;
    assert!(
        table.lines().any(|line| line.starts_with("ok    user")),
        "{table}"
    );
}

#[test]
fn doctor_fails_when_a_record_cannot_be_used() {
    let ground = Ground::with_golden();
    let manifest = ground.root().join("golden/shop/gen-000001/manifest.json");
    std::fs::write(&manifest, "{").expect("a broken manifest");
    let answer = ground.line("doctor --json");
    assert_eq!(answer.code, 1, "{answer:?}");
    let found = checks(&answer.stdout);
    assert_eq!(verdict_of(&found, "goldens"), "failure");
    assert!(answer.stdout.contains("manifest.json"), "{answer:?}");
}

#[test]
fn doctor_without_a_store_says_how_to_make_one() {
    let answer = Ground::bare().line("doctor");
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(
        answer.stdout.contains("make one with: goldenctl"),
        "{answer:?}"
    );
}

#[test]
fn metrics_are_written_as_a_whole_and_leave_nothing_beside() {
    let ground = Ground::with_golden();
    assert_eq!(ground.line("session start shop s1").code, 0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cachecore.prom");
    let path = file.to_str().expect("UTF-8");
    std::fs::write(&file, "old").expect("an older file");
    let answer = ground.call(&["status", "--metrics", path]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""), "{answer:?}");
    let text = std::fs::read_to_string(&file).expect("figures");
    for sample in [
        "cachecore_project_status{project=\"shop\",status=\"ready\"} 1\n",
        "cachecore_golden_generation{project=\"shop\"} 1\n",
        "cachecore_sessions{project=\"shop\",purpose=\"session\",strategy=\"copy\"} 1\n",
        "cachecore_golden_last_used_timestamp_seconds{project=\"shop\"} ",
    ] {
        assert!(text.contains(sample), "{sample} in {text}");
    }
    let names = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(names, 1);
    let answer = ground.line("status --metrics -");
    assert!(answer.stdout.starts_with("# HELP "), "{answer:?}");
    let answer = ground.call(&["status", "--metrics", "/nowhere/at/all.prom"]);
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("/nowhere/at/all.prom"), "{answer:?}");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let ground = Ground::bare();
    for shell in ["bash", "zsh", "fish"] {
        let answer = ground.call(&["completions", shell]);
        assert_eq!(answer.code, 0, "{shell}");
        for word in ["goldenctl", "session", "promote", "doctor"] {
            assert!(answer.stdout.contains(word), "{word} for {shell}");
        }
        // A builder may be spoken of; nobody is offered to call one.
        for offered in ["goldenctl,builder", "'builder:", "-a \"builder\""] {
            assert!(!answer.stdout.contains(offered), "{offered} for {shell}");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let answer = ground.call(&["man", pages.to_str().expect("UTF-8")]);
    assert_eq!(answer.code, 0, "{answer:?}");
    for page in [
        "goldenctl.1",
        "goldenctl-session-start.1",
        "goldenctl-build.1",
    ] {
        let text = std::fs::read_to_string(pages.join(page)).expect(page);
        assert!(text.contains(".SH NAME"), "{page}");
    }
}

#[test]
fn logs_and_failures_are_objects_on_request() {
    let ground = Ground::bare();
    let answer = ground.line("status --log-format json");
    assert_eq!(answer.code, 3);
    let object: serde_json::Value =
        serde_json::from_str(answer.stderr.trim_end()).expect("one object");
    assert_eq!(object["level"], "ERROR");
    assert_eq!(object["exit_code"], 3);
    assert!(
        object["message"]
            .as_str()
            .expect("a text")
            .contains("no golden store")
    );
    assert!(object["help"].as_str().expect("a text").contains("init"));
}

#[test]
fn bench_measures_what_serves_and_says_why_the_rest_does_not() {
    let ground = Ground::with_golden();
    // The first session of a store finds out what its filesystem can.
    assert_eq!(ground.line("session start shop s1").code, 0);
    let before = ground.picture();
    let answer = ground.line("bench --sessions 2 --json");
    assert_eq!(answer.code, 0, "{answer:?}");
    let report: serde_json::Value = serde_json::from_str(&answer.stdout).expect("one document");
    assert_eq!(report["strategies"][0]["strategy"], "copy");
    assert_eq!(report["unsuitable"].as_array().expect("reasons").len(), 3);
    let same = |picture: &[String]| -> Vec<String> {
        let of_use = |line: &&String| line.contains("last-used") || line.contains("sharing.json");
        let lines = picture.iter().filter(|line| !of_use(line));
        lines.cloned().collect()
    };
    assert_eq!(same(&ground.picture()), same(&before), "nothing is left");
    let answer = Ground::new().line("bench");
    assert_eq!(answer.code, 3, "{answer:?}");
    assert!(answer.stderr.contains("--from DATA_ROOT"), "{answer:?}");
}
