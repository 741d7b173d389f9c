//! Looking after images.

use std::time::Duration;

use clap::Args;

/// What is listed.
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// The age from which an image is to be built afresh
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
}

/// What a collection removes.
#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Remove images that are older, with what they are built on
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// Remove images that were not used for this long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) max_idle: Option<Duration>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
