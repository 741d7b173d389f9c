//! A double of Compose 2.37 to 5, as far as it builds: it runs the plugin docker-buildx itself, with the
//! definition as JSON on stdin, reads progress from its stderr and results from a file.
//!
//! After `doBuildBake` in Compose's `pkg/compose/build_bake.go`, versions 2.37.0 and 5.5.0: arguments,
//! environment, streams, and what counts as an error.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{ExitStatus, Stdio};

use camino::Utf8Path;
use serde_json::{Value, json};
use testbed::stack::Client;

/// A service with a `build`.
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    pub(crate) image: &'a str,
    pub(crate) context: &'a Utf8Path,
    /// More fields of its target.
    pub(crate) more: Value,
}

/// What Compose knows after it has built.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) status: ExitStatus,
    /// Lines of stderr that are no progress: the error, if it fails.
    pub(crate) errors: Vec<String>,
    /// How many lines of progress there were.
    pub(crate) progress: usize,
    /// How many steps were not run again.
    pub(crate) cached: usize,
    pub(crate) stdout: Vec<u8>,
    /// Digest and name of each service, from the metadata file.
    pub(crate) results: BTreeMap<String, (String, String)>,
}

/// Builds services, as `docker compose build` of that version.
pub(crate) fn build(
    client: &Client,
    plugin: &Utf8Path,
    services: &[Service<'_>],
    more: &[&str],
) -> Built {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("compose-build-metadataFile.json");
    let mut command = client.command(plugin);
    command
        .args(["bake", "--file", "-", "--progress", "rawjson"])
        .arg("--metadata-file")
        .arg(&report)
        .args(more)
        .env("DOCKER_CONTEXT", "default")
        .env("USER_AGENT", "compose/5.5.0");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let definition = serde_json::to_vec_pretty(&definition(services)).unwrap();
    // Nobody reads it if the plugin ends before.
    let _ = child.stdin.take().unwrap().write_all(&definition);
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().unwrap();
    pipe.read_to_string(&mut stderr).unwrap();
    let output = child.wait_with_output().unwrap();
    // Newer versions write a line each, older ones several.
    let is_piece = |line: &str| line.starts_with(' ') || matches!(line, "{" | "}");
    let is_progress = |line: &&str| is_piece(line) || serde_json::from_str::<Value>(line).is_ok();
    let (progress, errors): (Vec<&str>, Vec<&str>) = stderr.lines().partition(is_progress);
    let results = match std::fs::read(&report) {
        Ok(bytes) => results(&serde_json::from_slice(&bytes).unwrap(), services),
        Err(_) => BTreeMap::new(),
    };
    Built {
        status: output.status,
        errors: errors.into_iter().map(ToOwned::to_owned).collect(),
        progress: progress.len(),
        cached: stderr.replace(' ', "").matches(r#""cached":true"#).count(),
        stdout: output.stdout,
        results,
    }
}

fn definition(services: &[Service<'_>]) -> Value {
    let mut targets = serde_json::Map::new();
    for service in services {
        let mut target = json!({
            "context": service.context,
            "dockerfile": service.context.join("Dockerfile"),
            "labels": { "com.docker.compose.service": service.name },
            "tags": [service.image],
            "output": ["type=docker"],
        });
        let more = service.more.as_object().cloned().unwrap_or_default();
        target.as_object_mut().unwrap().extend(more);
        targets.insert(service.name.to_owned(), target);
    }
    let names: Vec<&str> = services.iter().map(|service| service.name).collect();
    json!({ "group": { "default": { "targets": names } }, "target": targets })
}

fn results(report: &Value, services: &[Service<'_>]) -> BTreeMap<String, (String, String)> {
    let of = |service: &Service<'_>| {
        let built = report.get(service.name)?;
        let text = |key: &str| built[key].as_str().unwrap_or_default().to_owned();
        let result = (text("containerimage.digest"), text("image.name"));
        Some((service.name.to_owned(), result))
    };
    services.iter().filter_map(of).collect()
}
