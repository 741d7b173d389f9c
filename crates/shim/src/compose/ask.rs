//! What the real compose says of a project.

use std::ffi::OsString;

use cachecore::argv;
use cachecore::compose::{AsItIs, Model, Question, Version, question};
use cachecore::rewrite::Plan;

use crate::Real;

/// The largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// A project as compose understands it.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) model: Model,
    pub(super) version: Version,
}

/// What was asked already.
#[derive(Debug, Default)]
pub(super) struct Answers {
    project: Option<Result<(Question, Project), AsItIs>>,
}

impl Answers {
    /// The project of a command. It is asked about once.
    pub(super) fn project(
        &mut self,
        real: &Real,
        plan: &Plan,
        command: &argv::Command,
    ) -> Result<(&Question, &Project), AsItIs> {
        let answer = self
            .project
            .get_or_insert_with(|| project(real, plan, command));
        match answer {
            Ok((question, project)) => Ok((question, project)),
            Err(why) => Err(why.clone()),
        }
    }
}

fn project(
    real: &Real,
    plan: &Plan,
    command: &argv::Command,
) -> Result<(Question, Project), AsItIs> {
    let question = question(command, &plan.argv)?;
    let (config, version) = std::thread::scope(|scope| {
        let version = scope.spawn(|| answer(real, plan, &question.version));
        let config = answer(real, plan, &question.config);
        (config, version.join().unwrap_or(None))
    });
    let version = version.as_deref().and_then(Version::read);
    let version = version.filter(|version| *version >= Version(2, 0, 0));
    let version = version.ok_or_else(|| AsItIs("it is not compose 2 or later".to_owned()))?;
    // It will say why, with the command that the user wrote.
    let config = config
        .ok_or_else(|| AsItIs("compose does not accept the project or the command".to_owned()))?;
    let model = Model::read(&config)?;
    Ok((question, Project { model, version }))
}

/// What the real program prints, if it succeeds. What it says besides, it will say again.
pub(super) fn answer(real: &Real, plan: &Plan, words: &[OsString]) -> Option<Vec<u8>> {
    real.ask(words, &plan.environment, LARGEST)
}
