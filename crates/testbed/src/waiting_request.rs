//! A request for a golden build that waits.

use cachecore::id::ProjectId;
use cachecore::promotion::Volumes;
use cachecore::record::{Other, Settings};
use cachecore::trigger;
use goldenstore::Store;
use jiff::Timestamp;

/// Leaves a project as `enable` does before a builder has taken the request, or as a builder that was
/// killed does.
///
/// # Panics
/// If the request cannot be recorded.
pub fn leave(store: &Store, project: &ProjectId) {
    let settings = Settings {
        enabled: true,
        startup: "/srv/startup".into(),
        folder: "/srv".into(),
        timeout_ms: 60_000,
        volumes: Volumes::Keep,
        dockerd: None,
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
