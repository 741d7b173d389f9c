//! Why a private daemon could not be started or stopped.

use std::io;
use std::process::ExitStatus;

use camino::Utf8PathBuf;

use crate::enclosure::EnclosureError;
use crate::log_tail::LogTail;
use crate::network::NetworkError;

/// A private daemon that does not run as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The sockets in the runtime folder would have longer paths than the kernel allows.
    #[error("the path of the runtime folder is {excess} bytes too long for unix sockets: {path}")]
    PathTooLong {
        /// The runtime folder.
        path: Utf8PathBuf,
        /// By how much it is too long.
        excess: usize,
    },
    /// The runtime folder could not be created, filled or removed.
    #[error("cannot {what} {path}")]
    RuntimeDir {
        /// What was tried.
        what: &'static str,
        /// The folder or the file in it.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no enclosure for it.
    #[error(transparent)]
    Enclosure(#[from] EnclosureError),
    /// It has no way out.
    #[error("cannot connect the enclosure to the host's network")]
    Network(#[from] NetworkError),
    /// dockerd could not be executed, in the enclosure as its pid 1.
    #[error("cannot start {dockerd}")]
    Spawn {
        /// The program.
        dockerd: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// dockerd ended instead of answering.
    #[error("dockerd ended before it was ready ({status}){log}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: LogTail,
    },
    /// dockerd did not answer in time.
    #[error("dockerd was not ready before the deadline{log}")]
    Deadline {
        /// The end of its log.
        log: LogTail,
    },
    /// The start was interrupted.
    #[error("the start of dockerd was interrupted")]
    Interrupted,
    /// dockerd answered the ping, but not the questions about itself.
    #[error("cannot ask dockerd for {path}")]
    Api {
        /// What was asked for.
        path: &'static str,
        /// What came instead.
        #[source]
        source: io::Error,
    },
    /// dockerd could not be sent a signal or waited for.
    #[error("cannot stop dockerd")]
    Stop(#[source] io::Error),
}

impl DaemonError {
    /// The next thing to do about it.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::PathTooLong { .. } => "use a shorter runtime folder, for example below /run",
            Self::Enclosure(error) => return error.help(),
            Self::Network(error) => return error.help(),
            Self::RuntimeDir { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "each daemon wants a new folder: remove this one if no daemon uses it"
            }
            Self::Ended { log, .. } | Self::Deadline { log } => return log_help(log),
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// What dockerd's log says and means.
fn log_help(log: &LogTail) -> Option<String> {
    const KNOWN: [(&str, &str); 8] = [
        ("failed to find iptables", "install iptables"),
        (
            "\"iptables\": executable file not found",
            "install iptables",
        ),
        (
            "Devices cgroup isn't mounted",
            "mount the control groups (/sys/fs/cgroup)",
        ),
        ("needs to be started with root", "run as root"),
        (
            "\"containerd\": executable file not found",
            "install containerd beside dockerd",
        ),
        (
            "timeout waiting for lock",
            "another daemon may be using this data root: stop it",
        ),
        (
            "userland-proxy-path is not set",
            "install docker-proxy beside dockerd",
        ),
        ("no space left on device", "free some disk space"),
    ];
    KNOWN
        .iter()
        .find(|(said, _)| log.mentions(said))
        .map(|(_, help)| (*help).to_owned())
}
