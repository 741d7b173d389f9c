//! The binary by its own name: a tool for whoever installs it.

pub(crate) mod options;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::ExitCode;

use crate::{Environment, Seat, doctor, explain, install, journal};
use options::Options;

const USAGE: &str = "\
docker-shim stands in for docker, docker-compose and the plugin docker-buildx.

usage: docker-shim COMMAND

  explain -- ARGV...    what would be run instead, as JSON; builds nothing
  doctor                what works here, what does not, and why; changes nothing
  install               puts links in front of the real programs
    --to FOLDER         as docker and docker-compose in a folder of PATH
    --plugin[=FOLDER]   as plugins, in docker's configuration folder or there
    --dry-run           says what would be done
  uninstall             takes out what install has put in; the same options
  cache ls|stats        the build cache that sessions share
    gc [--max-size 20G] what nobody needs goes, or what was used longest ago
    verify              what is damaged is put aside

  --json                one JSON document, for all of them
  --help, --version

By the name docker, docker-compose or docker-buildx it is that program.
docs/shim.md lists the variables that it reads.
exit codes: 0 ok, 1 failed, 2 usage, 4 busy, 5 damage was found
";

/// The commands.
const COMMANDS: [&str; 5] = ["explain", "doctor", "install", "uninstall", "cache"];

/// Runs a command of the tool.
pub(crate) fn run(environment: &Environment, words: &[OsString]) -> ExitCode {
    let Some(first) = words.first() else {
        return wrong("which command?");
    };
    let rest = &words[1..];
    match first.to_str() {
        Some("--help" | "-h" | "help") => print(USAGE),
        Some("--version" | "-V") => print(concat!("docker-shim ", env!("CARGO_PKG_VERSION"), "\n")),
        Some("cache") => crate::cache::command::run(environment, &words[1..]),
        Some("explain") => explain_words(environment, rest),
        Some("doctor") => match Options::of(rest, &["--json"]) {
            Ok(options) => doctor::run(environment, &options),
            Err(problem) => wrong(&format!("doctor: {problem}")),
        },
        Some(name @ ("install" | "uninstall")) => match Options::of(rest, &install::WORDS) {
            Ok(options) if options.to.is_none() && options.plugin.is_none() => {
                wrong(&format!("{name} wants --to FOLDER, --plugin or both"))
            }
            Ok(options) => install::run(environment, &options, name == "uninstall"),
            Err(problem) => wrong(&format!("{name}: {problem}")),
        },
        _ => wrong(&unknown(first)),
    }
}

/// A sentence about a command that there is not.
fn unknown(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let near = COMMANDS
        .iter()
        .map(|name| (distance(name, &text), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 2);
    match near {
        Some((_, name)) => format!("there is no command {word:?}; did you mean {name}?"),
        None => format!("there is no command {word:?}"),
    }
}

/// How many letters have to be changed, put in or left out to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(32).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, another) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *another);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

fn explain_words(environment: &Environment, words: &[OsString]) -> ExitCode {
    // It is JSON in any case.
    let words = match words {
        [json, rest @ ..] if json == "--json" => rest,
        _ => words,
    };
    let words = match words {
        [dashes, rest @ ..] if dashes == "--" => rest,
        _ => words,
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nearly_a_command_is_guessed() {
        for (word, guess) in [
            ("explian", Some("explain")),
            ("instal", Some("install")),
            ("uninstal", Some("uninstall")),
            ("frobnicate", None),
            ("", None),
        ] {
            let said = unknown(OsStr::new(word));
            let guessed = said.rsplit_once("did you mean ").map(|(_, name)| name);
            let guess = guess.map(|name| format!("{name}?"));
            assert_eq!(guessed, guess.as_deref(), "{said}");
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        assert!(USAGE.lines().all(|line| line.len() <= 80));
        for command in COMMANDS {
            assert!(USAGE.contains(&format!("\n  {command}")), "{command}");
        }
    }
}
