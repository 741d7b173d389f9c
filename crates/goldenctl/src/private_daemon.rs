//! A session's private daemon: where it runs, what it sees, and what a killed one left.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use cachecore::dataroot::Kind;
use cachecore::strategy::{Filesystem, Strategy};
use camino::Utf8PathBuf;
use engine::{DaemonOptions, Engine, Network};
use goldenstore::{StartReport, Store};
use serde_json::Value;

use crate::cli::DaemonChoice;
use crate::failure::Failure;

/// Where the runtime folders lie: sockets, pid files, exec roots. Short, because the path of a unix
/// socket has at most 107 bytes, and on a filesystem that a reboot empties.
const RUNTIME: &str = "/run/cachecore";

/// A golden is built again and again, and what BuildKit remembers of each build goes into the next one
/// and into every session. These are for whoever looks at what went wrong in the last builds.
const REMEMBERED_BUILDS: u32 = 8;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// How to start the daemon of a session.
pub(crate) fn options(
    store: &Store,
    session: &StartReport,
    choice: &DaemonChoice,
) -> Result<DaemonOptions, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let engine = Engine::find(choice.engine.dockerd.as_deref(), &path)?;
    make_runtime()?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // A linked session writes its own files only; the daemon is kept from the layers as the
    // session's container will be. Without links there is nothing of the store to see.
    let read_only = match session.strategy {
        Strategy::Link => vec![store.layout().layers()],
        _ => Vec::new(),
    };
    Ok(DaemonOptions {
        engine,
        data_root: session.data_root.clone(),
        containerd_root: session.containerd.clone(),
        runtime_dir: Utf8PathBuf::from(format!(
            "{RUNTIME}/{}-{count}-{}",
            std::process::id(),
            pid_namespace()
        )),
        read_only,
        network: match choice.network.as_str() {
            "isolated" => Network::Isolated,
            _ => Network::Nat,
        },
        storage_driver: driver(store, session, choice)?,
        remembered_builds: Some(REMEMBERED_BUILDS),
        extra_config: config(store, session, choice)?,
    })
}

/// The daemon's settings: the caller's, and the image store that the golden has. Without it a daemon
/// would keep to the store that its version prefers, and see no image in the other.
fn config(store: &Store, session: &StartReport, choice: &DaemonChoice) -> Result<Value, Failure> {
    const SETTING: &str = "containerd-snapshotter";
    let mut config = choice.daemon_config.clone().unwrap_or_default();
    let on_containerd = match session.generation {
        Some(generation) => {
            let manifest = store.manifest(&session.project, generation)?;
            matches!(manifest.kind, Kind::Containerd(_))
        }
        None => session.containerd.is_some(),
    };
    let features = config.get("features");
    let chosen =
        features.is_some_and(|features| features.get(SETTING).is_some() || !features.is_object());
    if on_containerd && !chosen {
        config["features"][SETTING] = true.into();
    }
    Ok(config)
}

/// The storage driver to ask for. On btrfs some versions of dockerd take the driver of that name for
/// an empty data root, whose layers are subvolumes that nobody but that driver can clone.
fn driver(
    store: &Store,
    session: &StartReport,
    choice: &DaemonChoice,
) -> Result<Option<String>, Failure> {
    let config = choice.daemon_config.as_ref();
    let chosen = ["storage-driver", "features"]
        .iter()
        .any(|setting| config.is_some_and(|config| config.get(setting).is_some()));
    let would_guess = session.strategy == Strategy::Empty
        && session.containerd.is_none()
        && store.filesystem()? == Filesystem::Btrfs;
    Ok((would_guess && !chosen).then(|| "overlay2".to_owned()))
}

/// The pid namespace of this process, by the inode of its file: pids mean nothing outside of theirs.
fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |found| found.ino())
}

fn make_runtime() -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(RUNTIME)
        .map_err(|source| Failure::Io {
            action: "make the folder",
            path: RUNTIME.into(),
            source,
        })
}

/// Makes good what killed commands left, in the store and outside it.
pub(crate) fn recover(store: &Store) -> Result<(), Failure> {
    store.recover()?;
    sweep();
    Ok(())
}

/// Removes what daemons of killed commands left outside the store: runtime folders, control groups,
/// firewall rules. Failing to is no reason not to go on.
pub(crate) fn sweep() {
    for entry in std::fs::read_dir(RUNTIME).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| {
            let (pid, rest) = name.split_once('-')?;
            let (_, namespace) = rest.split_once('-')?;
            Some((pid.parse::<u32>().ok()?, namespace.parse::<u64>().ok()?))
        });
        let Some((pid, namespace)) = owner else {
            continue;
        };
        // Processes of another namespace cannot be seen from here.
        if namespace != pid_namespace() {
            continue;
        }
        if Path::new("/proc").join(pid.to_string()).exists() {
            continue;
        }
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(folder = %entry.path().display(), %error, "left for later");
        }
    }
    engine::sweep_cgroups();
    if let Err(error) = engine::sweep_networks() {
        // Where there is no iptables there are no rules either.
        tracing::info!(%error, "firewall rules of killed daemons were not looked for");
    }
}
