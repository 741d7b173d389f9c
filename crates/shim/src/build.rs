//! A build with the cache that sessions share. With a builder that is not the daemon it is built once and then
//! brought into the daemon, as far as that lacks it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cachecore::argv::edit::{Edit, apply};
use cachecore::build::{BuildPlan, plan, push, reads_stdin};
use cachecore::cache::{Use, usage};
use cachecore::rewrite::Plan;

use crate::builder::read;
use crate::cache::{self, BuildCache, Turn};
use crate::load::{Between, Loaded, Loader, NotLoaded, Registry, loader};
use crate::report::Report;
use crate::{Environment, Real, child, journal, trail};

/// What docker ends with when it does not understand a flag.
const NOT_UNDERSTOOD: i32 = 125;

/// How an image comes into the daemon when its build is done.
struct Loading {
    loader: Loader,
    /// The report's own folder, unless the user wants a report.
    own: Option<Report>,
    report: PathBuf,
    again: Vec<Edit>,
    asked: bool,
    names: Vec<String>,
    reads_stdin: bool,
    quiet: bool,
}

/// Builds with the shared cache, and loads, as far as either can be done; `None` if the command is better
/// run as it is, and nothing has been done yet.
pub(crate) fn run(real: &Real, between: Between<'_>) -> Option<ExitCode> {
    let Between {
        environment,
        passage,
        command,
        ..
    } = between;
    let mut edits = Vec::new();
    let loading = loading(between, &mut edits);
    let mut turn = turn(between);
    if loading.is_none() && turn.is_none() {
        return None;
    }
    edits.extend(turn.as_ref().map(|turn| cached(command, turn)));
    let build =
        |edits: &[Edit]| child::run(&mut start(real, passage, &apply(&passage.argv, edits)));
    let mut built = build(&edits);
    if built
        .as_ref()
        .is_ok_and(|status| status.code() == Some(NOT_UNDERSTOOD))
    {
        // An older program, without one of the flags that were added: nothing has been built.
        return None;
    }
    if let Some(turn) = &mut turn
        && built
            .as_ref()
            .is_ok_and(|status| status.code().is_some_and(|code| code != 0))
        && !reads_stdin(command, &passage.argv)
        && turn.was_misled(environment)
    {
        edits.pop();
        edits.push(cached(command, turn));
        built = build(&edits);
    }
    let status = match built {
        Ok(status) => status,
        Err(e) => {
            journal::fail(&format!("cannot run {}: {e}", real.path.display()));
            return Some(ExitCode::from(crate::CANNOT_RUN));
        }
    };
    match turn {
        Some(turn) if status.success() => turn.publish(environment),
        // Ending as the child did may be by a signal, which leaves nobody to remove it.
        turn => drop(turn),
    }
    match loading {
        Some(loading) if status.success() => Some(loading.load(real, between)),
        loading => {
            drop(loading);
            Some(child::end_as(status))
        }
    }
}

/// What the build is told of the shared cache.
fn cached(command: &cachecore::argv::Command, turn: &Turn) -> Edit {
    Edit::Insert {
        before: command.after_name(),
        words: turn.entries().flags(),
    }
}

/// What brings the image, if it is to be brought. Adds what that needs to the changes of the words.
fn loading(between: Between<'_>, edits: &mut Vec<Edit>) -> Option<Loading> {
    let BuildPlan::Load {
        edits: exporter,
        report_at,
        again,
        asked,
        names,
        reads_stdin,
        quiet,
    } = plan(between.command, &between.passage.argv, between.builder)
    else {
        return None;
    };
    let mut loader = loader(between)?;
    if reads_stdin && let Err(why) = loader.check() {
        journal::say(between.environment, &format!("stdin is read once: {why}"));
        return None;
    }
    let own = match report_at.map(|_| Report::new()).transpose() {
        Ok(own) => own,
        Err(e) => {
            let why = format!("not loaded by the shim: there is no room for a report: {e}");
            journal::say(between.environment, &why);
            return None;
        }
    };
    let report = match &own {
        Some(own) => own.path(),
        None => PathBuf::from(between.command.value("metadata-file")?),
    };
    edits.extend(exporter);
    if let Some(before) = report_at {
        let mut word = OsString::from("--metadata-file=");
        word.push(&report);
        edits.push(Edit::Insert {
            before,
            words: vec![word],
        });
    }
    Some(Loading {
        loader,
        own,
        report,
        again,
        asked,
        names,
        reads_stdin,
        quiet,
    })
}

