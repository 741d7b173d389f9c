//! `docker-shim doctor`: looks at everything that matters to the shim, and says how it is. It changes
//! nothing, and waits for nobody longer than a few seconds.

mod ask;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use cachecore::argv::{Program, parse};
use cachecore::doctor::{CacheFacts, DaemonFacts, Facts, Finding, ProgramFacts, State, findings};
use cachecore::pathmap::PathMap;

use crate::manage::options::Options;
use crate::manage::print;
use crate::trail::{Place, place};
use crate::{Environment, Real, Seat, builder, metadata, real};
use ask::answer;

/// How wide a line may be.
const WIDTH: usize = 80;

/// Where the text of a finding begins.
const INDENT: usize = 22;

/// Runs the command.
pub(crate) fn run(environment: &Environment, options: &Options) -> ExitCode {
    let found = findings(&facts(environment));
    let is_wrong = found.iter().any(|finding| finding.state == State::Wrong);
    let text = if options.json {
        let ok = !is_wrong;
        let document = serde_json::json!({ "ok": ok, "findings": found });
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    } else {
        found.iter().map(line).collect()
    };
    match print(&text) {
        printed if printed != ExitCode::SUCCESS => printed,
        _ if is_wrong => ExitCode::FAILURE,
        printed => printed,
    }
}

fn facts(environment: &Environment) -> Facts {
    let mut as_plugin = environment.clone();
    as_plugin.as_plugin = true;
    let programs = vec![
        program(environment, Seat::Docker, "docker"),
        program(environment, Seat::Compose, "docker-compose"),
        program(&as_plugin, Seat::Compose, "plugin docker-compose"),
        program(&as_plugin, Seat::Buildx, "plugin docker-buildx"),
    ];
    let words = ["buildx", "build", "."].map(Into::into);
    let builder = parse(Program::Docker, &words)
        .ok()
        .and_then(|command| builder::of(environment, Program::Docker, &command));
    let path_map = environment.path_map.as_deref().map(|map| {
        let parsed = PathMap::parse(map).map_err(|e| e.to_string());
        parsed.map(|_| map.to_string_lossy().into_owned())
    });
    let cache = &environment.build_cache;
    Facts {
        disabled: environment.disabled,
        programs,
        daemon: daemon(environment),
        builder,
        path_map,
        cache: CacheFacts {
            path: cache.display().to_string(),
            is_there: cache.is_dir(),
            is_writable: rustix::fs::access(cache, rustix::fs::Access::WRITE_OK).is_ok(),
            imports_only: environment.imports_only,
        },
    }
}

fn program(environment: &Environment, seat: Seat, name: &'static str) -> ProgramFacts {
    let itself = place(Path::new("/proc/self/exe"));
    let reached = reached(environment, seat);
    let found = Real::find(environment, seat);
    let version = found
        .as_ref()
        .ok()
        .and_then(|real| version(environment, seat, real));
    ProgramFacts {
        name,
        is_shim: reached
            .as_ref()
            .is_some_and(|(_, there)| Some(*there) == itself),
        reached: reached.map(|(path, _)| path.display().to_string()),
        real: Some(match found {
            Ok(real) => Ok(real.path.display().to_string()),
            Err(e) => Err(e.to_string()),
        }),
        version,
    }
}

/// What somebody reaches by the name: the shell in `PATH`, and docker among its plugins.
fn reached(environment: &Environment, seat: Seat) -> Option<(PathBuf, Place)> {
    let dirs: Vec<PathBuf> = if environment.as_plugin {
        real::plugin_dirs(environment)
    } else {
        environment.path_dirs().collect()
    };
    let paths = dirs.iter().map(|dir| dir.join(seat.name()));
    paths
        .filter_map(|path| real::runnable(&path).map(|there| (path, there)))
        .next()
}

fn version(environment: &Environment, seat: Seat, real: &Real) -> Option<String> {
    let mut command = Command::new(&real.path);
    if environment.as_plugin {
        let said = answer(command.arg(metadata::WORD)).ok()?;
        let said: serde_json::Value = serde_json::from_str(&said).ok()?;
        return Some(said["Version"].as_str()?.to_owned());
    }
    let said = answer(command.arg(if seat == Seat::Compose {
        "version"
    } else {
        "--version"
    }))
    .ok()?;
    // "Docker version 26.1.5, build …"
    let first = said.lines().next()?;
    let version = first.split([' ', ',']).find(|word| {
        let digits = word.trim_start_matches('v');
        digits.starts_with(|letter: char| letter.is_ascii_digit())
    });
    Some(version.unwrap_or(first).to_owned())
}

fn daemon(environment: &Environment) -> Option<Result<DaemonFacts, String>> {
    let real = Real::find(environment, Seat::Docker).ok()?;
    let mut command = Command::new(&real.path);
    command.args(["info", "--format", "{{json .}}"]);
    let is_chosen = environment.chosen_host.is_some() || environment.chosen_context.is_some();
    if let (Some(host), false) = (&environment.docker_host, is_chosen) {
        command.env("DOCKER_HOST", host);
    }
    Some(answer(&mut command).and_then(|said| read_info(&said)))
}

fn read_info(said: &str) -> Result<DaemonFacts, String> {
    let info: serde_json::Value =
        serde_json::from_str(said).map_err(|e| format!("docker info is not understood: {e}"))?;
    if let Some(problem) = info["ServerErrors"][0].as_str() {
        return Err(problem.to_owned());
    }
    let version = info["ServerVersion"]
        .as_str()
        .filter(|version| !version.is_empty());
    let version = version.ok_or("docker info names no daemon")?;
    let mut status = info["DriverStatus"].as_array().into_iter().flatten();
    Ok(DaemonFacts {
        version: version.to_owned(),
        is_in_containerd: status
            .any(|pair| pair[0] == "driver-type" && pair[1] == "io.containerd.snapshotter.v1"),
    })
}

/// A finding for people, in lines that fit a terminal.
fn line(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Off => "off",
        State::Wrong => "WRONG",
    };
    let subject = finding.subject.trim_start_matches("plugin ");
    let subject = if subject == finding.subject {
        subject.to_owned()
    } else {
        format!("({subject})")
    };
    let mut text = format!("{subject:<16}{state:<6}");
    let mut column = INDENT;
    for (nth, word) in finding.text.split_whitespace().enumerate() {
        if nth > 0 && column + 1 + word.chars().count() > WIDTH {
            text += &format!("\n{:INDENT$}", "");
            column = INDENT;
        } else if nth > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += word.chars().count();
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_a_terminal() {
        let finding = Finding {
            subject: "plugin docker-buildx",
            state: State::Wrong,
            text: "some words and more ".repeat(9),
        };
        let text = line(&finding);
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(
            text.starts_with("(docker-buildx) WRONG some words"),
            "{text}"
        );
    }

    #[test]
    fn a_daemon_is_read_from_what_docker_says() {
        let containerd = r#"{"ServerVersion":"29.0","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#;
        assert!(read_info(containerd).unwrap().is_in_containerd);
        let classic = r#"{"ServerVersion":"26.1","DriverStatus":[["Backing Filesystem","extfs"]]}"#;
        assert!(!read_info(classic).unwrap().is_in_containerd);
        let errors = r#"{"ServerVersion":"","ServerErrors":["Cannot connect"]}"#;
        assert_eq!(read_info(errors).unwrap_err(), "Cannot connect");
        assert!(read_info("{}").is_err() && read_info("").is_err());
    }
}
