//! A request for a golden build that waits.

use cachecore::id::ProjectId;
use cachecore::promotion::Volumes;
use cachecore::record::{Other, Settings};
use cachecore::trigger;
use camino::Utf8PathBuf;
use goldenstore::Store;
use jiff::Timestamp;

/// Leaves a project as `enable` does before a builder has taken the request, or as a builder that was
/// killed does.
///
/// # Panics
/// If the request cannot be recorded.
pub fn leave(store: &Store, project: &ProjectId) {
    leave_with(store, project, "/srv/startup".into(), None);
}

/// The same with a startup file that is there, and the dockerd to run it beside.
///
/// # Panics
/// If the request cannot be recorded.
pub fn leave_with(
    store: &Store,
    project: &ProjectId,
    startup: Utf8PathBuf,
    dockerd: Option<Utf8PathBuf>,
) {
    let settings = Settings {
        enabled: true,
        folder: startup.parent().unwrap().to_owned(),
        startup,
        timeout_ms: 60_000,
        volumes: Volumes::Keep,
        dockerd,
        network: "isolated".into(),
        daemon_config: None,
        other: Other::new(),
    };
    store
        .ask(project, |state, _| {
            trigger::enable(state, settings, None, Timestamp::UNIX_EPOCH)
        })
        .unwrap();
}
