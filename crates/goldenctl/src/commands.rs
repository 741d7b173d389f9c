//! The commands, one file each: arguments in, a call, a report out.

mod bench;
mod build;
mod cancel;
mod completions;
mod doctor;
mod enable;
mod explain;
mod gc;
mod import;
mod init;
mod log;
mod man;
mod rm;
mod run;
mod session;
mod status;
mod trigger;
mod verify;

use goldenstore::Store;

use crate::builder;
use crate::cli::{Cli, Command, Global};
use crate::failure::Failure;
use crate::interrupt;
use crate::kept::Kept;

/// Runs the command and gives its exit code.
pub(crate) fn run(cli: &Cli) -> Result<u8, Failure> {
    let global = &cli.global;
    interrupt::end_at_once(kept_of(&cli.command), global.log_format);
    match &cli.command {
        Command::Init(args) => init::run(global, args),
        Command::Import(args) => import::run(global, args),
        Command::Build(args) => build::run(global, args),
        Command::Run(args) => run::run(global, args),
        Command::Session(args) => session::run(global, args),
        Command::Status(args) => status::run(global, args),
        Command::Log(args) => log::run(global, args),
        Command::Enable(args) => enable::enable(global, args),
        Command::Disable { project } => enable::disable(global, project),
        Command::Trigger(args) => trigger::trigger(global, args),
        Command::Retry { project, patience } => trigger::retry(global, project, patience),
        Command::Cancel { project } => cancel::run(global, project),
        Command::Explain { project } => explain::run(global, project),
        Command::Builder { project } => builder::run(&open(global)?, project)
            .inspect_err(|error| tracing::error!(%project, %error, "the builder gives up")),
        Command::Rm(args) => rm::run(global, args),
        Command::Gc(args) => gc::run(global, args),
        Command::Verify(args) => verify::run(global, args),
        Command::Doctor(args) => doctor::run(global, args),
        Command::Bench(args) => bench::run(global, args),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man { folder } => man::run(folder),
    }
}

/// What a command leaves that is interrupted before it looks at that itself.
fn kept_of(command: &Command) -> Kept {
    match command {
        Command::Init(_) => Kept::PartOfAStore,
        Command::Status(_)
        | Command::Log(_)
        | Command::Explain { .. }
        | Command::Doctor(_)
        | Command::Completions { .. }
        | Command::Man { .. } => Kept::Everything,
        _ => Kept::LeftToTheNext,
    }
}

fn open(global: &Global) -> Result<Store, Failure> {
    let store = Store::open(&global.root)?;
    Ok(match global.reserve {
        Some(reserve) => store.with_reserve(reserve),
        None => store,
    })
}
