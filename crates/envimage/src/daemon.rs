//! Which daemon is meant, by docker's rules, and how docker is run with it.
//!
//! | variable | means |
//! |---|---|
//! | `DOCKER_HOST` | the daemon's address |
//! | `DOCKER_CONTEXT` | the context that knows it |
//! | `CACHECORE_DOCKER_HOST` | the address where neither is set: a session's daemon |
//! | `DOCKER_CONFIG`, `HOME` | where contexts are, and which of them is used |
//! | `DOCKER_TLS_VERIFY` | the address wants certificates, which are docker's matter |

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::endpoint::{Dialer, Endpoint};
use engine::images::{Images, ImagesError};
use serde_json::Value;

/// The address that docker takes where nothing else is said.
const USUAL: &str = "unix:///var/run/docker.sock";
/// How long a daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// No configuration of docker's comes near this.
const LONGEST: u64 = 1 << 20;
/// How many contexts are looked through for a name.
const MOST_CONTEXTS: usize = 1000;

/// A daemon, and the docker that speaks to it.
#[derive(Debug, Clone)]
pub struct Daemon {
    endpoint: Endpoint,
    /// Set, or taken away, wherever docker is run.
    variables: Vec<(&'static str, Option<OsString>)>,
}

impl Daemon {
    /// The daemon that docker would speak to, run by this process.
    pub fn from_environment() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// The daemon that docker would speak to with these variables.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        if let Some(host) = set("DOCKER_HOST") {
            return Self::at(host, set("DOCKER_TLS_VERIFY").is_some());
        }
        let config = set("DOCKER_CONFIG").map(PathBuf::from);
        let config = config.or_else(|| Some(Path::new(&set("HOME")?).join(".docker")));
        let chosen = set("DOCKER_CONTEXT");
        if chosen.is_none()
            && let Some(host) = set("CACHECORE_DOCKER_HOST")
        {
            return Self::at(host, false);
        }
        let name = chosen.or_else(|| used(config.as_deref()?));
        match name.filter(|name| name != "default") {
            None => Self::at(USUAL.into(), set("DOCKER_TLS_VERIFY").is_some()),
            Some(name) => Self::of_context(name, config.as_deref()),
        }
    }

    fn at(host: OsString, with_certificates: bool) -> Self {
        let variables = vec![
            ("DOCKER_HOST", Some(host.clone())),
            ("DOCKER_CONTEXT", None),
            ("BUILDX_BUILDER", Some("default".into())),
        ];
        let plain = host.to_str().filter(|_| !with_certificates);
        let endpoint = plain.and_then(Endpoint::parse);
        let to = host.to_string_lossy().into_owned();
        Self::new(endpoint, variables, to)
    }

    fn of_context(name: OsString, config: Option<&Path>) -> Self {
        // A context's builder has its name.
        let variables = vec![
            ("DOCKER_HOST", None),
            ("DOCKER_CONTEXT", Some(name.clone())),
            ("BUILDX_BUILDER", Some(name.clone())),
        ];
        let endpoint = config.and_then(|config| plain_endpoint(config, &name));
        let to = format!("the context {}", name.display());
        Self::new(endpoint, variables, to)
    }

    fn new(
        endpoint: Option<Endpoint>,
        variables: Vec<(&'static str, Option<OsString>)>,
        to: String,
    ) -> Self {
        let set = variables.iter().filter_map(|(name, value)| {
            let value = value.clone()?;
            Some((OsString::from(name), value))
        });
        let endpoint = endpoint.unwrap_or_else(|| {
            Endpoint::Dialer(Dialer {
                program: "docker".into(),
                words: vec!["system".into(), "dial-stdio".into()],
                variables: set.collect(),
                to,
            })
        });
        Self {
            endpoint,
            variables,
        }
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its images. A daemon that answers nothing for a minute counts as gone.
    pub fn images(&self) -> Images {
        Images::of(self.endpoint.clone()).within(PATIENCE)
    }

    /// docker, speaking to this daemon and building with its own builder, with nothing on its standard
    /// input.
    pub fn docker(&self) -> Command {
        let mut docker = Command::new("docker");
        for (name, value) in &self.variables {
            match value {
                Some(value) => docker.env(name, value),
                None => docker.env_remove(name),
            };
        }
        docker.stdin(Stdio::null());
        docker
    }
}

/// What to do where a daemon does not answer.
pub(crate) fn help(error: &ImagesError) -> Option<String> {
    let help = match error {
        ImagesError::Unreachable { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => {
            "this user may not ask it; who is in the group of its socket may, most often `docker`"
        }
        ImagesError::Unreachable { .. } => {
            "is the daemon running, and is DOCKER_HOST right? `docker info` says more"
        }
        ImagesError::Refused { .. } => return None,
    };
    Some(help.to_owned())
}

/// The context that `docker context use` has chosen.
fn used(config: &Path) -> Option<OsString> {
    let config = document(&config.join("config.json"))?;
    config["currentContext"].as_str().map(OsString::from)
}

/// Where a context leads, if no certificates are needed there.
fn plain_endpoint(config: &Path, name: &OsStr) -> Option<Endpoint> {
    let contexts = config.join("contexts");
    let entries = std::fs::read_dir(contexts.join("meta")).ok()?;
    for entry in entries.take(MOST_CONTEXTS).flatten() {
        let Some(context) = document(&entry.path().join("meta.json")) else {
            continue;
        };
        if context["Name"].as_str().map(OsStr::new) == Some(name) {
            let has_certificates = contexts.join("tls").join(entry.file_name()).exists();
            let host = context["Endpoints"]["docker"]["Host"].as_str();
            return host.filter(|_| !has_certificates).and_then(Endpoint::parse);
        }
    }
    None
}

fn document(file: &Path) -> Option<Value> {
    let mut bytes = Vec::new();
    let file = File::open(file).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The endpoint, what docker is told of a host, of a context, and of a builder.
    fn chosen(variables: &[(&str, &str)]) -> [String; 4] {
        let daemon = Daemon::from_lookup(|asked| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| OsString::from(value))
        });
        let docker = daemon.docker();
        let told = |asked: &str| {
            let found = docker.get_envs().find(|(name, _)| *name == asked);
            let value = found.and_then(|(_, value)| value);
            value.unwrap_or_default().to_string_lossy().into_owned()
        };
        let [host, context, builder] =
            ["DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER"].map(told);
        [daemon.endpoint().to_string(), host, context, builder]
    }

    #[test]
    fn the_daemon_is_the_one_that_docker_takes() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().to_str().unwrap();
        let meta = dir.path().join("contexts/meta/0ab1");
        std::fs::create_dir_all(&meta).unwrap();
        let context = r#"{"Name": "far", "Endpoints": {"docker": {"Host": "tcp://10.0.0.2:1"}}}"#;
        std::fs::write(meta.join("meta.json"), context).unwrap();
        let configured = ("DOCKER_CONFIG", config);
        let (host, session) = (
            ("DOCKER_HOST", "unix:///h.sock"),
            ("CACHECORE_DOCKER_HOST", "unix:///s.sock"),
        );
        let far = ("DOCKER_CONTEXT", "far");
        let usual = [USUAL, USUAL, "", "default"];
        assert_eq!(chosen(&[configured]), usual);
        assert_eq!(
            chosen(&[configured, host, far, session]),
            ["unix:///h.sock", "unix:///h.sock", "", "default"]
        );
        assert_eq!(
            chosen(&[configured, far, session]),
            ["tcp://10.0.0.2:1", "", "far", "far"]
        );
        assert_eq!(chosen(&[configured, session])[0], "unix:///s.sock");
        std::fs::write(
            dir.path().join("config.json"),
            r#"{"currentContext":"far"}"#,
        )
        .unwrap();
        assert_eq!(chosen(&[configured])[0], "tcp://10.0.0.2:1");
        assert_eq!(chosen(&[configured, ("DOCKER_CONTEXT", "default")]), usual);
    }

    #[test]
    fn who_may_not_ask_a_daemon_is_told_who_may() {
        let helped = |kind: ErrorKind| {
            help(&ImagesError::Unreachable {
                endpoint: USUAL.to_owned(),
                asked: "GET /images/json".to_owned(),
                cause: kind.into(),
            })
        };
        let may_not = helped(ErrorKind::PermissionDenied).unwrap();
        assert!(may_not.contains("`docker`"), "{may_not}");
        let away = helped(ErrorKind::NotFound).unwrap();
        assert!(away.contains("DOCKER_HOST"), "{away}");
    }

    #[test]
    fn what_wants_certificates_or_ssh_is_left_to_docker() {
        let ssh = chosen(&[("DOCKER_HOST", "ssh://me@there")]);
        assert_eq!(ssh, ["ssh://me@there", "ssh://me@there", "", "default"]);
        let tls = [("DOCKER_HOST", "tcp://h:1"), ("DOCKER_TLS_VERIFY", "1")];
        let daemon = Daemon::from_lookup(|asked| {
            let found = tls.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| OsString::from(value))
        });
        assert!(matches!(daemon.endpoint(), Endpoint::Dialer(_)));
        let unknown = chosen(&[("DOCKER_CONTEXT", "gone")]);
        assert_eq!(unknown, ["the context gone", "", "gone", "gone"]);
    }
}
