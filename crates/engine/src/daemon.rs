//! A Docker daemon that nobody else uses.

mod config;
mod containerd_root;
mod error;
mod readiness;
mod run;
mod runtime_dir;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::Signal;
use serde_json::Value;

pub use error::DaemonError;

use crate::binaries::Engine;
use crate::cgroups;
use crate::enclosure::process::Process;
use crate::enclosure::{Enclosure, Furnishing};
use crate::instance::Instance;
use crate::limits::{Limit, Limits};
use crate::log_tail::LogTail;
use crate::network::Network;
use crate::network::nat::{self, Nat};
use config::Layout;
use readiness::NotReady;
use runtime_dir::RuntimeDir;

/// How to start a private daemon.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// The engine to run.
    pub engine: Engine,
    /// The daemon's data root; created by dockerd if it is not there.
    pub data_root: Utf8PathBuf,
    /// The root of the daemon's containerd, where that is a folder outside the data root. The daemon
    /// finds it at the place where it keeps its own, `containerd/daemon` in the data root; what lies
    /// there is hidden.
    pub containerd_root: Option<Utf8PathBuf>,
    /// A folder that is not there yet. Holds the exec root, the socket, the pid file, daemon.json
    /// and dockerd.log; created with mode 0700, and removed when the daemon has ended.
    pub runtime_dir: Utf8PathBuf,
    /// Folders that neither the daemon nor a command can write to.
    pub read_only: Vec<Utf8PathBuf>,
    /// What the enclosure can reach.
    pub network: Network,
    /// The storage driver, if dockerd shall not choose.
    pub storage_driver: Option<String>,
    /// How many builds BuildKit remembers from one daemon to the next, with their logs and
    /// attestations; `None`: as many as dockerd does by itself, which is all of two days. Engines
    /// before 24 take no number, and before 23 remember none.
    pub remembered_builds: Option<u32>,
    /// Merged into daemon.json, for example `{"features": {…}}`; null for nothing.
    pub extra_config: Value,
}

/// How a daemon was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// How dockerd ended. It was waited for, and the kernel lets pid 1 of a pid namespace be
    /// waited for only after every other process in it is gone: nothing of it runs any more.
    pub status: ExitStatus,
    /// Whether it had to be killed, so that its data root may be in the middle of something.
    pub killed: bool,
    /// How long it took.
    pub took: Duration,
}

/// A running dockerd in an enclosure of its own. Dropping it kills everything inside, waits until
/// it is gone, and removes the runtime folder.
#[derive(Debug)]
pub struct PrivateDaemon {
    dockerd: Process,
    /// Whether it was this end that killed it.
    killed: bool,
    ended: Option<Ended>,
    /// `None` once it has been taken apart.
    enclosure: Option<Enclosure>,
    nat: Option<Nat>,
    instance: Instance,
    runtime: RuntimeDir,
    layout: Layout,
    path: OsString,
    ready_after: Duration,
    version: String,
    storage_driver: String,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    status: ExitStatus,
    killed: bool,
}

impl PrivateDaemon {
    /// Starts dockerd and returns when it answers.
    pub fn start(options: DaemonOptions, limits: &Limits<'_>) -> Result<Self, DaemonError> {
        let layout = Layout::below(&options.runtime_dir);
        if layout.excess() > 0 {
            let excess = layout.excess();
            return Err(DaemonError::PathTooLong {
                path: options.runtime_dir,
                excess,
            });
        }
        let instance = Instance::next();
        let runtime = RuntimeDir::create(&options.runtime_dir)
            .map_err(runtime_failed("create", &options.runtime_dir))?;
        let command = prepare(&options, &layout, &instance, limits)?;
        let nat = options.network == Network::Nat;
        let mut cover: Vec<_> = nat.then(nat::resolver).flatten().into_iter().collect();
        cover.extend(containerd_root::cover(&options)?);
        let enclosure = Enclosure::enter(Furnishing {
            shared: containerd_root::shared(&options),
            read_only: options.read_only,
            cover,
        })?;
        let nat = nat
            .then(|| Nat::connect(&instance, &enclosure))
            .transpose()?;
        let started = Instant::now();
        let dockerd = enclosure
            .spawn_init(command)
            .and_then(Process::new)
            .map_err(|source| DaemonError::Spawn {
                dockerd: options.engine.dockerd,
                source,
            })?;
        tracing::debug!(%instance, pid = dockerd.pid(), "dockerd was started");
        let mut daemon = Self {
            dockerd,
            killed: false,
            ended: None,
            enclosure: Some(enclosure),
            nat,
            instance,
            runtime,
            layout,
            path: options.engine.path,
            ready_after: Duration::ZERO,
            version: String::new(),
            storage_driver: String::new(),
        };
        daemon.become_ready(started, limits)?;
        Ok(daemon)
    }

