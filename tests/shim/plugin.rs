//! The shim as the CLI's plugin docker-buildx: called by the CLI, and by Compose itself.

use std::io::{BufRead, BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Stdio;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use testbed::engines::{Release, busybox};
use testbed::stack::{Client, Daemon, Endpoint, Stack, Store};

use crate::compose_double::{self, Service};
use crate::seats::seat;

/// A newer buildx: it has `--allow`, of which the one that is there knows nothing, and says how it was called.
const NEWER: &str = r#"#!/bin/bash
echo "$*" >> CALLS
if [[ $1 == docker-cli-plugin-metadata ]]; then
    echo '{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v0.29.1"}'
    exit
fi
words=()
while (( $# )); do
    case $1 in
    --allow=*) ;;
    --allow) shift ;;
    *) words+=("$1") ;;
    esac
    shift
done
exec REAL "${words[@]}"
"#;

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
        Self::sharing(None)
    }

    /// With a build cache that it shares.
    fn sharing(cache: Option<&Utf8Path>) -> Self {
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
        let script = NEWER
            .replace("CALLS", calls.as_str())
            .replace("REAL", real.as_str());
        std::fs::write(&counted, script).unwrap();
        std::fs::set_permissions(&counted, PermissionsExt::from_mode(0o755)).unwrap();
        let named = ("CACHECORE_REAL_BUILDX".to_owned(), counted.to_string());
        client.variables.push(named);
        let missing = stack.fresh("no-cache");
        let cache = cache.unwrap_or(&missing).to_string();
        let shared = ("CACHECORE_BUILD_CACHE".to_owned(), cache);
        client.variables.push(shared);
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
fn sessions_with_builders_of_their_own_share_what_compose_s_bake_builds() {
    let cache = tempfile::tempdir().unwrap();
    let cache = Utf8Path::from_path(cache.path()).unwrap();
    let ours = format!("--allow=fs.write={cache}");
    for nth in 0..2 {
        let mut session = Session::sharing(Some(cache));
        let log = ("CACHECORE_LOG".to_owned(), "1".to_owned());
        session.client.variables.push(log);
        let context = session.context("words");
        let other = session.context("other");
        std::fs::write(other.join("low"), "nothing that both have").unwrap();
        let services = [
            service("one", "app/one", &context),
            Service {
                more: json!({ "cache-from": ["type=local,src=/nonexistent"] }),
                ..service("own", "app/own", &other)
            },
        ];
        let allowed = format!("fs.read={context}");
        let built = session.compose(&services, &["--allow", &allowed]);
        assert!(built.status.success(), "{:?}", built.errors);
        assert_eq!(
            built.cached > 0,
            nth == 1,
            "session {nth}: {:?}",
            built.errors
        );
        let calls = session.calls().join("\n");
        assert!(calls.contains(&format!("--allow {allowed}")), "{calls}");
        assert!(
            calls.contains(&ours) && calls.contains("one.cache-to"),
            "{calls}"
        );
        assert!(
            !calls.contains("own.cache"),
            "its caches are its own: {calls}"
        );
    }
}

#[test]
fn a_bake_of_files_is_resolved_by_the_real_one() {
    let session = Session::new();
    let context = session.context("words");
    let file = r#"
variable "TAG" { default = "1" }
group "default" { targets = ["app", "side"] }
group "more" { targets = ["app"] }
target "base" { context = "." }
target "app" {
    inherits = ["base"]
    tags = ["app:${TAG}"]
    output = ["type=docker"]
}
target "side" {
    inherits = ["base"]
    tags = ["side"]
    output = ["type=local,dest=out"]
}
"#;
    std::fs::write(context.join("docker-bake.hcl"), file).unwrap();
    let bake = |words: &[&str]| {
        let mut command = session.client.command(&session.plugin);
        command.arg("bake").args(words).current_dir(&context);
        let output = command.env("TAG", "2").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert_eq!(output.stdout, b"");
        said
    };
    let said = bake(&[]);
    assert!(said.contains("app:2: 2 of 2 layers loaded"), "{said}");
    assert!(
        context.join("out/words").exists(),
        "the other target is as it is"
    );
    assert_eq!(session.calls().len(), 2, "resolved, and built once");
    let said = bake(&["more"]);
    assert!(
        said.contains("app:2: unchanged, not loaded again"),
        "{said}"
    );
    let said = bake(&["--load", "--set", "*.tags=third", "app"]);
    assert!(said.contains("third: there already, named anew"), "{said}");
    session.calls();
    // Nobody asked for these to be in the daemon.
    bake(&["--set", "*.output=type=image", "app"]);
    assert_eq!(session.calls().len(), 1, "as it came");
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
fn the_plugin_says_of_itself_what_the_real_one_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    let plugin = seat(&folder.join("plugins"), &["docker-buildx"]).join("docker-buildx");
    let (real, calls) = (folder.join("real"), folder.join("calls"));
    let asked = |variables: &[(&str, &str)]| {
        let output = std::process::Command::new(&plugin)
            .arg("docker-cli-plugin-metadata")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder)
            .env("CACHECORE_REAL_BUILDX", &real)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let copied = Release::V26_1.plugin("docker-buildx");
    let says = |plugin: &Utf8Path| {
        let output = std::process::Command::new(plugin)
            .arg("docker-cli-plugin-metadata")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    std::os::unix::fs::symlink(&copied, &real).unwrap();
    let answer = says(&copied);
    assert_eq!(asked(&[]), answer, "asked");
    let remembered = folder.join(".cache/cachecore/plugins/docker-buildx");
    let text = std::fs::read_to_string(&remembered).unwrap();
    assert!(text.ends_with(&answer), "{text}");
    // What is remembered is what is said, as long as the program is the same.
    let other = r#"{"SchemaVersion":"0.1.0","Version":"v9"}"#;
    std::fs::write(&remembered, text.replace(&answer, other)).unwrap();
    assert_eq!(asked(&[]), other, "remembered");
    assert_eq!(asked(&[("CACHECORE_DISABLE", "1")]), answer);
    for damaged in [text.replace(' ', "  "), "\n".to_owned(), String::new()] {
        std::fs::write(&remembered, damaged).unwrap();
        assert_eq!(asked(&[]), answer, "asked again");
    }
    // A script may answer another way each time.
    std::fs::remove_file(&real).unwrap();
    let script = format!("#!/bin/sh\necho x >> {calls}\nexec {copied} \"$@\"\n");
    std::fs::write(&real, script).unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o755)).unwrap();
    for _ in 0..2 {
        assert_eq!(asked(&[]), answer);
    }
    assert_eq!(std::fs::read_to_string(&calls).unwrap(), "x\nx\n");
    // Without a place to remember it, it is asked.
    std::fs::remove_file(&real).unwrap();
    std::os::unix::fs::symlink(&copied, &real).unwrap();
    let missing = folder.join("missing");
    assert_eq!(asked(&[("HOME", missing.as_str())]), answer);
    assert!(!missing.exists(), "nobody's home is made");
    assert_eq!(asked(&[("HOME", "")]), answer);
}

