//! The commands, one file each: arguments in, a call, a report out.

mod check;
mod completions;
mod convert;
mod ensure;
mod explain;
mod gc;
mod ls;
mod run;
mod split;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Runs the command and gives its exit code.
pub(crate) fn run(cli: &Cli) -> Result<u8, Failure> {
    match &cli.command {
        Command::Split(args) => split::run(&cli.global, args),
        Command::Key(args) => explain::key(args, cli.global.json),
        Command::Explain(args) => explain::run(args, cli.global.json),
        Command::Ensure(args) => ensure::run(args, cli.global.json),
        Command::Migrate {
            file,
            environment,
            destination,
        } => convert::migrate(&cli.global, file, environment.as_deref(), destination),
        Command::FromDevcontainer { file, destination } => {
            convert::from_devcontainer(&cli.global, file, destination)
        }
        Command::Run(args) => run::run(args, cli.global.json),
        Command::Ls(args) => ls::run(args, cli.global.json),
        Command::Gc(args) => gc::run(args, cli.global.json),
        Command::Check {
            spec,
            task_variables,
            image_user,
        } => check::run(&cli.global, spec, task_variables, image_user.as_deref()),
        Command::Completions { shell } => completions::run(*shell),
    }
}
