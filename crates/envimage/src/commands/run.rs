use std::io::IsTerminal as _;

use cachecore::environment::launch::{Options, limits};

use crate::cli::RunArgs;
use crate::daemon::Daemon;
use crate::ensure::{self, Verdict};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::read::Loaded;
use crate::run::{self, Request};
use crate::state::State;
use crate::{exit, read, show};

pub(super) fn run(args: &RunArgs, json: bool) -> Result<u8, Failure> {
    let subject = read::load(&args.spec)?;
    let request = request(args, &subject)?;
    let daemon = Daemon::from_environment();
    let state = State::from_environment()?;
    let ensured = ensure::ensure(
        &subject,
        &daemon,
        &state,
        super::ensure::wishes(&args.wishes),
        &mut Progress::begin(),
    )?;
    // A command for which all is as it should be has stderr for itself.
    let mut stages = ensured.stages.iter();
    let is_news = |verdict| matches!(verdict, Verdict::Built | Verdict::Failed);
    if stages.any(|stage| is_news(stage.verdict) || stage.again.is_some()) {
        show::stages(&ensured);
    }
    let launch = run::prepare(&subject, &daemon, &state, &ensured, request)?;
    for lacking in &launch.lacking {
        show::note(&format!("envimage: {lacking}"));
    }
    match (args.print, json) {
        (false, _) => return Err(launch.exec(&daemon).into()),
        (true, true) => show::json(&launch),
        (true, false) => show::line(&launch.docker.line()),
    }
    Ok(exit::OK)
}

fn request(args: &RunArgs, subject: &Loaded) -> Result<Request, Failure> {
    let mut allowed = subject.spec.limits.clone();
    for said in &args.limits {
        allowed = limits(said, allowed)?;
    }
    Ok(Request {
        options: Options {
            name: args.name.clone(),
            keep: args.keep,
            variables: args.env.clone(),
            mounts: args.mount.clone(),
            network: args.network.clone(),
            folder: args.workdir.clone(),
            terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        },
        limits: Some(allowed),
        user: args.user.clone(),
        command: args.command.clone(),
    })
}
