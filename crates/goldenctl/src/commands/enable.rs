use cachecore::id::ProjectId;
use cachecore::record::{Other, Settings};
use cachecore::trigger;
use camino::Utf8PathBuf;
use jiff::Timestamp;

use super::trigger::{Asking, answer};
use crate::cli::{Enable, Global};
use crate::failure::Failure;
use crate::{exit, private_daemon, show, startup_file};

pub(super) fn enable(global: &Global, args: &Enable) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let settings = Settings {
        enabled: true,
        startup: startup_file::absolute(&args.startup)?,
        folder: here()?,
        timeout_ms: u64::try_from(args.timeout.as_millis()).unwrap_or(u64::MAX),
        volumes: args.volumes.volumes(),
        dockerd: args.daemon.engine.dockerd.clone(),
        network: args.daemon.network.clone(),
        daemon_config: args.daemon.daemon_config.clone(),
        other: Other::new(),
    };
    private_daemon::recover(&store)?;
    store.add_project(&args.project)?;
    let revision = args.revision.as_deref();
    let asked = store.ask(&args.project, |state, _| {
        trigger::enable(state, settings, revision, Timestamp::now())
    })?;
    let asking = Asking {
        store: &store,
        project: &args.project,
        wait: args.patience.wait,
        may_be_disabled: false,
    };
    answer(global, &asking, &asked)
}

pub(super) fn disable(global: &Global, project: &ProjectId) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let asked = store.ask(project, |state, _| trigger::disable(state))?;
    if global.json {
        show::json(&asked.answer);
    } else {
        show::line(&format!(
            "project {project} is disabled: {}",
            asked.answer.reason
        ));
    }
    Ok(exit::OK)
}

/// This command's folder, which the builds run in as well.
fn here() -> Result<Utf8PathBuf, Failure> {
    let failed = |source| Failure::Io {
        action: "find",
        path: "the current folder".into(),
        source,
    };
    let folder = std::env::current_dir().map_err(failed)?;
    Utf8PathBuf::try_from(folder).map_err(|e| failed(e.into_io_error()))
}
