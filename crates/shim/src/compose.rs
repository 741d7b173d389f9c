//! Commands of compose: the project gets the session's name, the services the mounts that the daemon has, and
//! what builds is built by one run of bake; then each image is brought into the daemon, as far as that lacks
//! it. What starts services starts them afterwards.

mod ask;
mod bake;
mod files;
mod mounts;
mod name;
mod variables;

use std::process::ExitCode;

use cachecore::argv::edit::apply;
use cachecore::argv::{Command, parse};
use cachecore::builder::{Builder, Driver};
use cachecore::classify::Kind;
use cachecore::compose::{
    AsItIs, Bake, Circumstances, Wanted, bake, may_build, wanted, without_build,
};
use cachecore::rewrite::Plan;
use serde::Serialize;

use crate::cache::BuildCache;
use crate::load::{Between, Loader, images, loader};
use crate::{Environment, Real, Seat, builder, journal};
use ask::Answers;

/// What becomes of a command.
pub(crate) enum Next {
    /// It is done.
    Ended(ExitCode),
    /// The real program goes on, with these words.
    Run(Plan),
    /// The same, and there is nothing left to be done about it.
    Start(Plan),
}

/// What is built, and by what.
#[derive(Debug)]
struct Intent {
    bake: Bake,
    command: Command,
    builder: Builder,
    /// What brings images; `None` if the daemon builds them itself.
    loader: Option<Loader>,
    cache: Option<BuildCache>,
    wanted: Wanted,
}

/// What would be built, and why nothing would.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Explained {
    /// It is built by bake, and brought into the daemon.
    Builds(Bake),
    /// It is left to compose.
    AsItIs {
        /// Why.
        why: AsItIs,
    },
}

/// Decides without building.
pub(crate) fn explained(
    environment: &Environment,
    seat: Seat,
    plan: Plan,
) -> (Plan, Option<Explained>) {
    let Some((command, real)) = concerned(seat, &plan).zip(Real::find(environment, seat).ok())
    else {
        return (plan, None);
    };
    let plan = name::named(environment, &real, &command, plan);
    let mut answers = Answers::default();
    let plan = mounts::mapped(environment, &real, &command, plan, &mut answers);
    if plan.kind == Some(Kind::Compose) {
        return (plan, None);
    }
    let explained = match intent(environment, seat, &real, &plan, &mut answers) {
        Ok(intent) => Explained::Builds(intent.bake),
        Err(why) => Explained::AsItIs { why },
    };
    (plan, Some(explained))
}

/// The command, if it is one of compose that is about a project.
fn concerned(seat: Seat, plan: &Plan) -> Option<Command> {
    let kinds = [Kind::Compose, Kind::ComposeBuild, Kind::ComposeStart];
    let is_compose = plan.kind.is_some_and(|kind| kinds.contains(&kind));
    is_compose
        .then(|| parse(seat.program(&plan.argv), &plan.argv).ok())
        .flatten()
}

/// Does what there is to do about a command.
pub(crate) fn next(environment: &Environment, seat: Seat, real: &Real, plan: Plan) -> Next {
    let Some(command) = concerned(seat, &plan) else {
        return Next::Run(plan);
    };
    let told = plan.why.len();
    let plan = name::named(environment, real, &command, plan);
    let mut answers = Answers::default();
    let plan = mounts::mapped(environment, real, &command, plan, &mut answers);
    for why in &plan.why[told..] {
        journal::say(environment, why);
    }
    if plan.kind == Some(Kind::Compose) {
        return Next::Run(plan);
    }
    let built = intent(environment, seat, real, &plan, &mut answers).and_then(|mut intent| {
        bake::run(environment, seat, real, &plan, &mut intent).map(|code| (intent, code))
    });
    match built {
        Ok((_, Some(code))) => Next::Ended(code),
        Ok(_) if plan.kind == Some(Kind::ComposeBuild) => Next::Ended(ExitCode::SUCCESS),
        Ok((intent, None)) => Next::Start(started(plan, &intent)),
        Err(why) => {
            journal::say(environment, &format!("left to compose: {why}"));
            Next::Run(plan)
        }
    }
}

/// What is run after the build: the same, with images that are there.
fn started(mut plan: Plan, intent: &Intent) -> Plan {
    let edits = without_build(&intent.command, &intent.wanted);
    plan.argv = apply(&plan.argv, &edits);
    plan
}

/// Decides what is built.
fn intent(
    environment: &Environment,
    seat: Seat,
    real: &Real,
    plan: &Plan,
    answers: &mut Answers,
) -> Result<Intent, AsItIs> {
    let because = |why: &str| AsItIs(why.to_owned());
    let program = seat.program(&plan.argv);
    let command = parse(program, &plan.argv).map_err(|foreign| AsItIs(foreign.to_string()))?;
    may_build(&command)?;
    let builder = builder::of(environment, program, &command)
        .ok_or_else(|| because("nothing is known of the builder"))?;
    let between = Between {
        environment,
        program,
        passage: plan,
        command: &command,
        builder: &builder,
    };
    let cache = BuildCache::open(environment).filter(|cache| cache.serves(between));
    let loader = match builder.driver {
        Driver::Docker if cache.is_some() => None,
        Driver::Docker => return Err(because("the daemon builds itself")),
        Driver::Remote | Driver::DockerContainer => {
            let unreachable = || because("the builder or the daemon cannot be reached");
            Some(loader(between).ok_or_else(unreachable)?)
        }
        Driver::Kubernetes | Driver::Other => {
            return Err(because("nothing is known of this kind of builder"));
        }
    };
    variables::check(environment, &command)?;
    let separator = variables::separator(environment, &command)?;
    let (question, project) = answers.project(real, plan, &command)?;
    let (model, version) = (&project.model, project.version);
    let daemon = images(between).ok_or_else(|| because("the daemon cannot be reached"))?;
    let wanted = wanted(&command, question, model, separator, |image| {
        Some(daemon.find(image).ok()?.is_some())
    })?;
    if wanted.services.is_empty() {
        return Err(because("nothing is to be built"));
    }
    let circumstances = Circumstances {
        command: &command,
        version,
        separator,
        // A project may name any for its build arguments and secrets.
        variable: &|name| std::env::var(name).ok(),
        output: match loader {
            Some(_) => "type=image",
            None => "type=docker",
        },
    };
    let bake = bake(model, &wanted.services, &circumstances)?;
    Ok(Intent {
        bake,
        command,
        builder,
        loader,
        cache,
        wanted,
    })
}
