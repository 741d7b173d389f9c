//! From arguments to an exit code.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::failure::Failure;
use crate::{cli, commands, exit, show};

/// Runs `envimage` with these arguments, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.len() < 2 {
        show::note(&cli::Cli::command().render_help().to_string());
        return ExitCode::from(exit::USAGE);
    }
    let cli = match cli::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is a usage error.
            return match error.print() {
                _ if error.use_stderr() => ExitCode::from(exit::USAGE),
                Ok(()) => ExitCode::from(exit::OK),
                // Who has read enough.
                Err(source) if source.kind() == ErrorKind::BrokenPipe => ExitCode::from(exit::OK),
                Err(source) => {
                    show::failure(&Failure::Unanswered { source });
                    ExitCode::from(exit::FAILED)
                }
            };
        }
    };
    trace(cli.global.verbose);
    let answered = |code| match show::answered() {
        Ok(()) => Ok(code),
        Err(source) => Err(Failure::Unanswered { source }),
    };
    match commands::run(&cli).and_then(answered) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            show::failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Sends traces to stderr: warnings always, more with `-v`.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CACHECORE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // A second call in one process keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .try_init();
}
