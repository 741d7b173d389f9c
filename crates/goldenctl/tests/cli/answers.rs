//! What is answered: tables for people, documents for programs.

use std::process::Stdio;

use crate::ground::Ground;

#[test]
fn a_session_start_says_what_to_mount_and_why() {
    let ground = Ground::with_golden();
    let answer = ground.line("session start shop s1");
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(answer.stderr, "", "a pipe sees no progress");
    let data_root = ground.root().join("sessions/docker-data-s1/docker");
    let mount = format!("-v {}:/var/lib/docker", data_root.display());
    assert!(answer.stdout.contains(&mount), "{answer:?}");
    assert!(
        answer
            .stdout
            .contains("snapshot: not taken; it needs btrfs"),
        "{answer:?}"
    );
    assert!(data_root.is_dir());
}

#[test]
fn documents_have_the_fields_of_the_contract() {
    let ground = Ground::with_golden();
    let answer = ground.line("session start shop s1 --json");
    let report: serde_json::Value = serde_json::from_str(&answer.stdout).expect("one document");
    for field in [
        "session",
        "project",
        "generation",
        "strategy",
        "why",
        "data_root",
        "mounts",
        "layers",
        "bytes_shared",
        "bytes_copied",
        "files_copied",
        "elapsed_ms",
    ] {
        assert!(report.get(field).is_some(), "{field} in {report}");
    }
    let mount = &report["mounts"][0];
    assert_eq!(mount["target"], "/var/lib/docker");
    assert_eq!(mount["read_only"], false);
    assert_eq!(mount["source"], report["data_root"]);
    let listed = ground.line("--json session ls");
    let sessions: serde_json::Value = serde_json::from_str(&listed.stdout).expect("one document");
    assert_eq!(sessions[0]["record"]["session"], "s1");
    assert_eq!(sessions[0]["record"]["lease"]["ends"], "removal");
}

#[test]
fn tables_are_empty_in_words_and_aligned_in_columns() {
    let ground = Ground::new();
    assert_eq!(ground.line("session ls").stdout, "no sessions\n");
    assert!(ground.line("status").stdout.starts_with("no projects"));
    let ground = Ground::with_golden();
    let table = ground.line("status").stdout;
    let mut lines = table.lines();
    let header = lines.next().expect("a header");
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>().join(" "),
        "PROJECT STATUS GENERATION SIZE PROMOTED LAST USED"
    );
    let row = lines.next().expect("a row");
    assert_eq!(row.find("ready"), header.find("STATUS"), "{table}");
    assert!(
        table
            .lines()
            .all(|line| line.len() <= 80 && !line.ends_with(' ')),
        "{table}"
    );
}

#[test]
fn the_same_word_means_the_same_everywhere() {
    let ground = Ground::with_golden();
    assert_eq!(ground.line("ls").stdout, ground.line("status").stdout);
    let again = ground.line("init");
    assert_eq!(again.code, 0);
    assert!(again.stdout.contains("is there"), "{again:?}");
}

#[test]
fn a_session_that_was_promoted_is_reported_again_when_asked_again() {
    let ground = Ground::with_golden();
    let answer = ground.line("session promote first");
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(
        answer
            .stdout
            .contains("an earlier run had promoted it already"),
        "{answer:?}"
    );
}

#[test]
fn help_fits_eighty_columns_and_names_the_exit_codes() {
    let ground = Ground::bare();
    for line in [
        "--help",
        "session --help",
        "session start --help",
        "build --help",
        "import --help",
        "gc --help",
        "rm --help",
    ] {
        let mut command = ground.command();
        command.args(line.split(' ')).env("COLUMNS", "80");
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success() && !text.is_empty(), "{line}");
        let wide: Vec<&str> = text.lines().filter(|l| l.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{line}: {wide:?}");
    }
    let text = ground.line("--help").stdout;
    assert!(
        text.contains("3 not found") && text.contains("5 integrity"),
        "{text}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let ground = Ground::with_golden();
    let mut child = ground
        .command()
        .args(["status", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
