//! `split`: which part of a script can be done once.

use std::io::Write as _;
use std::process::Stdio;

use crate::program::{Folder, answer};

const SCRIPT: &str = "#!/bin/bash
set -e
apt-get update && apt-get install -y jq
git config --global user.name \"$GIT_NAME\"
cat > /etc/tool.conf <<'EOF'
a=1
EOF
cp settings.json \"/tmp/$JOB_ID\"
export EDITOR=vim
";

#[test]
fn both_halves_are_written_and_the_table_fits_a_terminal() {
    let folder = Folder::new();
    folder.write("setup.sh", SCRIPT);
    let done = folder.envimage(&["split", "setup.sh", "--cached", "c.sh", "--run", "r.sh"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        done.out
    );
    assert!(done.out.contains("5-7"), "{}", done.out);
    let cached = "#!/bin/bash\nset -e\napt-get update && apt-get install -y jq\n\
        cat > /etc/tool.conf <<'EOF'\na=1\nEOF\ntrue\n";
    assert_eq!(folder.read("c.sh"), cached);
    assert!(folder.read("r.sh").ends_with("export EDITOR=vim\n"));
    assert_eq!(folder.read("setup.sh"), SCRIPT);
    // What says something else is left alone.
    folder.write("c.sh", "mine");
    let done = folder.envimage(&["split", "setup.sh", "--cached", "c.sh"]);
    assert_ne!(done.code, 0, "{done:?}");
    assert_eq!(folder.read("c.sh"), "mine");
}

#[test]
fn every_construct_is_in_the_document_with_its_range() {
    let folder = Folder::new();
    let mut command = folder.command(&["split", "-", "--json", "--task-variable", "JOB_*"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(SCRIPT.as_bytes())
        .unwrap();
    let done = answer(child.wait_with_output().unwrap());
    let document: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let parts = document["parts"].as_array().unwrap();
    let mut end = "#!/bin/bash\n".len() as u64;
    for part in parts {
        assert_eq!(part["start"], end, "{part}");
        end = part["end"].as_u64().unwrap();
        assert!(part["reason"].is_string() && part["confidence"].is_string());
    }
    assert_eq!(end, SCRIPT.len() as u64);
    let verdicts: Vec<_> = parts
        .iter()
        .map(|part| part["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["both", "cached", "run", "cached", "run", "run"]);
    assert_eq!(parts[4]["reason"], "it reads the task's variable JOB_ID");
}

#[test]
fn what_is_not_understood_is_said_and_runs_as_a_whole() {
    let folder = Folder::new();
    folder.write("setup.sh", "a\nselect x in b; do :; done\n");
    let done = folder.envimage(&["split", "setup.sh", "--cached", "c.sh", "--run", "r.sh"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("2:8"), "{}", done.out);
    assert_eq!(folder.read("c.sh"), "");
    assert_eq!(folder.read("r.sh"), folder.read("setup.sh"));
}
