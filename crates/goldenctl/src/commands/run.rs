use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitStatus;

use cachecore::id::SessionId;
use cachecore::record::Purpose;
use engine::{EnclosedCommand, Limits, Output, PrivateDaemon, Stdin};
use goldenstore::{Silent, StartReport, StartRequest, Store, StoreError, fresh_build_id};
use jiff::Timestamp;

use crate::cli::{Global, Run};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{exit, private_daemon, show};

pub(super) fn run(global: &Global, args: &Run) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let interactive = if std::io::stdin().is_terminal() {
        Interactive::Yes
    } else {
        Interactive::No
    };
    let interrupted = interrupt::watch(interactive);
    let limits = Limits {
        deadline: None,
        interrupted: &interrupted,
    };
    let name = fresh_build_id(Timestamp::now()).map_err(StoreError::from)?;
    let session = SessionId::new(&format!("run-{name}")).map_err(StoreError::from)?;
    let progress = Progress::new("cloning the golden", interrupted.clone());
    let request = StartRequest::new(args.project.clone(), session);
    let started = store.start_held_session(&request, Purpose::Run, &progress);
    let held = started.map_err(|e| Failure::from(e).if_interrupted(|| Kept::NoRun))?;
    let mut left = Kept::NoRun;
    let ran = in_session(&store, &held.report, args, &limits, &progress);
    if args.keep {
        let kept = store.keep_session(held)?;
        drop(progress);
        show::note(&format!(
            "session {} is kept: {}",
            kept.session, kept.data_root
        ));
        left = Kept::Run {
            session: kept.session,
        };
    } else {
        progress.phase("removing the session");
        if let Err(error) = store.discard_session(held, &Silent) {
            tracing::warn!(%error, "the session is left for the next command");
        }
    }
    let status = ran.map_err(|failure| failure.if_interrupted(|| left))?;
    Ok(exit::of_status(status))
}

fn in_session(
    store: &Store,
    session: &StartReport,
    args: &Run,
    limits: &Limits<'_>,
    progress: &Progress,
) -> Result<ExitStatus, Failure> {
    progress.phase("starting the daemon");
    let options = private_daemon::options(store, session, &args.daemon)?;
    let mut daemon = PrivateDaemon::start(options, limits)?;
    let word = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    let command = EnclosedCommand {
        argv: args.command.clone(),
        env: vec![
            word("CACHECORE_PROJECT", session.project.as_str()),
            word("CACHECORE_SESSION", session.session.as_str()),
        ],
        current_dir: None,
        stdin: Stdin::Inherit,
        output: Output::Inherit,
    };
    progress.pause();
    let status = daemon.run(&command, &mut (), limits)?;
    if args.keep {
        // What is kept is a data root that a daemon has closed properly.
        progress.phase("stopping the daemon");
        daemon.stop(limits)?;
    } else {
        daemon.kill();
    }
    Ok(status)
}
