//! Looking after the store and the machine.

use std::num::NonZeroUsize;
use std::time::Duration;

use cachecore::collection::DEFAULT_KEEP;
use cachecore::id::ProjectId;
use cachecore::record::KEPT_BUILDS;
use cachecore::size;
use camino::Utf8PathBuf;
use clap::Args;

use super::EngineChoice;

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The project
    pub(crate) project: ProjectId,
    /// Only this generation, which must not be the one that serves
    #[arg(long, value_name = "N")]
    pub(crate) generation: Option<u64>,
}

/// Limits of a collection. Without any, only that goes which nobody can need.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Say what would go, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Give up goldens, least recently used first, until the store is no larger, such as 200G
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(crate) max_size: Option<u64>,
    /// Give up goldens that nobody has used for so long, such as 30d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) max_idle: Option<Duration>,
    /// Generations of each project to keep, the serving one included
    #[arg(long, value_name = "N", default_value_t = DEFAULT_KEEP)]
    pub(crate) keep: NonZeroUsize,
    /// Remove sessions that nobody has used for so long and that do not say themselves how long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) session_idle: Option<Duration>,
    /// Logs of ended builds to keep of each project; none are kept that `status` does not list
    #[arg(long, value_name = "N", default_value_t = KEPT_BUILDS)]
    pub(crate) keep_builds: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Only this project; all of them if none is named
    pub(crate) project: Option<ProjectId>,
    /// Read the contents of every layer
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) engine: EngineChoice,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The data root of a stopped daemon to measure with, instead of the largest golden
    #[arg(long, value_name = "DATA_ROOT")]
    pub(crate) from: Option<Utf8PathBuf>,
    /// Sessions of each strategy
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) sessions: u32,
}
