//! `docker-shim install` and `uninstall`, for a user with a configuration of their own and in an image.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tempfile::TempDir;

use crate::seats::program;

/// A user's folder, and a system with docker and its plugins.
struct User {
    folder: TempDir,
}

impl User {
    fn new() -> Self {
        let user = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        user.script("system/bin/docker", "real docker");
        user.script("system/bin/docker-compose", "real compose");
        user.script("system/plugins/docker-buildx", "real buildx");
        user.write("home/.docker/config.json", &user.config());
        user
    }

    /// As somebody has written it by hand.
    fn config(&self) -> String {
        let plugins = self.path("system/plugins");
        format!("{{\n    \"auths\": {{}},\n\n    \"cliPluginsExtraDirs\": [ \"{plugins}\" ]\n}}\n")
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn script(&self, name: &str, says: &str) {
        self.write(name, &format!("#!/bin/sh\necho {says}\n"));
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(self.path(name), mode).unwrap();
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            self.path("home/bin"),
            self.path("system/bin")
        );
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", path)
            .current_dir(self.path("home"));
        command
    }

    fn shim(&self, words: &[&str]) -> Output {
        self.command(program()).args(words).output().unwrap()
    }

    #[track_caller]
    fn steps(&self, words: &[&str]) -> Vec<String> {
        let output = self.shim(words);
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = report["steps"].as_array().unwrap();
        let name = |step: &Value| step["step"].as_str().unwrap().to_owned();
        steps.iter().map(name).collect()
    }

    /// All there is, and what it says.
    fn all(&self) -> BTreeMap<Utf8PathBuf, String> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().unwrap() {
                let path = entry.unwrap().into_path();
                let meta = path.symlink_metadata().unwrap();
                let says = if meta.is_symlink() {
                    path.read_link_utf8().unwrap().into_string()
                } else if meta.is_dir() {
                    folders.push(path.clone());
                    "folder".to_owned()
                } else {
                    std::fs::read_to_string(&path).unwrap()
                };
                all.insert(path, says);
            }
        }
        all
    }
}

const ALL: [&str; 5] = ["install", "--to", "bin", "--plugin", "--json"];

#[test]
fn what_was_put_in_is_taken_out_again() {
    let user = User::new();
    let before = user.all();
    let mut dry = ALL.to_vec();
    dry.push("--dry-run");
    let planned = user.steps(&dry);
    assert_eq!(user.all(), before, "a dry run changes nothing");
    assert_eq!(user.steps(&ALL), planned);
    let installed = user.all();
    assert_eq!(user.steps(&ALL), [""; 0], "nothing is done twice");
    assert_eq!(user.all(), installed);
    // The real plugin is in a listed folder, which comes before the usual one.
    let config = &installed[&user.path("home/.docker/config.json")];
    let own = user.path("home/.docker/cachecore-plugins");
    let listed = format!("[ \"{own}\", \"");
    assert_eq!(config.replace(&listed, "[ \""), user.config());
    assert!(installed.contains_key(&own.join("docker-buildx")));
    assert!(
        !installed.contains_key(&own.join("docker-compose")),
        "none is behind it"
    );
    for (name, says) in [
        ("docker", "real docker"),
        (
            "home/.docker/cachecore-plugins/docker-buildx",
            "real buildx",
        ),
    ] {
        let path = if name == "docker" {
            "home/bin/docker"
        } else {
            name
        };
        let output = user
            .command(user.path(path))
            .arg("version")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), says);
    }
    let mut out = ALL;
    out[0] = "uninstall";
    user.steps(&out);
    assert_eq!(user.all(), before);
    assert_eq!(user.steps(&out), [""; 0], "nothing is left");
}

#[test]
fn without_another_plugin_in_the_way_a_link_is_enough() {
    let user = User::new();
    std::fs::remove_file(user.path("home/.docker/config.json")).unwrap();
    user.script("home/.docker/cli-plugins/docker-buildx.real", "real buildx");
    let before = user.all();
    assert_eq!(user.steps(&["install", "--plugin", "--json"]), ["link"]);
    let link = user.path("home/.docker/cli-plugins/docker-buildx");
    let output = user.command(&link).arg("version").output().unwrap();
    assert_eq!(output.stdout, b"real buildx\n");
    user.steps(&["install", "--remove", "--plugin", "--json"]);
    assert_eq!(user.all(), before);
}

#[test]
fn nothing_of_the_user_s_is_replaced() {
    let user = User::new();
    user.script("home/bin/docker-compose", "mine");
    let before = user.all();
    let output = user.shim(&ALL);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(user.path("home/bin/docker-compose").as_str()),
        "{said}"
    );
    assert_eq!(user.all(), before);
    // Nor taken out: links to something else, files, and what lies beside ours.
    std::fs::remove_file(user.path("home/bin/docker-compose")).unwrap();
    user.steps(&ALL);
    user.write("home/.docker/cachecore-plugins/notes", "mine");
    std::fs::remove_file(user.path("home/bin/docker")).unwrap();
    symlink("/usr/bin/true", user.path("home/bin/docker")).unwrap();
    user.steps(&["uninstall", "--to", "bin", "--plugin", "--json"]);
    let left = user.all();
    assert_eq!(left[&user.path("home/bin/docker")], "/usr/bin/true");
    assert_eq!(
        left[&user.path("home/.docker/cachecore-plugins/notes")],
        "mine"
    );
    assert_eq!(left[&user.path("home/.docker/config.json")], user.config());
}

#[test]
fn a_config_that_docker_does_not_read_is_left_alone() {
    let user = User::new();
    user.write("home/.docker/config.json", "{ broken");
    let before = user.all();
    let output = user.shim(&ALL);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("config.json"));
    assert_eq!(user.all(), before);
}

#[test]
fn wrong_words_are_named_and_change_nothing() {
    let user = User::new();
    let before = user.all();
    for (words, says) in [
        (&["explian"][..], "did you mean explain?"),
        (&[], "which command?"),
        (&["install"], "--to FOLDER"),
        (&["install", "--force"], "\"--force\" is none of --to"),
        (&["uninstall", "--to"], "--to wants a folder"),
        (&["explain", "podman", "ps"], "a command line of docker"),
    ] {
        let output = user.shim(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(says) && said.contains("--help"), "{said}");
        assert_eq!(said.lines().count(), 1);
        assert_eq!(output.stdout, b"");
    }
    let help = user.shim(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.lines().all(|line| line.len() <= 80), "{help}");
    assert_eq!(user.all(), before);
}
