//! `check`.

use serde_json::{Value, json};

use crate::program::Folder;

const SPEC: &str = "version: 1
name: web
image: debian:12
user: dev
args: {NPM_TOKEN: abc}
secrets: {key: {env: KEY}}
stages:
  - name: system
    script: system.sh
    user: root
  - name: tools
    inline: |
      set -e
      apt-get install -y jq

      mkdir -p ~/$TASK_ID
run:
  inline: \"pip install black\\r\\n\"
";

fn spec(folder: &Folder) {
    folder.write("env/web.yaml", SPEC);
    let script = "#!/bin/bash\nset -e\ncurl -fsSL https://example.org/install | bash\n";
    folder.write("env/system.sh", script);
}

#[test]
fn each_warning_is_said_with_its_file_and_line_and_what_to_do() {
    let folder = Folder::new();
    spec(&folder);
    let text = SPEC.replace("\\r\\n", "\\n");
    folder.write("env/web.yaml", text);
    let said = folder.envimage(&["check", "env/web.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    for line in [
        "env/web.yaml: warning: args.NPM_TOKEN: NPM_TOKEN sounds like a secret, and",
        "env/web.yaml: warning: secrets.key: no stage gets it [unused-secret]",
        "env/system.sh:3:42: warning: system: it runs whatever the address gives",
        "env/web.yaml:14:7: warning: tools: apt-get needs root's rights",
        "env/web.yaml:16:7: warning: tools: TASK_ID differs from task to task",
        "env/web.yaml: warning: run: line 1 of the script: pip installs packages at\n  every",
        "env/web.yaml: 6 warnings",
    ] {
        assert!(said.out.contains(line), "{line}\n{}", said.out);
    }
    assert_eq!(said.out.matches("  fix  ").count(), 6, "{}", said.out);
    assert!(
        said.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        said.out
    );
}

#[test]
fn a_program_reads_the_same() {
    let folder = Folder::new();
    spec(&folder);
    folder.write("env/web.yaml", SPEC.replace("\\r\\n", "\\n"));
    let said = folder.envimage(&["check", "env/web.yaml", "--json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&json!(0), &json!(6))
    );
    let found = &report["remarks"][3];
    assert_eq!(found["rule"], "sudo");
    assert_eq!(found["severity"], "warning");
    assert_eq!((&found["line"], &found["column"]), (&json!(14), &json!(7)));
    assert_eq!(found["part"], "tools");
    assert!(found["fix"].as_str().unwrap().contains("user: root"));
}

#[test]
fn only_errors_make_it_fail_and_they_are_in_the_answer() {
    let folder = Folder::new();
    folder.write(
        "good.yaml",
        "version: 1\nimage: debian:12\nrun: {inline: \"npm ci\\n\"}\n",
    );
    let said = folder.envimage(&["check", "good.yaml"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "good.yaml: nothing to say\n")
    );
    for (name, text, line) in [
        (
            "field.yaml",
            "version: 1\nimage: a\nstage: []\n",
            "field.yaml:3:1: error: the spec has no field \"stage\"; is \"stages\" meant?",
        ),
        (
            "quote.yaml",
            "version: 1\nimage: a\nstages:\n- name: x\n  inline: |\n    set -e\n    echo \"a\n",
            "quote.yaml:7:10: error: x: ",
        ),
        (
            "absent.yaml",
            "version: 1\nimage: a\nrun: {script: none.sh}\n",
            "absent.yaml: error: ./none.sh: no such file; absent.yaml names it",
        ),
        (
            "windows.yaml",
            "version: 1\nimage: a\nrun: {inline: \"a\\r\\nb\\r\\n\"}\n",
            "lines end with CR and LF",
        ),
    ] {
        folder.write(name, text);
        let said = folder.envimage(&["check", name]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains(line), "{line}\n{}", said.out);
        assert!(said.out.contains(": 1 error, 0 warnings\n"), "{}", said.out);
        let json = folder.envimage(&["check", name, "--json"]);
        let report: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!((json.code, &report["errors"]), (1, &json!(1)));
    }
}

#[test]
fn what_differs_between_tasks_and_whose_the_image_is_can_be_said() {
    let folder = Folder::new();
    folder.write(
        "a.yaml",
        "version: 1\nimage: a\nstages: [{name: x, inline: \"echo $JOB_ID\\necho $TASK_ID; apk add git\\n\"}]\n",
    );
    let rules = |args: &[&str]| {
        let said = folder.envimage(&[&["check", "a.yaml", "--json"], args].concat());
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let remarks = report["remarks"].as_array().unwrap().iter();
        let rules = remarks.map(|one| one["rule"].as_str().unwrap().to_owned());
        rules.collect::<Vec<_>>()
    };
    assert_eq!(rules(&[]), ["task-variable"]);
    let own = ["--task-variable", "JOB_*", "--image-user", "me"];
    assert_eq!(rules(&own), ["task-variable", "task-variable", "sudo"]);
    assert_eq!(rules(&["--image-user", "root"]), ["task-variable"]);
}

#[test]
fn a_script_in_another_language_is_not_read_as_shell() {
    let folder = Folder::new();
    folder.write(
        "a.yaml",
        "version: 1\nimage: a\nstages: [{name: x, script: a.py, sources: [b.py, c]}]\n",
    );
    folder.write("a.py", "#!/usr/bin/env python3\nprint('''\")\n''')\n");
    folder.write("b.py", "x = '''\n");
    folder.write("c", "not (a shell's\n");
    let said = folder.envimage(&["check", "a.yaml"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "a.yaml: nothing to say\n")
    );
}
