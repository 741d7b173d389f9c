//! The command line. The words are those of the contract; a change here is a change of contract.

use clap::{Args, Parser, Subcommand};

/// The slow half of a setup script as an image, keyed by content.
///
/// Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 busy, 5 integrity. `run` passes the exit code
/// of its command on as it is.
#[derive(Debug, Parser)]
#[command(name = "envimage", version, max_term_width = 80)]
pub(crate) struct Cli {
    #[command(flatten, next_help_heading = "Everywhere")]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print one JSON document instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on stderr; twice for everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a script that completes the command line
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}
