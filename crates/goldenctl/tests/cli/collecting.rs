//! `gc` and `rm`: what they answer, and with which code.

use std::fs;

use crate::ground::Ground;

/// A store in which `shop` has four generations, and the first is leased by `holds`.
fn with_generations() -> Ground {
    let ground = Ground::with_golden();
    for line in [
        "session start shop holds",
        "session start shop second",
        "session promote second",
        "session start shop third",
        "session promote third",
        "session start shop fourth",
        "session promote fourth",
    ] {
        assert_eq!(ground.line(line).code, 0, "{line}");
    }
    ground
}

#[test]
fn a_dry_run_says_what_would_go_and_a_run_says_the_same_of_what_went() {
    let ground = with_generations();
    let before = ground.picture();
    let planned = ground.line("gc --dry-run");
    assert_eq!(planned.code, 0, "{planned:?}");
    assert_eq!(ground.picture(), before, "a dry run changes nothing");
    let answer = ground.line("gc");
    assert_eq!(answer.code, 0, "{answer:?}");
    for (said, last) in [
        (&planned.stdout, "nothing is changed"),
        (&answer.stdout, "took"),
    ] {
        assert!(said.contains("generation 2 of shop  superseded"), "{said}");
        assert!(
            said.contains("generation 1 of shop  more than to keep  leased by holds"),
            "{said}"
        );
        assert!(
            said.trim_end()
                .lines()
                .last()
                .is_some_and(|l| l.contains(last)),
            "{said}"
        );
        assert!(said.lines().all(|line| line.len() <= 80), "{said}");
    }
    assert_eq!(
        (planned.stderr, answer.stderr),
        (String::new(), String::new())
    );
    let again: serde_json::Value =
        serde_json::from_str(&ground.line("gc --json").stdout).expect("one document");
    assert_eq!(again["plan"]["removals"], serde_json::json!([]));
    assert_eq!(again["plan"]["kept"][0]["because"]["why"], "leased");
    assert_eq!(again["failed"], serde_json::json!([]));
}

#[test]
fn limits_are_read_as_people_write_them() {
    let ground = with_generations();
    for line in [
        "gc --dry-run --max-size 200G",
        "gc --dry-run --max-size 1.5TiB --max-idle 30d",
        "gc --dry-run --keep 1 --session-idle 7d --keep-builds 0",
    ] {
        assert_eq!(ground.line(line).code, 0, "{line}");
    }
    for (line, says) in [
        ("gc --max-size lots", "no size"),
        ("gc --keep 0", "--keep"),
        ("gc --max-idle soon", "--max-idle"),
        ("gc --reserve 200%", "a share from 0%"),
    ] {
        let answer = ground.line(line);
        assert_eq!(answer.code, 2, "{line}: {answer:?}");
        assert!(answer.stderr.contains(says), "{line}: {answer:?}");
    }
    let answer = ground.line("gc --max-size 0");
    let rows = answer
        .stdout
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let kept = "golden of shop the store is too large leased by holds";
    assert!(
        rows.map(|row| row.join(" ")).any(|row| row == kept),
        "{answer:?}"
    );
    assert!(
        answer.stdout.contains("the store stays larger than 0 B"),
        "{answer:?}"
    );
}

#[test]
fn a_golden_in_use_is_not_removed_and_one_that_is_not_leaves_the_project() {
    let ground = with_generations();
    let before = ground.picture();
    for (line, code, says) in [
        ("rm shop", 4, "leased by holds"),
        ("rm shop --generation 4", 2, "serves"),
        ("rm shop --generation 9", 2, "is not there"),
        ("rm nosuch", 3, "not known"),
    ] {
        let answer = ground.line(line);
        assert_eq!(answer.code, code, "{line}: {answer:?}");
        assert!(answer.stderr.contains(says), "{line}: {answer:?}");
    }
    assert_eq!(ground.picture(), before, "a refusal changed the store");
    assert_eq!(ground.line("rm shop --generation 3").code, 0);
    assert_eq!(ground.line("session rm holds").code, 0);
    let answer = ground.line("rm shop");
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(
        answer.stdout.contains("the golden of shop is removed"),
        "{answer:?}"
    );
    let status = ground.line("status shop --json").stdout;
    let status: serde_json::Value = serde_json::from_str(&status).expect("one document");
    assert_eq!(status["state"]["status"], "none");
    assert_eq!(status["generation"], serde_json::Value::Null);
    assert_eq!(ground.line("rm shop").code, 3);
}

#[test]
fn a_session_whose_record_is_lost_is_listed_and_collected_around() {
    let ground = with_generations();
    let record = ground
        .root()
        .join("sessions/docker-data-holds/session.json");
    fs::write(&record, "{").expect("a record");
    assert_eq!(ground.line("session start shop s2").code, 0);
    let listed = ground.line("session ls");
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(
        listed.stdout.contains("s2") && listed.stdout.contains("unusable"),
        "{listed:?}"
    );
    assert!(
        listed.stderr.contains("session holds cannot be used"),
        "{listed:?}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&ground.line("session ls --json").stdout).expect("one document");
    assert_eq!(json[0]["record"]["session"], "s2");
    assert_eq!(json[1]["session"], "holds");
    let answer = ground.line("gc");
    assert_eq!(answer.code, 5, "{answer:?}");
    assert!(answer.stderr.contains("left: session holds"), "{answer:?}");
    assert!(
        answer.stdout.contains("generation 2 of shop  superseded"),
        "{answer:?}"
    );
    assert!(record.exists(), "what cannot be judged stays");
    assert_eq!(ground.line("session rm holds").code, 0);
    assert_eq!(ground.line("gc").code, 0);
}

#[test]
fn a_full_disk_is_said_before_anything_is_written() {
    let ground = with_generations();
    let before = ground.picture();
    let answer = ground.line("session start shop s --reserve 1E");
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stderr.contains("stay free"), "{answer:?}");
    assert!(answer.stderr.contains("goldenctl gc"), "{answer:?}");
    let answer = ground
        .command()
        .env("CACHECORE_RESERVE", "1E")
        .args(["session", "start", "shop", "s"])
        .output()
        .expect("it runs");
    assert_eq!(answer.status.code(), Some(1));
    assert_eq!(ground.picture(), before, "a refusal changed the store");
}