#[test]
fn docker_compose_stands_for_the_plugin_or_for_the_standalone_program_as_it_was_called() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    let ours = seat(&folder.join("shim"), &["docker-compose"]).join("docker-compose");
    std::fs::create_dir_all(folder.join(".docker/cli-plugins")).unwrap();
    std::fs::create_dir(folder.join("bin")).unwrap();
    for (place, says) in [(".docker/cli-plugins", "plugin"), ("bin", "standalone")] {
        let program = folder.join(place).join("docker-compose");
        std::fs::write(&program, format!("#!/bin/sh\necho {says}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let says = |words: &[&str], variables: &[(&str, &str)]| {
        let output = std::process::Command::new(&ours)
            .args(words)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", folder.join("bin")))
            .env("HOME", folder)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(says(&["up"], &[]), "standalone");
    assert_eq!(says(&["docker-cli-plugin-metadata"], &[]), "plugin");
    let by_docker = [("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker")];
    assert_eq!(says(&["compose", "up"], &by_docker), "plugin");
}

#[test]
fn a_cli_that_hangs_up_ends_the_build() {
    let session = Session::new();
    let context = session.context("words");
    std::fs::copy(busybox(), context.join("busybox")).unwrap();
    let file = "FROM scratch\nCOPY busybox /busybox\nRUN [\"/busybox\", \"sleep\", \"600\"]\n";
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let definition = json!({ "target": { "default": {
        "context": context, "tags": ["app"], "output": ["type=docker"],
    } } });
    let temporary = session.stack.fresh("tmp");
    std::fs::create_dir(&temporary).unwrap();
    // As the CLI does: an abstract socket, of which the plugin waits for the end.
    let name = format!("docker_cli_{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let mut child = session
        .client
        .command(&session.plugin)
        .args(["buildx", "bake", "--file", "-", "--progress", "rawjson"])
        .env("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker")
        .env("DOCKER_CLI_PLUGIN_SOCKET", format!("@{name}"))
        .env("TMPDIR", &temporary)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = definition.to_string();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    listener.set_nonblocking(true).unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = stderr.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("RUN [")), "it gets there");
    let line = listener.accept();
    let is_connected = line.is_ok();
    drop((line, listener));
    if !is_connected {
        child.kill().unwrap();
    }
    assert!(is_connected, "nobody waits for the end");
    let _said: Vec<String> = lines.collect();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1), "as the real plugin ends");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert_eq!(session.id("app"), "");
}
