//! The shim as the CLI's plugin docker-buildx: called by the CLI, and by Compose itself.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use testbed::stack::{Client, Daemon, Endpoint, Stack, Store};

use crate::compose_double::{self, Service};
use crate::seats::seat;

/// A session whose plugin docker-buildx is the shim, in front of a shared builder.
struct Session {
    client: Client,
    /// Where the CLI finds the plugin.
    plugin: Utf8PathBuf,
    /// The one behind it.
    real: Utf8PathBuf,
    /// Where that is written down how it was called.
    calls: Utf8PathBuf,
    _builder: (Endpoint, Daemon),
    _daemon: Daemon,
    // Last: what the others lie in.
    stack: Stack,
}

impl Session {
    fn new() -> Self {
        let stack = Stack::new();
        let host = stack.daemon(Store::Containerd);
        let endpoint = stack.endpoint(&host);
        let daemon = stack.daemon(Store::Classic);
        let mut client = stack.client(&daemon, Some(&endpoint));
        let folder = seat(&stack.fresh("plugins"), &["docker-buildx"]);
        let config = client.config().join("config.json");
        let mut settings: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
        let dirs = settings["cliPluginsExtraDirs"].as_array_mut().unwrap();
        let real = Utf8Path::new(dirs[0].as_str().unwrap()).join("docker-buildx");
        dirs.insert(0, json!(folder));
        std::fs::write(&config, settings.to_string()).unwrap();
        let (counted, calls) = (stack.fresh("counted"), stack.fresh("calls"));
        let script = format!("#!/bin/sh\necho \"$*\" >> {calls}\nexec {real} \"$@\"\n");
        std::fs::write(&counted, script).unwrap();
        std::fs::set_permissions(&counted, PermissionsExt::from_mode(0o755)).unwrap();
        let named = ("CACHECORE_REAL_BUILDX".to_owned(), counted.to_string());
        client.variables.push(named);
        Self {
            client,
            plugin: folder.join("docker-buildx"),
            real,
            calls,
            _builder: (endpoint, host),
            _daemon: daemon,
            stack,
        }
    }

    /// A context whose image has two layers, of which the last has these words.
    fn context(&self, words: &str) -> Utf8PathBuf {
        let context = self.stack.fresh("context");
        std::fs::create_dir(&context).unwrap();
        for (name, contents) in [
            (
                "Dockerfile",
                "FROM scratch\nCOPY low /low\nCOPY words /words\n",
            ),
            ("low", "low"),
            ("words", words),
        ] {
            std::fs::write(context.join(name), contents).unwrap();
        }
        context
    }

    fn id(&self, image: &str) -> String {
        self.client.docker(&["images", "--no-trunc", "-q", image])
    }

    /// How the real plugin was called since this was asked last, but for its metadata.
    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(&self.calls).unwrap_or_default();
        let _ = std::fs::remove_file(&self.calls);
        let is_work = |line: &&str| !line.contains("docker-cli-plugin-metadata");
        calls
            .lines()
            .filter(is_work)
            .map(ToOwned::to_owned)
            .collect()
    }

    fn compose(&self, services: &[Service<'_>], more: &[&str]) -> compose_double::Built {
        compose_double::build(&self.client, &self.plugin, services, more)
    }
}

fn service<'a>(name: &'a str, image: &'a str, context: &'a Utf8Path) -> Service<'a> {
    Service {
        name,
        image,
        context,
        more: Value::Null,
    }
}

#[test]
fn compose_s_bake_is_built_once_and_only_what_is_missing_is_loaded() {
    let mut session = Session::new();
    session
        .client
        .variables
        .push(("CACHECORE_LOG".to_owned(), "1".to_owned()));
    let (one, two) = (session.context("one"), session.context("two"));
    let services = [
        service("one", "app/one", &one),
        service("two", "app/two:2", &two),
    ];
    let first = session.compose(&services, &[]);
    assert_eq!(session.calls().len(), 1, "one bake, and nothing to resolve");
    assert!(first.status.success(), "{:?}", first.errors);
    assert!(first.progress > 0, "progress is handed on");
    assert_eq!(first.stdout, b"");
    let said = first.errors.join("\n");
    assert!(said.contains("app/one: 2 of 2 layers loaded"), "{said}");
    assert!(said.contains("app/two:2: 1 of 2 layers loaded"), "{said}");
    let real = compose_double::build(&session.client, &session.real, &services, &[]);
    assert_eq!(first.results, real.results, "as the real plugin reports");
    assert_ne!(session.id("app/one"), session.id("app/two:2"));
    let again = session.compose(&services, &[]);
    assert_eq!(again.results, first.results, "so that containers stay");
    let said = again.errors.join("\n");
    assert!(
        said.contains("app/two:2: unchanged, not loaded again"),
        "{said}"
    );
}

#[test]
fn a_bake_that_fails_ends_as_the_real_one_does() {
    let session = Session::new();
    let context = session.context("words");
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY missing /\n").unwrap();
    let services = [service("one", "app", &context)];
    let ours = session.compose(&services, &[]);
    let theirs = compose_double::build(&session.client, &session.real, &services, &[]);
    assert_eq!(ours.status, theirs.status);
    assert!(!ours.status.success());
    let has_error = |built: &compose_double::Built| {
        let mut lines = built.errors.iter();
        lines.any(|line| line.starts_with("ERROR: failed to solve"))
    };
    assert!(has_error(&ours) && has_error(&theirs));
    assert_eq!(ours.results, theirs.results);
    assert_eq!(session.calls().len(), 1);
}

#[test]
fn a_command_that_passes_several_shims_is_taken_care_of_once() {
    let mut session = Session::new();
    let context = session.context("words");
    let front = seat(&session.stack.fresh("bin"), &["docker"]);
    let words = ["build", "-t", "app", context.as_str()];
    // By the plugin alone, which the CLI runs, and by docker's seat in front of it.
    let output = session.client.try_docker(&words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("app: 2 of 2 layers loaded"), "{said}");
    assert_eq!(session.calls().len(), 1, "{said}");
    session.client.path.insert(0, front);
    let output = session.client.try_docker(&words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("app: unchanged").count(), 1, "{said}");
    assert_eq!(session.calls().len(), 1, "{said}");
}

#[test]
fn the_plugin_has_the_version_of_the_real_one() {
    let session = Session::new();
    let version = |plugin| compose_double::version(&session.client, plugin);
    assert_eq!(version(&session.plugin), version(&session.real));
}