/// The build's turn with the shared cache, if it is to have one.
fn turn(between: Between<'_>) -> Option<Turn> {
    let Between {
        environment,
        passage,
        command,
        ..
    } = between;
    let cache = BuildCache::open(environment)?;
    let working_dir = std::env::current_dir().ok();
    let working_dir = working_dir.as_ref().map(|dir| dir.as_os_str());
    let key = match usage(command, &passage.argv, working_dir) {
        Use::Under(key) => key,
        Use::Not { why } => {
            journal::say(environment, &format!("no build cache: {why}"));
            return None;
        }
    };
    if !cache.serves(between) {
        return None;
    }
    let context = command.args.first().map(|at| Path::new(&passage.argv[*at]));
    let line = cache::line(context.unwrap_or(Path::new(".")));
    cache.begin(environment, key, line)
}

impl Loading {
    fn load(mut self, real: &Real, between: Between<'_>) -> ExitCode {
        let Between {
            environment,
            passage,
            command,
            ..
        } = between;
        let begun = Instant::now();
        let report = read(&self.report).unwrap_or_default();
        // Before what takes time: who is interrupted in it leaves nothing.
        drop(self.own.take());
        let loaded = self.loader.load(&report, &self.names);
        match loaded {
            Ok(loaded) => {
                let took = begun.elapsed();
                say(environment, &loaded, took, &self.names, self.quiet);
                ExitCode::SUCCESS
            }
            Err(why) => {
                let why = why.whole();
                journal::say(environment, &format!("not brought from the builder: {why}"));
                let asked = self.asked;
                let failed = |status| fail(command, asked, &why, status);
                if self.reads_stdin {
                    return failed(None);
                }
                match self.through_registry(real, between, &report) {
                    Some(Ok(loaded)) => {
                        let took = begun.elapsed();
                        say(environment, &loaded, took, &self.names, self.quiet);
                        return ExitCode::SUCCESS;
                    }
                    Some(Err(why)) => {
                        let why = why.whole();
                        journal::say(environment, &format!("not through the registry: {why}"));
                    }
                    None => {}
                }
                match self.again(real, passage, &self.again) {
                    Some(status) if status.success() => ExitCode::SUCCESS,
                    status => failed(status),
                }
            }
        }
    }

    /// Builds again, with other words. All steps are with the builder; what is done again is the export. The
    /// id was printed.
    fn again(&self, real: &Real, passage: &Plan, edits: &[Edit]) -> Option<ExitStatus> {
        let argv = apply(&passage.argv, edits);
        let mut again = start(real, passage, &argv);
        if self.quiet {
            again.stdout(Stdio::null());
        }
        child::run(&mut again).ok()
    }

    /// Brings the image through the registry, if there is one.
    fn through_registry(
        &mut self,
        real: &Real,
        between: Between<'_>,
        built: &[u8],
    ) -> Option<Result<Loaded, NotLoaded>> {
        let host = between.environment.registry.as_ref()?.to_str()?;
        let mut edits = push(between.command, host)?;
        let report = Report::new().ok()?;
        let mut word = OsString::from("--metadata-file=");
        word.push(report.path());
        edits.push(Edit::Insert {
            before: between.command.after_name(),
            words: vec![word],
        });
        let status = self.again(real, between.passage, &edits)?;
        let pushed = read(&report.path()).unwrap_or_default();
        drop(report);
        if !status.success() {
            return Some(Err(NotLoaded::NotPushed(host.to_owned())));
        }
        let registry = Registry {
            host,
            built,
            pushed: &pushed,
        };
        let mut docker = between.docker()?;
        Some(self.loader.pull(&registry, &mut docker, &self.names))
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
    for report in ["iidfile", "metadata-file"] {
        if let Some(path) = command.value(report) {
            let _ = std::fs::remove_file(path);
        }
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
