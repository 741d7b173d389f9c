//! Files of other formats.

use std::path::Path;
use std::process::Command;

use cachecore::environment::spec::{Script, Spec};

use crate::program::{Answer, Folder, answer};

const OLDER: &str = r#"{"env_id": "web", "container_caching_enabled": true, "preflight_enabled": true,
    "cached_preflight_script": "apt-get install -y jq\r\n", "preflight_script": "echo ü",
    "color": "emerald"}"#;

#[test]
fn migrate_writes_the_spec_beside_the_file_and_changes_nothing_else() {
    let folder = Folder::new();
    folder.write("environment-web.json", OLDER);
    let first = folder.envimage(&["migrate", "environment-web.json"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(
        first
            .out
            .starts_with("environment-web.yaml is made from environment-web.json")
    );
    assert!(
        first.out.contains("  color  it is about the older program"),
        "{}",
        first.out
    );
    assert!(
        first.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        first.out
    );
    assert_eq!(folder.read("environment-web.json"), OLDER);
    let text = folder.read("environment-web.yaml");
    let spec = Spec::parse(&text, "environment-web.yaml").unwrap();
    assert_eq!(spec.name.as_str(), "web");
    let script = |text: &str| Script::Inline(text.to_owned());
    assert_eq!(spec.stages[0].script, script("apt-get install -y jq\r\n"));
    assert_eq!(spec.run.unwrap().script, script("echo ü"));
    assert!(text.contains("#   color: \"emerald\"\n"), "{text}");

    let picture = folder.picture();
    let again = folder.envimage(&["migrate", "environment-web.json"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        again.out.starts_with("environment-web.yaml says already"),
        "{}",
        again.out
    );
    assert_eq!(folder.picture(), picture);
}

#[test]
fn a_spec_that_says_something_else_is_replaced_only_by_force() {
    let folder = Folder::new();
    folder.write("old.json", OLDER);
    folder.write("old.yaml", "mine");
    let refused = folder.envimage(&["migrate", "old.json"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(folder.read("old.yaml"), "mine");
    let elsewhere = folder.envimage(&["migrate", "old.json", "--to", "other.yaml"]);
    assert_eq!(elsewhere.code, 0, "{elsewhere:?}");
    let forced = folder.envimage(&["migrate", "old.json", "--force", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&forced.out).unwrap();
    assert_eq!(report["written"], "replaced");
    assert_eq!(report["kept"][0]["field"], "color");
    assert_eq!(report["spec"]["name"], "web");
    assert_eq!(folder.read("old.yaml"), folder.read("other.yaml"));
    // Not even by force: the older file.
    let over = folder.envimage(&["migrate", "old.json", "--to", "./old.json", "--force"]);
    assert_eq!(over.code, 2, "{over:?}");
    assert_eq!(folder.read("old.json"), OLDER);
}

#[test]
fn a_spec_can_be_printed_instead() {
    let folder = Folder::new();
    folder.write("old.json", OLDER);
    let printed = folder.envimage(&["migrate", "old.json", "--to", "-", "--image", "debian:12"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    let spec = Spec::parse(&printed.out, "-").unwrap();
    assert_eq!(spec.image, "debian:12");
    assert_eq!(folder.picture().len(), 1);
}

#[test]
fn what_is_no_file_of_that_format_becomes_nothing() {
    let folder = Folder::new();
    folder.write("bad.json", "{\"env_id\": \"a\",\n \"preflight_script\": 1}");
    folder.write("comma.json", "{\"env_id\": \"a\",\n}");
    folder.write("dev.json", "{\n  \"image\": 1\n}");
    let picture = folder.picture();
    for (args, message) in [
        (
            ["migrate", "bad.json"],
            "bad.json: preflight_script is a number where a string",
        ),
        (
            ["migrate", "comma.json"],
            "comma.json: line 2, column 1: trailing comma",
        ),
        (
            ["migrate", "dev.json"],
            "dev.json: this is no older environment file",
        ),
        (
            ["from-devcontainer", "dev.json"],
            "dev.json: line 2, column 12: image is a number",
        ),
        (
            ["from-devcontainer", "comma.json"],
            "comma.json: no image is named",
        ),
    ] {
        let Answer { code, out, err } = folder.envimage(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(message), "{err}");
        assert!(err.contains("  help: "), "{err}");
    }
    assert_eq!(folder.picture(), picture);
}

/// Runs a script as a start does, and gives what it printed.
fn run(script: &str, shell: &str, folder: &Path) -> Answer {
    let path = folder.join("script.sh");
    std::fs::write(&path, script).unwrap();
    let mut command = Command::new(shell);
    command.arg(&path).current_dir(folder);
    command.env(
        "PATH",
        format!("{}:/usr/bin:/bin", folder.join("bin").display()),
    );
    answer(command.output().unwrap())
}

fn script_of(folder: &Folder, command: &str) -> String {
    let text = format!("{{\"image\": \"a\", \"onCreateCommand\": {command}, }} // the end");
    folder.write(".devcontainer/devcontainer.json", text);
    let made = folder.envimage(&[
        "from-devcontainer",
        ".devcontainer/devcontainer.json",
        "--force",
    ]);
    assert_eq!(made.code, 0, "{made:?}");
    let spec = Spec::parse(&folder.read(".devcontainer/devcontainer.yaml"), "a.yaml").unwrap();
    match spec.stages[0].script.clone() {
        Script::Inline(text) => text,
        Script::File(path) => panic!("a file {path}"),
    }
}

#[test]
fn each_form_of_a_command_does_what_it_says() {
    let folder = Folder::new();
    // What prints its arguments, one in brackets each.
    let show = folder.write("bin/show", "#!/bin/sh\nprintf '[%s]' \"$@\"\necho\n");
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&show, mode.clone()).unwrap();
    let test = folder.write("bin/test", "#!/bin/sh\necho mine\n");
    std::fs::set_permissions(&test, mode).unwrap();
    for (command, code, out) in [
        // A string is a shell's.
        (r#""show $((1 + 1)) \"a b\" | tr '[' '<'""#, 0, "<2]<a b]\n"),
        (r#""cd / && exit 0; show never""#, 0, ""),
        (r#""false; show goes on""#, 0, "[goes][on]\n"),
        (r#""cat <<EOF\na $((2 * 3))\nEOF""#, 0, "a 6\n"),
        (r#""exit 7""#, 7, ""),
        // An array is nobody's: nothing in it means anything.
        (
            r#"["show", "a b", "$HOME", "it's", "", "*", "a\nb", "`id`", "\\", "~", "-n", "ü"]"#,
            0,
            "[a b][$HOME][it's][][*][a\nb][`id`][\\][~][-n][ü]\n",
        ),
        // A program, not what the shell has by that name.
        (r#"["test", "1", "=", "2"]"#, 0, "mine\n"),
        (r#"["sh", "-c", "exit 5"]"#, 5, ""),
        (r#"["not-there-at-all"]"#, 127, ""),
        // An object is side by side: each waits for the other here.
        (
            r#"{"one": "mkfifo p; echo from one > p", "two": "while [ ! -p p ]; do :; done; cat p"}"#,
            0,
            "from one\n",
        ),
        (
            r#"{"bad": "exit 3", "good": ["show", "done"]}"#,
            3,
            "[done]\n",
        ),
    ] {
        let script = script_of(&folder, command);
        for shell in ["/bin/sh", "/bin/bash"] {
            let _ = std::fs::remove_file(folder.path().join("p"));
            let answer = run(&script, shell, folder.path());
            assert_eq!(
                (answer.code, answer.out.as_str()),
                (code, out),
                "{shell}: {script}{answer:?}"
            );
        }
    }
}