    fn become_ready(&mut self, started: Instant, limits: &Limits<'_>) -> Result<(), DaemonError> {
        let (dockerd, socket) = (&self.dockerd, &self.layout.socket);
        match readiness::wait_for_ping(dockerd, socket, limits) {
            Ok(()) => self.ready_after = started.elapsed(),
            Err(NotReady::Ended) => {
                let status = self.dockerd.reap().map_err(DaemonError::Stop)?;
                self.ended = Some(Ended {
                    status,
                    killed: false,
                });
                return Err(DaemonError::Ended {
                    status,
                    log: self.log_tail(),
                });
            }
            Err(NotReady::Limit(Limit::Deadline)) => {
                return Err(DaemonError::Deadline {
                    log: self.log_tail(),
                });
            }
            Err(NotReady::Limit(Limit::Interrupted)) => return Err(DaemonError::Interrupted),
        }
        let ask = |path| {
            readiness::ask(dockerd, socket, path, limits).map_err(|source| match limits.reached() {
                // It was not asked to the end.
                Some(Limit::Interrupted) => DaemonError::Interrupted,
                Some(Limit::Deadline) => DaemonError::Deadline {
                    log: self.log_tail(),
                },
                None => DaemonError::Api { path, source },
            })
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (version, info) = (ask("/version")?, ask("/info")?);
        self.version = text(&version["Version"]);
        self.storage_driver = text(&info["Driver"]);
        self.cover_host_socket();
        tracing::debug!(
            instance = %self.instance,
            version = self.version,
            storage_driver = self.storage_driver,
            ready_after = ?self.ready_after,
            "dockerd is ready"
        );
        Ok(())
    }

    /// Inside the enclosure, what insists on the well-known socket (a container that bind-mounts
    /// it, a tool that knows no DOCKER_HOST) shall get this daemon, not the host's.
    fn cover_host_socket(&self) {
        let Ok(known) = Utf8Path::new("/var/run/docker.sock").canonicalize_utf8() else {
            return;
        };
        if let Some(enclosure) = &self.enclosure
            && let Err(error) = enclosure.cover(known, self.layout.socket.clone())
        {
            tracing::warn!(%error, "the host's Docker socket stays visible in the enclosure");
        }
    }

    /// The value of `DOCKER_HOST` for clients of this daemon.
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.layout.socket)
    }

    /// The daemon's socket.
    pub fn socket(&self) -> &Utf8Path {
        &self.layout.socket
    }

    /// The daemon's log. It is removed with the runtime folder.
    pub fn log(&self) -> &Utf8Path {
        &self.layout.log
    }

    /// dockerd's process id as the caller sees it.
    pub fn pid(&self) -> u32 {
        self.dockerd.pid()
    }

    /// How long dockerd took from its start to its first answer.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The daemon's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The storage driver in use: `overlay2`, or `overlayfs` for containerd's image store.
    pub fn storage_driver(&self) -> &str {
        &self.storage_driver
    }

    /// Kills what still runs and waits until it is gone.
    fn end(&mut self) -> io::Result<Ended> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        if !self.dockerd.ends_within(Duration::ZERO) {
            self.killed = true;
            self.dockerd.signal(Signal::KILL)?;
        }
        let ended = Ended {
            status: self.dockerd.reap()?,
            killed: self.killed,
        };
        self.ended = Some(ended);
        Ok(ended)
    }

    /// Asks dockerd to end and waits until it has: it stops its containers first, which may take
    /// long. When a limit is reached, everything is killed instead.
    pub fn stop(mut self, limits: &Limits<'_>) -> Result<StopReport, DaemonError> {
        let started = Instant::now();
        if self.ended.is_none() {
            self.dockerd
                .signal(Signal::TERM)
                .map_err(DaemonError::Stop)?;
            while !self.dockerd.ends_within(limits.slice()) {
                if limits.reached().is_some() {
                    tracing::warn!("dockerd does not stop in time and is killed");
                    break;
                }
            }
        }
        let ended = self.end().map_err(DaemonError::Stop)?;
        self.clear_away()?;
        let Ended { status, killed } = ended;
        Ok(StopReport {
            status,
            killed,
            took: started.elapsed(),
        })
    }

    /// Kills everything inside and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// Removes what the ended daemon leaves: namespaces, control groups, the runtime folder.
    fn clear_away(&mut self) -> Result<(), DaemonError> {
        self.nat = None;
        if self.enclosure.take().is_some() {
            cgroups::remove(&self.instance);
        }
        let folder = self.layout.socket.parent().unwrap_or(&self.layout.socket);
        self.runtime
            .remove()
            .map_err(runtime_failed("remove", folder))
    }

    fn log_tail(&self) -> LogTail {
        LogTail::read(&self.layout.log)
    }
}

impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "cannot wait for dockerd");
        }
        if let Err(error) = self.clear_away() {
            tracing::warn!(%error, "something of a private daemon is left");
        }
    }
}

/// dockerd's command with all that it needs on disk.
fn prepare(
    options: &DaemonOptions,
    layout: &Layout,
    instance: &Instance,
    limits: &Limits<'_>,
) -> Result<Command, DaemonError> {
    // Of a dockerd that does not tell its version, the start says more than we could here.
    let version = options.engine.version_within(limits);
    let parent = cgroups::parent(instance);
    let json = config::daemon_json(
        layout,
        version.as_deref(),
        &parent,
        options.remembered_builds,
        &options.extra_config,
    );
    std::fs::write(&layout.config, json.to_string())
        .map_err(runtime_failed("write", &layout.config))?;
    let log = File::create(&layout.log).map_err(runtime_failed("create", &layout.log))?;
    let errors = log
        .try_clone()
        .map_err(runtime_failed("open", &layout.log))?;
    let driver = options.storage_driver.as_deref();
    let mut command = Command::new(&options.engine.dockerd);
    command
        .args(config::arguments(layout, &options.data_root, driver))
        .env("PATH", &options.engine.path)
        // The host's firewalld would be asked over D-Bus to set up rules in the host's network.
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_PID")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    Ok(command)
}

fn runtime_failed(
    what: &'static str,
    path: &Utf8Path,
) -> impl FnOnce(io::Error) -> DaemonError + use<> {
    let path = path.to_owned();
    move |source| DaemonError::RuntimeDir { what, path, source }
}
