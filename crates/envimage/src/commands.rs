//! The commands, one file each: arguments in, a call, a report out.

mod completions;
mod ensure;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Runs the command and gives its exit code.
pub(crate) fn run(cli: &Cli) -> Result<u8, Failure> {
    match &cli.command {
        Command::Ensure(args) => ensure::run(args, cli.global.json),
        Command::Completions { shell } => completions::run(*shell),
    }
}
