//! One run of bake for all services, and what it has built brought into the daemon.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::Instant;

use cachecore::cache::Key;
use cachecore::compose::AsItIs;
use cachecore::rewrite::Plan;
use serde_json::Value;

use super::Intent;
use crate::builder::read;
use crate::cache::{self, Turn};
use crate::report::Report;
use crate::stdin::Input;
use crate::{Environment, Real, Seat, child, journal, trail};

/// What compose ends with when a build has failed.
const BUILD_FAILED: u8 = 17;
/// And when somebody has interrupted it.
const CANCELLED: u8 = 130;

/// Builds and loads. `None` if everything is there; an exit code if the build has failed.
///
/// # Errors
/// [`AsItIs`] if it is left to compose: nothing has been built, or not everything could be loaded, and
/// compose will find it built.
pub(crate) fn run(
    environment: &Environment,
    seat: Seat,
    real: &Real,
    plan: &Plan,
    intent: &mut Intent,
) -> Result<Option<ExitCode>, AsItIs> {
    let problem = |e: io::Error| AsItIs(format!("no room for bake: {e}"));
    let own = Report::new().map_err(problem)?;
    let turns = turns(environment, intent);
    let definition = definition(intent).map_err(problem)?;
    let file = own.stdin_as("compose.json").map_err(problem)?;
    let mut words: Vec<OsString> = vec!["bake".into(), "--file".into(), file.into()];
    words.push("--metadata-file".into());
    words.push(own.path().into());
    // An attestation would make an index of the image, and another one each time.
    words.extend(["--provenance=false", "--builder"].map(OsString::from));
    words.push(intent.builder.name.clone().into());
    let quiet = is_quiet(intent);
    words.extend(progress(intent, quiet).map(|mode| format!("--progress={mode}").into()));

    let mut buildx = buildx(environment, seat, real, plan, intent)?;
    buildx.args(words).stdin(definition).stdout(Stdio::null());
    // It leaves Dockerfiles that are written in a project behind.
    buildx.env("TMPDIR", own.folder());
    // Compose builds whatever its file names.
    buildx.env("BUILDX_BAKE_ENTITLEMENTS_FS", "0");
    let (status, said) =
        watched(buildx, quiet).map_err(|e| AsItIs(format!("cannot run buildx: {e}")))?;
    if !status.success() {
        drop((own, turns));
        return failed(status, said).map(Some);
    }
    for turn in turns {
        turn.publish(environment);
    }
    let report: Value = read(&own.path())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    drop(own);
    let Some(loader) = &mut intent.loader else {
        return Ok(None);
    };
    for image in &intent.bake.images {
        let begun = Instant::now();
        let of_image = report[&image.target].to_string();
        match loader.load(of_image.as_bytes(), &image.names) {
            Ok(loaded) => {
                let took = begun.elapsed().as_millis();
                let line = format!("{}: {loaded} in {took} ms", image.names.join(", "));
                if quiet {
                    journal::say(environment, &line);
                } else {
                    journal::fail(&line);
                }
            }
            Err(why) => {
                let service = &image.service;
                return Err(AsItIs(format!("{service} is not brought: {}", why.whole())));
            }
        }
    }
    Ok(None)
}

/// The images' turns with the shared cache, which the definition tells each of.
fn turns(environment: &Environment, intent: &mut Intent) -> Vec<Turn> {
    let Some(cache) = &intent.cache else {
        return Vec::new();
    };
    let mut turns = Vec::new();
    for image in intent.bake.images.iter().filter(|image| image.shares_cache) {
        let key = image.names.first().and_then(|name| Key::of_image(name));
        let target = intent.bake.definition.target_mut(&image.target);
        let Some((key, target)) = key.zip(target) else {
            continue;
        };
        let line = cache::line(Path::new(&target.context));
        let Some(turn) = cache.begin(environment, key, line) else {
            continue;
        };
        let entries = turn.entries();
        let text = |entry: &OsString| entry.to_str().map(str::to_owned);
        target
            .cache_from
            .extend(entries.from.iter().filter_map(text));
        target.cache_to.extend(entries.to.iter().filter_map(text));
        turns.push(turn);
    }
    turns
}

/// The definition, in memory: what is in it is nobody else's business.
fn definition(intent: &Intent) -> io::Result<Stdio> {
    let json = intent.bake.definition.json().map_err(io::Error::other)?;
    Input::of(&json)?.stdio()
}

/// The real buildx, by the real docker.
fn buildx(
    environment: &Environment,
    seat: Seat,
    real: &Real,
    plan: &Plan,
    intent: &Intent,
) -> Result<Command, AsItIs> {
    let is_docker = |words: &[OsString]| words.first().is_some_and(|word| word == "compose");
    let found;
    let (real, before) = match seat {
        Seat::Docker => {
            let compose = intent.command.path_at.first().copied().unwrap_or_default();
            (real, &plan.argv[..compose])
        }
        _ if is_docker(&plan.argv) || seat == Seat::Compose => {
            found = Real::find(environment, Seat::Docker).map_err(|e| AsItIs(e.to_string()))?;
            (&found, &[][..])
        }
        _ => return Err(AsItIs("compose is not what is called".to_owned())),
    };
    let mut command = Command::new(&real.path);
    let variables = plan.environment.iter().map(|(name, value)| (name, value));
    command
        .args(before)
        .arg("buildx")
        .envs(variables)
        .env(trail::VARIABLE, &real.settled);
    Ok(command)
}

