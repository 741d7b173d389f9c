//! Starting a container of an environment.

use std::ffi::OsString;

use camino::Utf8PathBuf;
use clap::Args;

use super::WishArgs;

/// What a container is started with.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The spec
    pub(crate) spec: Utf8PathBuf,
    /// What it may use instead of the spec's limits, as cpus=2,memory=4g,pids=1000
    #[arg(long, value_name = "LIMITS")]
    pub(crate) limits: Vec<String>,
    /// Mount SOURCE:TARGET[:ro], or what docker's --mount takes
    #[arg(long, short = 'm', value_name = "MOUNT")]
    pub(crate) mount: Vec<String>,
    /// Set a variable: NAME=VALUE, or NAME for yours
    #[arg(long, short = 'e', value_name = "VARIABLE")]
    pub(crate) env: Vec<String>,
    /// The command's folder
    #[arg(long, short = 'w', value_name = "FOLDER")]
    pub(crate) workdir: Option<String>,
    /// As whom the command runs, instead of the spec's user
    #[arg(long, short = 'u', value_name = "USER")]
    pub(crate) user: Option<String>,
    /// The container's network, as docker's
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
    /// The container's name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Keep the container when it has ended
    #[arg(long)]
    pub(crate) keep: bool,
    /// Build what is to be built, and print docker's command line instead of running it
    #[arg(long)]
    pub(crate) print: bool,
    #[command(flatten)]
    pub(crate) wishes: WishArgs,
    /// The command, instead of the image's own
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}
