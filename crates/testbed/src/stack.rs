//! What sessions have where builds are shared: daemons of their own, and builders that several use.
//!
//! - [`Stack`]: a folder for all of it
//! - [`Daemon`]: a dockerd, with either image store; its BuildKit can serve as a builder
//! - [`Client`]: a docker CLI with a configuration, a daemon and perhaps a remote builder
//!
//! Needs root. What cannot be set up ends the test with a panic that says what to do.

mod certified;
mod endpoint;
mod forward;
mod registry;
mod said;

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use engine::{DaemonOptions, Limits, Network, PrivateDaemon};
use serde_json::json;

use crate::engines::Release;
use crate::ground::Ground;
pub use certified::Certified;
pub use endpoint::Endpoint;
pub use forward::Forward;
pub use registry::Registry;
pub use said::said;

/// The image store of a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// overlay2 with layerdb: an image's id is the digest of its configuration.
    Classic,
    /// containerd's: an image's id is the digest of its manifest or index.
    Containerd,
}

/// The name of the remote builder in a client's configuration.
pub const BUILDER: &str = "shared";

/// A folder for daemons, sockets and configurations.
#[derive(Debug)]
pub struct Stack {
    ground: Ground,
    /// For sockets, whose paths have to be short.
    run: tempfile::TempDir,
    count: AtomicU32,
}

/// A dockerd. It ends when this is dropped, or the thread that made it ends.
#[derive(Debug)]
pub struct Daemon {
    daemon: Option<PrivateDaemon>,
    release: Release,
    options: DaemonOptions,
    data_root: Utf8PathBuf,
    host: String,
    socket: Utf8PathBuf,
}

/// A docker CLI with a configuration of its own.
#[derive(Debug, Clone)]
pub struct Client {
    config: Utf8PathBuf,
    host: String,
    /// Folders that programs are looked for in before any other.
    pub path: Vec<Utf8PathBuf>,
    /// More variables.
    pub variables: Vec<(String, String)>,
}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

impl Stack {
    /// A new one.
    ///
    /// # Panics
    /// If there is no place for it.
    pub fn new() -> Self {
        Self {
            ground: Ground::new(),
            run: tempfile::tempdir_in("/run").unwrap(),
            count: AtomicU32::new(0),
        }
    }

    /// A path in the folder that was not given out before.
    pub fn fresh(&self, name: &str) -> Utf8PathBuf {
        self.ground.path(&self.name(name))
    }