/// Whether nothing is to be said of a build.
fn is_quiet(intent: &Intent) -> bool {
    let command = &intent.command;
    let is_build = command.path.last() == Some(&"build");
    let quiet: &[&str] = if is_build {
        &["quiet"]
    } else {
        &["quiet-build", "quiet-pull"]
    };
    let asked = quiet.iter().any(|flag| command.is_on(flag) == Some(true));
    asked
        || command
            .value("progress")
            .is_some_and(|mode| mode == "quiet")
}

fn progress(intent: &Intent, quiet: bool) -> Option<String> {
    let command = &intent.command;
    if quiet {
        return Some("quiet".to_owned());
    }
    let is_plain = command.value("ansi").is_some_and(|ansi| ansi == "never");
    match command.value("progress").and_then(|mode| mode.to_str()) {
        Some(mode) if mode != "auto" => Some(mode.to_owned()),
        _ => is_plain.then(|| "plain".to_owned()),
    }
}

/// Ends as compose does if a build has failed. Anything else that went wrong, compose will say itself.
fn failed(status: ExitStatus, said: Option<String>) -> Result<ExitCode, AsItIs> {
    let Some(code) = status.code() else {
        return Ok(child::end_as(status));
    };
    let said = said.as_deref().map(Failure::of);
    match said {
        _ if code == i32::from(CANCELLED) => Ok(ExitCode::from(CANCELLED)),
        Some(Failure::Cancelled) => {
            let _ = io::stderr().write_all(b"canceled\n");
            Ok(ExitCode::from(CANCELLED))
        }
        Some(Failure::Build(why)) => {
            let _ = io::stderr().write_all(why.as_bytes());
            Ok(ExitCode::from(BUILD_FAILED))
        }
        Some(Failure::Other(why)) => Err(AsItIs(format!("bake has not built: {}", why.trim()))),
        None => Ok(ExitCode::from(BUILD_FAILED)),
    }
}

/// What bake says of its end.
#[derive(Debug, PartialEq, Eq)]
enum Failure<'a> {
    /// A step has failed: what compose says of it.
    Build(&'a str),
    /// Somebody has interrupted it.
    Cancelled,
    /// It was not about the build.
    Other(&'a str),
}

impl<'a> Failure<'a> {
    fn of(said: &'a str) -> Self {
        if said.contains("context canceled") {
            return Self::Cancelled;
        }
        match said.find("failed to solve: ") {
            Some(at) => Self::Build(&said[at..]),
            None => Self::Other(said),
        }
    }
}

/// Runs bake with its progress on stdout, as compose has it. Gives its end, and what it said of it; nothing if
/// that is on the terminal.
fn watched(mut bake: Command, quiet: bool) -> io::Result<(ExitStatus, Option<String>)> {
    if io::stdout().is_terminal() && !quiet {
        bake.stderr(io::stdout());
        return Ok((child::run(&mut bake)?, None));
    }
    let (from, to) = io::pipe()?;
    bake.stderr(to);
    let telling = std::thread::spawn(move || tell(BufReader::new(from), quiet));
    let status = child::run(&mut bake);
    // It holds the other end.
    drop(bake);
    let said = telling.join().unwrap_or_default();
    Ok((status?, Some(said)))
}

/// Passes on what bake says, and gives the error that it ends with. Who has closed stdout wants no more of it.
fn tell(mut from: impl BufRead, quiet: bool) -> String {
    let mut said = String::new();
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        // What is not about the build has no such beginning.
        let is_error = line.starts_with(b"ERROR: ");
        if is_error || !said.is_empty() {
            said += &String::from_utf8_lossy(line.strip_prefix(b"ERROR: ").unwrap_or(&line));
        } else if !quiet {
            let _ = io::stdout().write_all(&line);
        }
        line.clear();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_build_is_told_for_compose() {
        for (said, failure) in [
            (
                "failed to solve: process \"x\" did not complete\n",
                Failure::Build("failed to solve: process \"x\" did not complete\n"),
            ),
            (
                "target api: failed to solve: x\n",
                Failure::Build("failed to solve: x\n"),
            ),
            (
                "failed to solve: Canceled: context canceled\n",
                Failure::Cancelled,
            ),
            (
                "no builder \"x\" found\n",
                Failure::Other("no builder \"x\" found\n"),
            ),
            ("", Failure::Other("")),
        ] {
            assert_eq!(Failure::of(said), failure, "{said}");
        }
    }

    #[test]
    fn an_error_is_kept_with_all_its_lines() {
        let said = "#1 step\nERROR: failed to solve: a\nb\n";
        assert_eq!(tell(said.as_bytes(), true), "failed to solve: a\nb\n");
        assert_eq!(tell(&b"#1 step\n"[..], true), "");
    }
}
