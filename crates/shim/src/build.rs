//! A build with a builder that is not the daemon: built once, then brought into the daemon, as far as that
//! lacks it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cachecore::argv::edit::{Edit, apply};
use cachecore::build::{BuildPlan, plan};
use cachecore::rewrite::Plan;

use crate::builder::read;
use crate::load::{Between, Loaded, loader};
use crate::report::Report;
use crate::{Environment, Real, child, journal, trail};

/// What docker ends with when it does not understand a flag.
const NOT_UNDERSTOOD: i32 = 125;

/// Builds and loads, if that can be done; `None` if the command is better run as it is, and nothing has
/// been done yet.
pub(crate) fn run(real: &Real, between: Between<'_>) -> Option<ExitCode> {
    let Between {
        environment,
        passage,
        command,
        builder,
        ..
    } = between;
    let BuildPlan::Load {
        mut edits,
        report_at,
        again,
        asked,
        names,
        reads_stdin,
        quiet,
    } = plan(command, &passage.argv, builder)
    else {
        return None;
    };
    let mut loader = loader(between)?;
    if reads_stdin && let Err(why) = loader.check() {
        journal::say(environment, &format!("stdin is read once: {why}"));
        return None;
    }
    let own = match report_at.map(|_| Report::new()).transpose() {
        Ok(own) => own,
        Err(e) => {
            journal::say(environment, &format!("there is no room for a report: {e}"));
            return None;
        }
    };
    let report = match (&own, report_at) {
        (Some(own), Some(before)) => {
            let mut word = OsString::from("--metadata-file=");
            word.push(own.path());
            edits.push(Edit::Insert {
                before,
                words: vec![word],
            });
            own.path()
        }
        _ => PathBuf::from(command.value("metadata-file")?),
    };
    let argv = apply(&passage.argv, &edits);
    let status = match child::run(&mut start(real, passage, &argv)) {
        Ok(status) => status,
        Err(e) => {
            journal::fail(&format!("cannot run {}: {e}", real.path.display()));
            return Some(ExitCode::from(crate::CANNOT_RUN));
        }
    };
    if status.code() == Some(NOT_UNDERSTOOD) {
        // An older program, without one of the flags that were added: nothing has been built.
        return None;
    }
    if !status.success() {
        drop(own);
        return Some(child::end_as(status));
    }
    let begun = Instant::now();
    let described = read(&report).unwrap_or_default();
    // Before what takes time: who is interrupted in it leaves nothing.
    drop(own);
    let loaded = loader.load(&described, &names);
    match loaded {
        Ok(loaded) => {
            say(environment, &loaded, begun.elapsed(), &names, quiet);
            Some(ExitCode::SUCCESS)
        }
        Err(why) => {
            journal::say(environment, &format!("not brought from the builder: {why}"));
            let why = why.to_string();
            let failed = |status| fail(command, asked, &why, status);
            if reads_stdin {
                return Some(failed(None));
            }
            // All its steps are with the builder; what is done again is the export. The id was printed.
            let argv = apply(&passage.argv, &again);
            let mut again = start(real, passage, &argv);
            if quiet {
                again.stdout(Stdio::null());
            }
            Some(match child::run(&mut again) {
                Ok(status) if status.success() => ExitCode::SUCCESS,
                Ok(status) => failed(Some(status)),
                Err(_) => failed(None),
            })
        }
    }
}

/// Ends a build that the daemon did not get. Docker itself would have left it with the builder, unless it was
/// asked to load it.
fn fail(
    command: &cachecore::argv::Command,
    asked: bool,
    why: &str,
    status: Option<ExitStatus>,
) -> ExitCode {
    journal::fail(&format!(
        "built, and left with the builder, not loaded: {why}"
    ));
    if !asked && status.is_none_or(|status| status.code().is_some()) {
        return ExitCode::SUCCESS;
    }
    if let Some(id) = command.value("iidfile") {
        let _ = std::fs::remove_file(id);
    }
    status.map_or(ExitCode::FAILURE, child::end_as)
}

fn start(real: &Real, passage: &Plan, argv: &[OsString]) -> Command {
    let mut command = Command::new(&real.path);
    let variables = passage
        .environment
        .iter()
        .map(|(name, value)| (name, value));
    command.args(argv).envs(variables);
    command.env(trail::VARIABLE, &real.settled);
    command
}

/// On stderr, where builds say what they do.
fn say(environment: &Environment, loaded: &Loaded, took: Duration, names: &[String], quiet: bool) {
    let names = match names {
        [] => "image without a name".to_owned(),
        names => names.join(", "),
    };
    let line = format!("{names}: {loaded} in {} ms", took.as_millis());
    if quiet {
        journal::say(environment, &line);
    } else {
        journal::fail(&line);
    }
}
