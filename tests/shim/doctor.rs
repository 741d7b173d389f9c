//! `docker-shim doctor`, with all there is and with nothing.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tempfile::TempDir;

use crate::seats::{program, seat};

/// A machine with scripts for programs.
struct Machine {
    folder: TempDir,
}

/// What a docker whose daemon answers does.
const DOCKER: &str = r#"case $1 in
--version) echo 'Docker version 26.1.5, build x' ;;
info) echo '{"ServerVersion":"26.1.5","DriverStatus":[]}' ;;
*) exit 9 ;;
esac"#;

impl Machine {
    fn new() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        seat(&machine.path("shim"), &["docker"]);
        for folder in ["bin", "home/.docker/cli-plugins"] {
            std::fs::create_dir_all(machine.path(folder)).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    fn script(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(self.path(name), mode).unwrap();
    }

    fn doctor(&self, variables: &[(&str, &str)], words: &[&str]) -> Output {
        let path = format!("{}:{}", self.path("shim"), self.path("bin"));
        Command::new(program())
            .arg("doctor")
            .args(words)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("CACHECORE_BUILD_CACHE", self.path("cache"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// What is said of each thing, and the exit code.
    fn findings(&self, variables: &[(&str, &str)]) -> (Vec<(String, String, String)>, Option<i32>) {
        let output = self.doctor(variables, &["--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["ok"], output.status.success());
        let findings = document["findings"].as_array().unwrap().iter();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings = findings.map(|finding| {
            let texts = ["subject", "state", "text"].map(|key| text(finding, key));
            let [subject, state, says] = texts;
            (subject, state, says)
        });
        (findings.collect(), output.status.code())
    }
}

fn of<'a>(findings: &'a [(String, String, String)], subject: &str) -> (&'a str, &'a str) {
    let found = findings.iter().find(|(name, _, _)| name == subject);
    let (_, state, says) = found.unwrap();
    (state, says)
}

#[test]
fn each_name_is_followed_to_what_it_reaches() {
    let machine = Machine::new();
    machine.script("bin/docker", DOCKER);
    let metadata = r#"echo '{"SchemaVersion":"0.1.0","Version":"v0.29.1"}'"#;
    machine.script("home/.docker/cli-plugins/docker-buildx", metadata);
    std::fs::create_dir(machine.path("cache")).unwrap();
    std::fs::create_dir_all(machine.path("home/.docker/buildx/instances")).unwrap();
    let builder = r#"{"Name":"shared","Driver":"remote","Nodes":[{"Endpoint":"unix:///b.sock"}]}"#;
    std::fs::write(
        machine.path("home/.docker/buildx/instances/shared"),
        builder,
    )
    .unwrap();
    let variables = [
        ("BUILDX_BUILDER", "shared"),
        ("CACHECORE_PATH_MAP", "/a=/b"),
    ];
    let (all, code) = machine.findings(&variables);
    assert_eq!(code, Some(0), "{all:?}");
    let (state, says) = of(&all, "docker");
    assert_eq!(state, "ok");
    let real = format!("behind it {}, 26.1.5", machine.path("bin/docker"));
    assert!(says.contains(&real), "{says}");
    let (state, says) = of(&all, "plugin docker-buildx");
    assert!(state == "off" && says.contains("v0.29.1"), "{says}");
    assert_eq!(
        of(&all, "daemon"),
        ("ok", "26.1.5, the classic image store")
    );
    assert_eq!(
        of(&all, "builder"),
        ("ok", "shared, remote, unix:///b.sock")
    );
    for subject in ["skip", "delta", "build cache", "path map"] {
        assert_eq!(of(&all, subject).0, "ok", "{subject}");
    }
    let said = machine.doctor(&variables, &[]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("(docker-buildx) off"), "{said}");
    let left = std::fs::read_dir(machine.path("home")).unwrap().count();
    assert_eq!(left, 1, "nothing is changed");
}

#[test]
fn without_anything_it_says_what_is_missing() {
    let machine = Machine::new();
    let (all, code) = machine.findings(&[("HOME", ""), ("CACHECORE_PATH_MAP", "x")]);
    assert_eq!(code, Some(1));
    for (subject, state) in [
        ("docker", "wrong"),
        ("plugin docker-compose", "off"),
        ("plugin docker-buildx", "off"),
        ("daemon", "off"),
        ("path map", "wrong"),
        ("build cache", "off"),
        ("skip", "off"),
    ] {
        assert_eq!(of(&all, subject).0, state, "{subject}: {all:?}");
    }
    assert!(
        of(&all, "docker").1.contains("CACHECORE_REAL_DOCKER"),
        "{all:?}"
    );
}

#[test]
fn a_daemon_that_does_not_answer_is_not_waited_for() {
    let machine = Machine::new();
    machine.script(
        "bin/docker",
        "[ $1 = info ] && exec /bin/sleep 600\necho Docker version 26.1.5,",
    );
    let (all, code) = machine.findings(&[]);
    assert_eq!(code, Some(1));
    let (state, says) = of(&all, "daemon");
    assert!(
        state == "wrong" && says.contains("no answer within"),
        "{says}"
    );
    machine.script(
        "bin/docker",
        "echo 'Cannot connect to the daemon' >&2\nexit 1",
    );
    let (all, _) = machine.findings(&[]);
    assert_eq!(
        of(&all, "daemon"),
        ("wrong", "does not answer: Cannot connect to the daemon")
    );
}
