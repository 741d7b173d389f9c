//! Builders: processes that answer requests for golden builds, one a project and only while there is
//! something to build. There is no service.
//!
//! A command that records a request starts a builder, detached, and returns. The builder takes the
//! right to build and gives it back only when no request waits (`goldenstore`'s `requests` says how
//! nothing falls between the two). If it is killed, what waits is built when the next command asks,
//! at the latest by `goldenctl trigger --all`, which belongs into a timer.

mod detached;

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cachecore::id::ProjectId;
use cachecore::record::{ProjectState, RunningBuild, Settings};
use cachecore::trigger::{self, Facts, Golden, Taken};
use goldenstore::{Store, StoreError};
use jiff::Timestamp;

use crate::cli::{DaemonChoice, EngineChoice};
use crate::failure::Failure;
use crate::golden_build::{self, BuildRequest};
use crate::interrupt::{self, Interactive};
use crate::progress::Progress;
use crate::{exit, private_daemon, startup_file};

/// Variables that a builder takes from whoever starts it. A build must not depend on who asked for
/// it: a merge hook's `GIT_DIR`, say, would lead every git in the startup file astray.
const VARIABLES: [&str; 18] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];
/// Beginnings of further ones.
const FAMILIES: [&str; 6] = [
    "LC_",
    "DOCKER_",
    "BUILDKIT_",
    "BUILDX_",
    "COMPOSE_",
    "CACHECORE_",
];

/// Starts a builder that lives on after this command.
pub(crate) fn start(store: &Store, project: &ProjectId) -> Result<(), Failure> {
    let failed = |source| Failure::Io {
        action: "start a builder with",
        path: "goldenctl".into(),
        source,
    };
    // A builder may live for hours: the pipe of a hook, or a lock, would stay open as long.
    detached::keep_descriptors().map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command
        .args(["--root", store.layout().root().as_str()])
        .args(["builder", project.as_str()])
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_kept(name)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    detached::own_session(&mut command);
    // It is nobody's to wait for: whoever wants its result looks at the project's state.
    command.spawn().map(drop).map_err(failed)
}

fn is_kept(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    VARIABLES.contains(&name.as_ref()) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// The life of a builder.
pub(crate) fn run(store: &Store, project: &ProjectId) -> Result<u8, Failure> {
    let interrupted = interrupt::watch(Interactive::No);
    private_daemon::recover(store)?;
    let mut right = match store.begin_build(project) {
        Ok(right) => right,
        // Whoever builds sees what waits.
        Err(StoreError::Busy { .. }) => return Ok(exit::OK),
        Err(e) => return Err(e.into()),
    };
    while !interrupted.load(Ordering::SeqCst) {
        let (build, session) = golden_build::fresh()?;
        let now = Timestamp::now();
        let (taken, kept) = store.take_request(right, project, |state, golden| {
            let facts = facts(state, golden);
            trigger::take(state, &build, &session, &facts, now)
        })?;
        let Some(kept) = kept else {
            return Ok(exit::OK);
        };
        right = kept;
        if let Taken::Build(request) = taken {
            let running = RunningBuild {
                build,
                session,
                started_at: now,
                revision: request.revision.clone(),
                request: Some(request),
                cancelled_at: None,
            };
            answer(store, project, &running, &interrupted)?;
        }
    }
    Ok(exit::INTERRUPTED)
}

/// Builds what was taken. That it comes to nothing stands in the project's state.
fn answer(
    store: &Store,
    project: &ProjectId,
    running: &RunningBuild,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let Some(settings) = store.project_state(project)?.settings else {
        return Ok(());
    };
    let daemon = daemon(&settings);
    let request = build_request(project, &settings, running, &daemon);
    let deadline = Instant::now() + request.timeout;
    let progress = Progress::new("building", interrupted.clone());
    let built = golden_build::run(store, &request, running, deadline, interrupted, &progress);
    if let Err(error) = built {
        tracing::warn!(%project, %error, "the build came to nothing");
    }
    Ok(())
}

/// What a request for a project is compared with.
pub(crate) fn facts(state: &ProjectState, golden: Option<Golden>) -> Facts {
    let startup = state.settings.as_ref().map(|settings| &settings.startup);
    Facts {
        golden,
        startup_sha256: startup.and_then(|file| startup_file::sha256(file).ok()),
    }
}

fn daemon(settings: &Settings) -> DaemonChoice {
    DaemonChoice {
        engine: EngineChoice {
            dockerd: settings.dockerd.clone(),
        },
        network: settings.network.clone(),
        daemon_config: settings.daemon_config.clone(),
    }
}

fn build_request<'a>(
    project: &ProjectId,
    settings: &Settings,
    running: &RunningBuild,
    daemon: &'a DaemonChoice,
) -> BuildRequest<'a> {
    BuildRequest {
        project: project.clone(),
        startup: startup_file::command(&settings.startup),
        timeout: Duration::from_millis(settings.timeout_ms),
        revision: running.revision.clone(),
        volumes: settings.volumes.clone(),
        trust_layers: false,
        containerd: false,
        daemon,
        folder: Some(settings.folder.clone()),
        startup_file: Some(settings.startup.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hook_sets_for_git_does_not_reach_a_build() {
        for (name, kept) in [
            ("PATH", true),
            ("DOCKER_CONFIG", true),
            ("CACHECORE_DOCKERD", true),
            ("GIT_DIR", false),
            ("GIT_QUARANTINE_PATH", false),
            ("PATHS", false),
            ("SSH_AUTH_SOCK", false),
        ] {
            assert_eq!(is_kept(OsStr::new(name)), kept, "{name}");
        }
    }
}
