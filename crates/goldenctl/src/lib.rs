//! Operates a store of warm Docker data roots from the terminal.
//!
//! `goldenctl` is thin: each command reads its arguments, calls [`goldenstore`] or [`engine`], and
//! shows the report. What joins the two, the golden build, is in [`golden_build`].
//!
//! | module | holds |
//! |---|---|
//! | `cli` | the command line |
//! | `commands` | one file a command |
//! | [`golden_build`] | clone, daemon, startup command, stop, promote |
//! | `builder`, `startup_file` | who builds what was triggered, and by what |
//! | `private_daemon` | a session's daemon, as options for [`engine`] |
//! | `doctor` | what this machine offers and lacks, a check a line |
//! | `metrics` | figures for Prometheus |
//! | `show` | tables, sizes, ages, JSON |
//! | `progress`, `interrupt`, `kept` | the bar on a terminal, Ctrl-C, and what it leaves |
//! | [`exit`], `failure` | exit codes and messages |

mod builder;
mod cli;
mod commands;
mod doctor;
pub mod exit;
mod failure;
pub mod golden_build;
mod interrupt;
mod kept;
mod metrics;
mod private_daemon;
mod progress;
mod show;
mod startup_file;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::LogFormat;

/// Runs `goldenctl` with these arguments, the program's name first.
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
            let code = if error.use_stderr() {
                exit::USAGE
            } else {
                exit::OK
            };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    trace(cli.global.verbose, cli.global.log_format);
    let answered = |code| match show::answered() {
        Ok(()) => Ok(code),
        Err(source) => Err(failure::Failure::Unanswered { source }),
    };
    match commands::run(&cli).and_then(answered) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            show::failure(&failure, cli.global.log_format);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Sends traces to stderr, and to the log of a build that runs: warnings always, more with `-v`.
fn trace(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CACHECORE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| golden_build::Traces)
        .with_ansi(false);
    // A second call in one process keeps the first subscriber.
    let _ = match format {
        LogFormat::Text => subscriber.with_target(false).without_time().try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
}
