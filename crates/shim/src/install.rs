//! `docker-shim install` and `uninstall`: what is there is looked at, decided on (`cachecore::install`), done,
//! and told.
//!
//! What was made besides links, which anybody can tell to be the shim's, is noted in a file beside them:
//! folders, and what was changed of docker's `config.json`.

mod places;
mod record;
mod steps;

use std::path::Path;
use std::process::ExitCode;

use cachecore::install::{Step, install, uninstall};
use serde::Serialize;

use crate::manage::options::Options;
use crate::manage::print;
use crate::{Environment, journal};
use places::Places;

/// The words that both commands take.
pub(crate) const WORDS: [&str; 5] = ["--to", "--plugin", "--remove", "--dry-run", "--json"];

/// What was done, or would be.
#[derive(Debug, Serialize)]
struct Report {
    program: String,
    dry_run: bool,
    steps: Vec<Step>,
    notes: Vec<String>,
}

/// Runs one of the commands; `is_removal` for `uninstall`.
pub(crate) fn run(environment: &Environment, options: &Options, is_removal: bool) -> ExitCode {
    let is_removal = is_removal || options.remove;
    match act(environment, options, is_removal) {
        Ok(report) => tell(&report, options.json),
        Err(problem) => {
            journal::fail(&problem);
            ExitCode::FAILURE
        }
    }
}

fn act(environment: &Environment, options: &Options, is_removal: bool) -> Result<Report, String> {
    let places = Places::look(environment, options, is_removal)?;
    let steps = if is_removal {
        uninstall(
            &places.folders(),
            places
                .listed
                .as_ref()
                .map(|(config, folder)| (config.as_str(), folder.as_str())),
            &places.made,
        )
    } else {
        install(places.folder.as_ref(), places.plugins.as_ref()).map_err(|e| e.to_string())?
    };
    let steps = if options.dry_run {
        steps
    } else {
        steps::carry_out(&places, steps)?
    };
    Ok(Report {
        program: places.program.display().to_string(),
        dry_run: options.dry_run,
        notes: notes(environment, options, &places, is_removal),
        steps,
    })
}

/// What somebody should know besides.
fn notes(
    environment: &Environment,
    options: &Options,
    places: &Places,
    is_removal: bool,
) -> Vec<String> {
    let mut notes = places.left_out.clone();
    if let (Some(folder), false) = (&options.to, is_removal) {
        let folder = absolute(folder);
        let dirs: Vec<_> = environment.path_dirs().collect();
        let at = dirs.iter().position(|dir| *dir == folder);
        let real = dirs
            .iter()
            .position(|dir| *dir != folder && dir.join("docker").is_file());
        match (at, real) {
            (None, _) => notes.push(format!("{} is not in PATH: put it first", folder.display())),
            (Some(at), Some(real)) if real < at => notes.push(format!(
                "{} comes before it in PATH, and has a docker",
                dirs[real].display()
            )),
            _ => {}
        }
    }
    notes
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn tell(report: &Report, is_json: bool) -> ExitCode {
    if is_json {
        let text = serde_json::to_string_pretty(report).unwrap_or_default();
        return print(&format!("{text}\n"));
    }
    let mut text = String::new();
    if report.steps.is_empty() {
        text += "nothing to do\n";
    }
    for step in &report.steps {
        let (what, path) = match step {
            Step::MakeFolder { path } => ("make", path),
            Step::Link { path } => ("link", path),
            Step::List { config, .. } => ("edit", config),
            Step::Unlink { path } => ("unlink", path),
            Step::Unlist { config, .. } => ("edit", config),
            Step::RemoveFolder { path } => ("remove", path),
        };
        let would = if report.dry_run { "would " } else { "" };
        text += &format!("{would}{what:<7} {path}\n");
    }
    for note in &report.notes {
        text += &format!("note: {note}\n");
    }
    print(&text)
}
