//! The session's name for projects that nobody has named.

use std::os::unix::fs::symlink;

use cachecore::argv::Command;
use cachecore::compose::{Model, Version, is_project_name, name_question};
use cachecore::rewrite::Plan;

use super::ask::answer;
use super::files;
use crate::builder::read;
use crate::report::Report;
use crate::{Environment, Real};

/// Another name of the project's folder, which no project has.
const NAMELESS: &str = "cachecore-nameless";

/// The command, with the session's name for its project if it has none.
pub(super) fn named(
    environment: &Environment,
    real: &Real,
    command: &Command,
    mut plan: Plan,
) -> Plan {
    let Some(name) = &environment.project_name else {
        return plan;
    };
    if environment.compose_project_name.is_some() {
        plan.why
            .push("the project's name is the user's choice".to_owned());
    } else if !is_project_name(name) {
        let problem = format!("CACHECORE_PROJECT_NAME: {name:?} is no name of a project");
        plan.why.push(problem);
    } else if is_nameless(environment, real, command, &plan) == Some(true) {
        let why = format!("the project is called {name}, by CACHECORE_PROJECT_NAME");
        plan.why.push(why);
        let variable = ("COMPOSE_PROJECT_NAME", name.into());
        plan.environment.push(variable);
    }
    plan
}

/// Whether compose would take the folder's name; `None` if that cannot be found out.
fn is_nameless(
    environment: &Environment,
    real: &Real,
    command: &Command,
    plan: &Plan,
) -> Option<bool> {
    let place = Report::new().ok()?;
    let alias = place.folder().join(NAMELESS);
    let question = name_question(command, &plan.argv, alias.as_os_str())?;
    let folder = std::path::absolute(files::folder(environment, command)?).ok()?;
    symlink(folder, &alias).ok()?;
    let config = answer(real, plan, &question);
    if let Some(model) = config.and_then(|config| Model::read(&config).ok()) {
        return Some(model.name == NAMELESS);
    }
    // Version 1 prints no JSON, and knows no other place than these.
    let words = &question[..question.len().checked_sub(5)?];
    let words = words
        .iter()
        .cloned()
        .chain(["version", "--short"].map(Into::into));
    let version = answer(real, plan, &words.collect::<Vec<_>>())?;
    let is_first = Version::read(&version)? < Version(2, 0, 0);
    let is_written = files::variables(environment, command)
        .iter()
        .filter_map(|file| read(file))
        .any(|bytes| files::contains(&bytes, b"COMPOSE_PROJECT_NAME"));
    Some(is_first && !is_written)
}
