//! The command line. The words are those of the contract; a change here is a change of contract.

mod care;
mod starting;

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

pub(crate) use care::{GcArgs, LsArgs};
pub(crate) use starting::RunArgs;

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

/// Where the spec goes that a file of another format becomes.
#[derive(Debug, Args)]
pub(crate) struct Destination {
    /// Write the spec into this file instead of one beside it; `-` prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<Utf8PathBuf>,
    /// Build on this image, whatever the file says
    #[arg(long, value_name = "NAME")]
    pub(crate) image: Option<String>,
    /// Replace a file that says something else
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `split` is told.
#[derive(Debug, Args)]
pub(crate) struct SplitArgs {
    /// The script; `-` is the standard input
    pub(crate) script: Utf8PathBuf,
    /// Write what is done once into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) cached: Option<Utf8PathBuf>,
    /// Write what is done at every start into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) run: Option<Utf8PathBuf>,
    /// Variables that differ from task to task, besides TASK_* and AGENTS_RUNNER_*
    #[arg(long = "task-variable", value_name = "GLOB")]
    pub(crate) task_variables: Vec<String>,
    /// Replace files that say something else
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say which part of a setup script can be done once, in an image
    Split(SplitArgs),
    /// Print the name of each stage's image, whether it is there or not
    Key(KeyArgs),
    /// Print every input of each image, and what has changed since its last build
    Explain(KeyArgs),
    /// Build what is not there of an environment; print the image to run
    Ensure(EnsureArgs),
    /// Make a spec of an older environment file, which stays as it is
    Migrate {
        /// The older file, JSON
        file: Utf8PathBuf,
        /// Which environment, of a file that holds several
        #[arg(long, value_name = "ID")]
        environment: Option<String>,
        #[command(flatten)]
        destination: Destination,
    },
    /// Make a spec of a devcontainer.json, which stays as it is
    FromDevcontainer {
        /// The devcontainer.json
        file: Utf8PathBuf,
        #[command(flatten)]
        destination: Destination,
    },
    /// Start a container of an environment: what is in no image, the run script, then CMD
    Run(Box<RunArgs>),
    /// List the images of environments, and the stages that could not be built
    Ls(LsArgs),
    /// Remove images that are old or unused, and that nobody needs
    Gc(GcArgs),
    /// Say what is wrong with a spec and its scripts, and what probably is
    ///
    /// Exit code 1 if something cannot work; warnings change nothing about it.
    Check {
        /// The spec
        spec: Utf8PathBuf,
        /// Variables that differ from task to task, besides TASK_* and AGENTS_RUNNER_*
        #[arg(long = "task-variable", value_name = "GLOB")]
        task_variables: Vec<String>,
        /// The image's own user, where the spec names none
        #[arg(long, value_name = "USER")]
        image_user: Option<String>,
    },
    /// Print a script that completes the command line
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Whose images are meant.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The spec
    pub(crate) spec: Utf8PathBuf,
    /// The base image's id, `sha256:` and 64 digits, instead of asking the daemon
    #[arg(long, value_name = "ID", value_parser = base_id)]
    pub(crate) base_id: Option<String>,
}

fn base_id(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() == 64 && digits.bytes().all(is_digit) {
        Ok(text.to_owned())
    } else {
        Err("an id is `sha256:` and 64 hex digits")
    }
}

/// How an environment is ensured.
#[derive(Debug, Args)]
pub(crate) struct EnsureArgs {
    /// The spec
    pub(crate) spec: Utf8PathBuf,
    #[command(flatten)]
    pub(crate) wishes: WishArgs,
}

/// What is asked for where something may have to be built.
#[derive(Debug, Args)]
pub(crate) struct WishArgs {
    /// How long pulling and building may take in all
    #[arg(long, value_name = "TIME", default_value = "600s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Pull the base image, also if it is there
    #[arg(long)]
    pub(crate) pull: bool,
    /// Build at once what has failed a moment ago
    #[arg(long)]
    pub(crate) retry: bool,
}
