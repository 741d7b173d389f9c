//! Runs a private Docker daemon, and everything started beside it, in an enclosure of its own.
//!
//! ```text
//! your process
//! ├─ your threads ── run, stop ──┐ jobs
//! └─ thread "enclosure"  ◄───────┘   lives in new mount, network and IPC namespaces
//!    ├─ dockerd                      pid 1 of a new pid namespace; dies with the thread
//!    │  └─ containerd ─ shims ─ containers, build steps
//!    └─ the command                  same namespaces: ports published by containers are on its
//!       └─ what it leaves behind     localhost
//! ```
//!
//! - When dockerd ends, the kernel kills every process beside it.
//! - When your process ends, even by SIGKILL, the kernel kills dockerd, and so the rest.
//! - Mounts and network interfaces vanish with the namespaces.
//!
//! So nothing can be left running or mounted. What a killed process can leave are empty control
//! groups ([`sweep_cgroups`]), firewall rules for an interface that is gone ([`sweep_networks`]),
//! and the runtime folder.
//!
//! # Example
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use std::time::{Duration, Instant};
//!
//! use engine::{DaemonOptions, EnclosedCommand, Engine, Limits, Network, PrivateDaemon};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let interrupted = AtomicBool::new(false);
//! let deadline = Some(Instant::now() + Duration::from_secs(30 * 60));
//! let limits = Limits { deadline, interrupted: &interrupted };
//!
//! let path = std::env::var_os("PATH").unwrap_or_default();
//! let options = DaemonOptions {
//!     engine: Engine::find(None, &path)?,
//!     data_root: "/var/lib/session/docker".into(),
//!     containerd_root: None,
//!     runtime_dir: "/run/session".into(),
//!     read_only: vec!["/var/lib/cachecore/layers".into()],
//!     network: Network::Isolated,
//!     storage_driver: None,
//!     remembered_builds: None,
//!     extra_config: serde_json::Value::Null,
//! };
//! let mut daemon = PrivateDaemon::start(options, &limits)?;
//! let images = EnclosedCommand { argv: vec!["docker".into(), "images".into()], ..Default::default() };
//! let status = daemon.run(&images, &mut (), &limits)?;
//! daemon.stop(&limits)?;
//! assert!(status.success());
//! # Ok(())
//! # }
//! ```

mod api;
mod binaries;
#[cfg(feature = "buildkit")]
pub mod buildkit;
mod cgroups;
mod command;
mod daemon;
mod enclosure;
pub mod endpoint;
pub mod images;
mod instance;
mod limits;
mod log_tail;
mod network;
mod output;
pub mod presence;

pub use binaries::{Engine, EngineError};
pub use cgroups::sweep_cgroups;
pub use command::{EnclosedCommand, Output, RunError, Stdin};
pub use daemon::{DaemonError, DaemonOptions, PrivateDaemon, StopReport};
pub use enclosure::{EnclosureError, MountError};
pub use limits::{Limit, Limits};
pub use log_tail::LogTail;
pub use network::nat::sweep_networks;
pub use network::{Network, NetworkError};
pub use output::{OutputSink, Stream};
