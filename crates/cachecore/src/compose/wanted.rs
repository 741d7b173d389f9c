//! Which services a command builds, and what is left of it afterwards.

use serde::Serialize;

use super::question::Question;
use super::{AsItIs, Model, as_it_is};
use crate::argv::Command;
use crate::argv::edit::Edit;

/// What a command builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The services, in the order of their names.
    pub services: Vec<String>,
    /// Whether compose would build some of them again when it starts them.
    pub again: bool,
}

/// When compose does not look for an image elsewhere if the daemon has it.
const CONTENT: [&str; 5] = ["", "build", "if_not_present", "missing", "never"];

/// The services that a command builds. `is_there` says whether the daemon has an image of a name, if it can
/// be asked.
///
/// # Errors
/// [`AsItIs`] if that is not certain.
pub fn wanted(
    command: &Command,
    question: &Question,
    model: &Model,
    separator: char,
    mut is_there: impl FnMut(&str) -> Option<bool>,
) -> Result<Wanted, AsItIs> {
    let verb = command.path.last().copied().unwrap_or_default();
    let flag = command.value("pull").and_then(|value| value.to_str());
    let pull = flag.filter(|_| verb != "build");
    if pull.is_some_and(|pull| pull != "missing" && pull != "never") {
        return as_it_is("--pull decides which images are built");
    }
    let with_dependencies = match verb {
        "build" => on(command, "with-dependencies")?,
        "create" => false,
        _ => !on(command, "no-deps")?,
    };
    let all = verb == "build" || on(command, "build")?;
    let mut wanted = Wanted {
        services: Vec::new(),
        again: false,
    };
    for (name, service) in &model.services {
        let is_meant =
            with_dependencies || question.services.is_empty() || question.services.contains(name);
        if service.build.is_none() || !is_meant {
            continue;
        }
        let policy = pull.or(service.pull_policy.as_deref()).unwrap_or_default();
        let has_name = service
            .image
            .as_ref()
            .is_some_and(|image| !image.is_empty());
        if verb != "build" {
            if all && has_name && !CONTENT.contains(&policy) {
                return as_it_is(format!("{name} is pulled whenever it is not built"));
            }
            let is_due = all || policy == "build";
            // An image of a name may be elsewhere: compose looks there first.
            if !is_due && has_name {
                continue;
            }
            if !is_due && let Some(image) = model.image(name, separator) {
                match is_there(&image) {
                    Some(true) => continue,
                    Some(false) => {}
                    None => return as_it_is("the daemon does not say which images it has"),
                }
            }
            wanted.again |= policy == "build";
        }
        wanted.services.push(name.clone());
    }
    if wanted.again && verb == "run" {
        return as_it_is("pull_policy is build, and `run` cannot be told not to build again");
    }
    Ok(wanted)
}

/// What is changed of the words that start services whose images have been built.
pub fn without_build(command: &Command, wanted: &Wanted) -> Vec<Edit> {
    let mut edits: Vec<Edit> = command
        .uses("build")
        .flat_map(|used| used.words.clone())
        .map(|at| Edit::Remove { at })
        .collect();
    if wanted.again {
        edits.push(Edit::Insert {
            before: command.after_name(),
            words: vec!["--no-build".into()],
        });
    }
    edits
}

fn on(command: &Command, flag: &str) -> Result<bool, AsItIs> {
    let on = command.is_on(flag);
    on.ok_or_else(|| AsItIs(format!("--{flag} is neither true nor false")))
}
