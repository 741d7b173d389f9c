//! `docker`, `docker-compose` and the plugin `docker-buildx` as before, in front of the real ones.
//!
//! The name by which the binary is called is its [`Seat`]. A command line is read by the seat's grammar
//! (`cachecore::argv`), decided on (`cachecore::rewrite`), and then handed to the real program by
//! `execve`: its pid, terminal, signals, standard streams and exit code are those that docker would have.
//!
//! **Transparent or absent**: whatever the shim does not understand, cannot read or fails at before it has
//! had any effect goes to the real program as it came. `CACHECORE_LOG` makes it say so.

mod bake;
mod build;
mod builder;
mod cache;
mod child;
mod compose;
mod daemon;
mod doctor;
mod environment;
mod exec;
mod explain;
mod inherited;
mod install;
mod journal;
mod load;
mod manage;
mod metadata;
mod real;
mod relay;
mod report;
mod seat;
mod stdin;
mod trail;

use std::ffi::OsString;
use std::process::ExitCode;

use cachecore::argv::parse;
use cachecore::classify::Kind;
use cachecore::rewrite::Plan;

use load::Between;

pub use environment::Environment;
pub use real::{NotFound, Real};
pub use seat::Seat;

/// What a shell says of a command that cannot be run, and of one that is not there.
const CANNOT_RUN: u8 = 126;
const NOT_THERE: u8 = 127;

/// Everything: from the words of a command line, the program's own name first, to an exit code. Does not
/// return where the real program takes over.
pub fn main(words: Vec<OsString>) -> ExitCode {
    let mut environment = Environment::read();
    let Some(seat) = Seat::of(&words) else {
        return manage::run(&environment, words.get(1..).unwrap_or_default());
    };
    let is_asked = words[1..] == [OsString::from(metadata::WORD)];
    environment.as_plugin |= is_asked;
    let plan = explain::plan(&environment, seat, &words[1..]);
    for reason in &plan.why {
        journal::say(&environment, reason);
    }
    let real = match Real::find(&environment, seat) {
        Ok(real) => real,
        Err(e) => {
            journal::fail(&e.to_string());
            return ExitCode::from(NOT_THERE);
        }
    };
    let found = format!("the real {} is {}", seat.name(), real.path.display());
    journal::detail(&environment, &found);
    if seat.is_plugin()
        && is_asked
        && !environment.disabled
        && let Some(code) = metadata::answer(&environment, seat, &real)
    {
        return code;
    }
    if let Some(code) = build(&environment, seat, &real, &plan) {
        return code;
    }
    match compose::next(&environment, seat, &real, plan) {
        compose::Next::Ended(code) => code,
        compose::Next::Run(plan) => become_real(&real, &plan),
        compose::Next::Start(plan) => {
            // A plugin may be the shim as well, and has nothing to do any more.
            let trail = real.settled.clone();
            become_real(&Real { trail, ..real }, &plan)
        }
    }
}

/// Builds, if it is a build and there is something to do about it.
fn build(environment: &Environment, seat: Seat, real: &Real, plan: &Plan) -> Option<ExitCode> {
    if !matches!(plan.kind, Some(Kind::Build | Kind::Bake)) {
        return None;
    }
    let program = seat.program(&plan.argv);
    let command = parse(program, &plan.argv).ok()?;
    let Some(builder) = builder::of(environment, program, &command) else {
        journal::say(environment, "nothing is known of the build's builder");
        return None;
    };
    let between = Between {
        environment,
        program,
        passage: plan,
        command: &command,
        builder: &builder,
    };
    match plan.kind {
        Some(Kind::Bake) => bake::command(real, between),
        _ => build::run(real, between),
    }
}

/// Hands over to the real program.
fn become_real(real: &Real, plan: &Plan) -> ExitCode {
    let mut variables: Vec<_> = plan
        .environment
        .iter()
        .map(|(name, value)| (*name, value.as_os_str()))
        .collect();
    variables.push((trail::VARIABLE, &real.trail));
    let name = real.name.as_deref().unwrap_or(real.path.as_os_str());
    let error = exec::exec(&real.path, name, &plan.argv, &variables);
    journal::fail(&format!("cannot run {}: {error}", real.path.display()));
    ExitCode::from(CANNOT_RUN)
}
