//! Starting and ending sessions.

use std::time::Duration;

use cachecore::id::{ProjectId, SessionId};
use cachecore::strategy::Requested;
use clap::{Args, Subcommand};

use super::VolumeChoice;

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Clone a project's golden for a session; prints the data root and the mounts to make
    Start(SessionStart),
    /// Make a session's data root the project's next golden
    Promote(SessionPromote),
    /// Remove a session and everything in it
    Rm {
        /// The session's id
        session: SessionId,
    },
    /// List the sessions
    Ls,
}

#[derive(Debug, Args)]
pub(crate) struct SessionStart {
    /// The project
    pub(crate) project: ProjectId,
    /// The session's id
    pub(crate) session: SessionId,
    /// How to clone: auto, snapshot, link, reflink, copy
    #[arg(long, value_name = "STRATEGY", default_value = "auto")]
    pub(crate) strategy: Requested,
    /// Start with an empty data root if the project has no golden
    #[arg(long)]
    pub(crate) or_empty: bool,
    /// Keep containerd's files in a folder of their own, beside the data root, for hosts where containerd
    /// is a service (/var/lib/containerd). Sessions of a golden that has one need not be told
    #[arg(long)]
    pub(crate) containerd: bool,
    /// Let `gc` remove the session when nobody has used it for so long, such as 7d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) expires: Option<Duration>,
    /// An earlier generation than the one that serves
    #[arg(long, value_name = "N")]
    pub(crate) generation: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct SessionPromote {
    /// The session's id
    pub(crate) session: SessionId,
    /// Promote although the project has moved on to another generation
    #[arg(long)]
    pub(crate) force: bool,
    /// Take new layers without verifying them against their images
    #[arg(long)]
    pub(crate) trust_layers: bool,
    /// The source revision to note
    #[arg(long, value_name = "REV")]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) volumes: VolumeChoice,
}
