//! Builds of compose with a builder that is not the daemon: one run of bake for all services, then the image
//! of each is brought into the daemon, as far as that lacks it. What starts services starts them afterwards.

mod ask;
mod bake;
mod variables;

use std::process::ExitCode;

use cachecore::argv::edit::apply;
use cachecore::argv::{Command, parse};
use cachecore::builder::{Builder, Driver};
use cachecore::classify::Kind;
use cachecore::compose::{
    AsItIs, Bake, Circumstances, Wanted, bake, question, wanted, without_build,
};
use cachecore::rewrite::Plan;
use serde::Serialize;

use crate::load::{Between, Loader, loader};
use crate::{Environment, Real, Seat, builder, journal};

/// What becomes of a command.
pub(crate) enum Next {
    /// It is done.
    Ended(ExitCode),
    /// The real program goes on, with these words.
    Run(Plan),
}

/// What is built, and by what.
#[derive(Debug)]
struct Intent {
    bake: Bake,
    command: Command,
    builder: Builder,
    loader: Loader,
    wanted: Wanted,
}

/// What would be built, and why nothing would.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Explained {
    /// It is built with the builder, and brought into the daemon.
    Builds(Bake),
    /// It is left to compose.
    AsItIs {
        /// Why.
        why: AsItIs,
    },
}

/// Decides without building; `None` if it is not compose's.
pub(crate) fn explained(environment: &Environment, seat: Seat, plan: &Plan) -> Option<Explained> {
    if !concerns(plan) {
        return None;
    }
    let real = Real::find(environment, seat).map_err(|e| AsItIs(e.to_string()));
    let intent = real.and_then(|real| intent(environment, seat, &real, plan));
    Some(match intent {
        Ok(intent) => Explained::Builds(intent.bake),
        Err(why) => Explained::AsItIs { why },
    })
}

fn concerns(plan: &Plan) -> bool {
    matches!(plan.kind, Some(Kind::ComposeBuild | Kind::ComposeStart))
}

/// Builds, if the command does and that can be done here.
pub(crate) fn next(environment: &Environment, seat: Seat, real: &Real, plan: Plan) -> Next {
    if !concerns(&plan) {
        return Next::Run(plan);
    }
    let mut intent = match intent(environment, seat, real, &plan) {
        Ok(intent) => intent,
        Err(why) => {
            journal::say(environment, &format!("left to compose: {why}"));
            return Next::Run(plan);
        }
    };
    let built = match bake::run(environment, seat, real, &plan, &mut intent) {
        Ok(built) => built,
        Err(why) => {
            journal::say(environment, &format!("left to compose: {why}"));
            return Next::Run(plan);
        }
    };
    if let Some(code) = built {
        return Next::Ended(code);
    }
    if plan.kind == Some(Kind::ComposeBuild) {
        return Next::Ended(ExitCode::SUCCESS);
    }
    Next::Run(started(plan, &intent))
}

/// What is run after the build: the same, with images that are there.
fn started(mut plan: Plan, intent: &Intent) -> Plan {
    let edits = without_build(&intent.command, &intent.wanted);
    plan.argv = apply(&plan.argv, &edits);
    // A plugin of that name may be the shim as well, and has nothing to do any more.
    plan.environment.push(("CACHECORE_DISABLE", "1".into()));
    plan
}

/// Decides what is built.
fn intent(
    environment: &Environment,
    seat: Seat,
    real: &Real,
    plan: &Plan,
) -> Result<Intent, AsItIs> {
    let because = |why: &str| AsItIs(why.to_owned());
    let program = seat.program(&plan.argv);
    let command = parse(program, &plan.argv).map_err(|foreign| AsItIs(foreign.to_string()))?;
    let question = question(&command, &plan.argv)?;
    let builder = builder::of(environment, program, &command)
        .ok_or_else(|| because("nothing is known of the builder"))?;
    match builder.driver {
        Driver::Remote | Driver::DockerContainer => {}
        Driver::Docker => return Err(because("the daemon builds itself")),
        Driver::Kubernetes | Driver::Other => {
            return Err(because("nothing is known of this kind of builder"));
        }
    }
    let between = Between {
        environment,
        program,
        passage: plan,
        command: &command,
        builder: &builder,
    };
    let loader =
        loader(between).ok_or_else(|| because("the builder or the daemon cannot be reached"))?;
    variables::check(environment, &command)?;
    let (model, version) = ask::project(real, plan, &question)?;
    let separator = variables::separator(environment, &command)?;
    let wanted = wanted(&command, &question, &model, separator, |image| {
        loader.is_there(image).ok()
    })?;
    if wanted.services.is_empty() {
        return Err(because("nothing is to be built"));
    }
    let circumstances = Circumstances {
        command: &command,
        version,
        separator,
        variable: &|name| std::env::var(name).ok(),
        output: "type=image",
    };
    let bake = bake(&model, &wanted.services, &circumstances)?;
    Ok(Intent {
        command,
        builder,
        loader,
        wanted,
        bake,
    })
}