    fn fresh_short(&self, name: &str) -> Utf8PathBuf {
        let run = Utf8Path::from_path(self.run.path()).unwrap();
        run.join(self.name(name))
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts a daemon on an empty data root, which reaches nothing but itself.
    ///
    /// # Panics
    /// If it does not start.
    pub fn daemon(&self, store: Store) -> Daemon {
        let data_root = self.fresh("data");
        self.daemon_at(Release::V26_1, store, data_root)
    }

    /// Starts a daemon of either release on a data root, which reaches nothing but itself.
    ///
    /// # Panics
    /// If it does not start.
    pub fn daemon_at(&self, release: Release, store: Store, data_root: Utf8PathBuf) -> Daemon {
        self.start(release, store, data_root, Network::Isolated, json!({}))
    }

    /// Starts a daemon that reaches a registry on this machine, in plain text.
    ///
    /// # Panics
    /// If it does not start.
    pub fn daemon_with_registry(&self, store: Store, registry: &str) -> Daemon {
        let settings = json!({ "insecure-registries": [registry] });
        let data_root = self.fresh("data");
        self.start(Release::V26_1, store, data_root, Network::Nat, settings)
    }

    fn start(
        &self,
        release: Release,
        store: Store,
        data_root: Utf8PathBuf,
        network: Network,
        mut settings: serde_json::Value,
    ) -> Daemon {
        if store == Store::Containerd {
            settings["features"] = json!({ "containerd-snapshotter": true });
        }
        let options = DaemonOptions {
            engine: release.engine(),
            data_root: data_root.clone(),
            runtime_dir: self.fresh_short("daemon"),
            read_only: Vec::new(),
            network,
            storage_driver: None,
            containerd_root: None,
            remembered_builds: None,
            extra_config: settings,
        };
        let daemon = begin(&options);
        Daemon {
            data_root,
            release,
            options,
            host: daemon.docker_host(),
            socket: daemon.socket().to_owned(),
            daemon: Some(daemon),
        }
    }

    /// Serves a daemon's BuildKit, which has to have containerd's store, as a builder.
    pub fn endpoint(&self, daemon: &Daemon) -> Endpoint {
        Endpoint::serve(&daemon.socket, self.fresh_short("buildkit"))
    }

    /// Serves a builder once more, behind certificates.
    ///
    /// # Panics
    /// If `openssl` or `socat` is missing, or fails.
    pub fn certified(&self, builder: &Endpoint) -> Certified {
        Certified::serve(&self.fresh("certificates"), builder.socket())
    }

    /// A client of a daemon, which builds there or with a remote builder.
    ///
    /// # Panics
    /// If the builder cannot be made known.
    pub fn client(&self, daemon: &Daemon, builder: Option<&Endpoint>) -> Client {
        let config = self.fresh("client");
        std::fs::create_dir(&config).unwrap();
        let release = daemon.release;
        let settings = release.client_config().to_string();
        std::fs::write(config.join("config.json"), settings).unwrap();
        let bin = release.dockerd().parent().unwrap().to_owned();
        let mut client = Client {
            config,
            host: daemon.host.clone(),
            path: vec![bin],
            variables: Vec::new(),
        };
        if let Some(endpoint) = builder {
            let address = format!("unix://{}", endpoint.socket());
            let words = ["buildx", "create", "--name", BUILDER, "--driver", "remote"];
            client.docker(
                &words
                    .into_iter()
                    .chain([address.as_str()])
                    .collect::<Vec<_>>(),
            );
            let chosen = ("BUILDX_BUILDER".to_owned(), BUILDER.to_owned());
            client.variables.push(chosen);
        }
        client
    }
}

impl Daemon {
    /// Its address, as in `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its socket.
    pub fn socket(&self) -> &Utf8Path {
        &self.socket
    }

    /// The folder of the blobs of containerd's store.
    pub fn blobs(&self) -> Utf8PathBuf {
        let content = "containerd/daemon/io.containerd.content.v1.content/blobs/sha256";
        self.data_root.join(content)
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.kill();
        }
    }

    /// Ends it in good order.
    ///
    /// # Panics
    /// If it does not end.
    pub fn stop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop(&ample()).unwrap();
        }
    }

    /// Starts it again where it was, after it has ended.
    ///
    /// # Panics
    /// If it does not start.
    pub fn revive(&mut self) {
        let _ = std::fs::remove_dir_all(&self.options.runtime_dir);
        self.daemon = Some(begin(&self.options));
    }
}

impl Client {
    /// Its configuration folder.
    pub fn config(&self) -> &Utf8Path {
        &self.config
    }

    /// A program of this client's, with nothing of the environment of the tests but where programs are.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let system = std::env::var("PATH").unwrap_or_default();
        let dirs = self.path.iter().map(|dir| dir.as_str().to_owned());
        let path: Vec<String> = dirs.chain([system]).collect();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path.join(":"))
            .env("HOME", &self.config)
            .env("DOCKER_CONFIG", &self.config)
            .env("DOCKER_HOST", &self.host)
            .env("BUILDKIT_PROGRESS", "plain")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs docker to its end, whatever that is: the first `docker` of [`Client::path`].
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn try_docker<S: AsRef<OsStr>>(&self, words: &[S]) -> Output {
        // `env` looks for it in the client's own PATH, not in that of the tests.
        self.command("env")
            .arg("docker")
            .args(words)
            .output()
            .unwrap()
    }

    /// Runs docker, which has to succeed. Gives what it printed, trimmed.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn docker<S: AsRef<OsStr> + std::fmt::Debug>(&self, words: &[S]) -> String {
        let output = self.try_docker(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{words:?}: {}\n{said}",
            output.status
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn begin(options: &DaemonOptions) -> PrivateDaemon {
    PrivateDaemon::start(options.clone(), &ample()).unwrap_or_else(|error| panic!("{error}"))
}

/// Limits that only a broken test reaches.
fn ample() -> Limits<'static> {
    static NEVER: AtomicBool = AtomicBool::new(false);
    Limits {
        deadline: Some(Instant::now() + Duration::from_secs(120)),
        interrupted: &NEVER,
    }
}
