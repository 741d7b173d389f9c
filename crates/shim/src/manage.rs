//! The binary by its own name: a tool for whoever installs it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::ExitCode;

use crate::{Environment, Seat, explain, journal};

const USAGE: &str = "\
docker-shim stands in for docker, docker-compose and the plugin docker-buildx.

usage: docker-shim explain -- ARGV...   what would be run instead, as JSON; builds nothing
       docker-shim --help | --version

By the name docker, docker-compose or docker-buildx it is that program.
exit codes: 0 ok, 1 failed, 2 usage
";

/// Runs a command of the tool.
pub(crate) fn run(environment: &Environment, words: &[OsString]) -> ExitCode {
    let first = words.first().map(OsString::as_os_str);
    match first.and_then(OsStr::to_str) {
        Some("--help" | "-h" | "help") => print(USAGE),
        Some("--version" | "-V") => print(concat!("docker-shim ", env!("CARGO_PKG_VERSION"), "\n")),
        Some("explain") => explain_words(environment, &words[1..]),
        Some(other) => wrong(&format!("there is no command {other:?}")),
        None => wrong("which command?"),
    }
}

fn explain_words(environment: &Environment, words: &[OsString]) -> ExitCode {
    let words = words
        .strip_prefix(&[OsString::from("--")][..])
        .unwrap_or(words);
    let Some(seat) = Seat::of(words) else {
        return wrong("explain wants a command line of docker, docker-compose or docker-buildx");
    };
    let plan = explain::explained(environment, seat, &words[1..]);
    match serde_json::to_string_pretty(&plan) {
        Ok(text) => print(&format!("{text}\n")),
        Err(e) => {
            journal::fail(&format!("cannot write the plan: {e}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints to stdout. Who has closed it wants no more.
pub(crate) fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            journal::fail(&format!("cannot write to stdout: {e}"));
            ExitCode::FAILURE
        }
    }
}

fn wrong(problem: &str) -> ExitCode {
    journal::fail(&format!("{problem}; docker-shim --help says what there is"));
    ExitCode::from(2)
}
