//! dockerd's command line and configuration file: decided here, carried out elsewhere.

mod history;

use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

/// `sun_path` of a unix socket's address, less the final zero.
const SOCKET_PATH_MAX: usize = 107;

/// The longest path of a socket that dockerd or its containerd makes below the exec root.
const LONGEST_SOCKET: &str = "containerd/containerd-debug.sock.ttrpc";

/// Where things lie in a daemon's runtime folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) exec_root: Utf8PathBuf,
    pub(crate) socket: Utf8PathBuf,
    pub(crate) pid_file: Utf8PathBuf,
    pub(crate) config: Utf8PathBuf,
    pub(crate) log: Utf8PathBuf,
    pub(crate) trust_key: Utf8PathBuf,
}

impl Layout {
    pub(crate) fn below(runtime_dir: &Utf8Path) -> Self {
        Self {
            exec_root: runtime_dir.join("exec"),
            socket: runtime_dir.join("docker.sock"),
            pid_file: runtime_dir.join("docker.pid"),
            config: runtime_dir.join("daemon.json"),
            log: runtime_dir.join("dockerd.log"),
            trust_key: runtime_dir.join("key.json"),
        }
    }

    /// By how many bytes the paths of sockets are too long here; 0 if they fit.
    pub(crate) fn excess(&self) -> usize {
        let longest = self.exec_root.join(LONGEST_SOCKET).as_str().len();
        longest
            .max(self.socket.as_str().len())
            .saturating_sub(SOCKET_PATH_MAX)
    }
}

/// dockerd's arguments.
pub(crate) fn arguments(
    layout: &Layout,
    data_root: &Utf8Path,
    storage_driver: Option<&str>,
) -> Vec<OsString> {
    let mut arguments = vec![
        // Without this the host's /etc/docker/daemon.json would be read.
        format!("--config-file={}", layout.config),
        format!("--data-root={data_root}"),
        format!("--exec-root={}", layout.exec_root),
        format!("--pidfile={}", layout.pid_file),
        format!("--host=unix://{}", layout.socket),
    ];
    arguments.extend(storage_driver.map(|driver| format!("--storage-driver={driver}")));
    arguments.into_iter().map(OsString::from).collect()
}

/// The contents of daemon.json: what an enclosure needs, and over it what the caller wants.
pub(crate) fn daemon_json(
    layout: &Layout,
    version: Option<&str>,
    cgroup_parent: &str,
    remembered_builds: Option<u32>,
    extra: &Value,
) -> Value {
    let mut config = json!({
        // systemd would be asked over D-Bus, and told pids that mean nothing outside.
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": cgroup_parent,
    });
    if version.is_some_and(makes_trust_key) {
        config["deprecated-key-path"] = layout.trust_key.as_str().into();
    }
    if let Some(most) = remembered_builds {
        config["builder"] = history::settings(version, most);
    }
    merge(&mut config, extra);
    config
}

/// Whether a dockerd writes `/etc/docker/key.json` where there is none. Version 23 stopped that
/// (moby#43555), and a dockerd ends at a setting that it does not know.
fn makes_trust_key(version: &str) -> bool {
    release(version).is_some_and(|release| release < (23, 0))
}

/// The first two numbers of an engine's version.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Objects are merged key by key, anything else is replaced; null changes nothing.
fn merge(base: &mut Value, extra: &Value) {
    match (base, extra) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(extra)) => {
            for (key, value) in extra {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, extra) => *base = extra.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_configuration_is_merged_over_ours() {
        let layout = Layout::below(Utf8Path::new("/run/x"));
        let daemon_json = |parent, extra| daemon_json(&layout, Some("26.1.5"), parent, None, extra);
        let extra = json!({"features": {"containerd-snapshotter": true}, "cgroup-parent": "/x"});
        assert_eq!(
            daemon_json("/cachecore/a", &extra),
            json!({
                "exec-opts": ["native.cgroupdriver=cgroupfs"],
                "cgroup-parent": "/x",
                "features": {"containerd-snapshotter": true},
            })
        );
        assert_eq!(
            daemon_json("/cachecore/a", &Value::Null)["cgroup-parent"],
            "/cachecore/a"
        );
    }

    #[test]
    fn the_trust_key_of_old_engines_is_kept_out_of_etc() {
        let layout = Layout::below(Utf8Path::new("/run/x"));
        for (version, expected) in [
            (Some("19.03.13"), json!("/run/x/key.json")),
            (Some("20.10.24"), json!("/run/x/key.json")),
            (Some("23.0.0"), Value::Null),
            (Some("29.0.0-rc.1"), Value::Null),
            (None, Value::Null),
        ] {
            let config = daemon_json(&layout, version, "/p", None, &Value::Null);
            assert_eq!(config["deprecated-key-path"], expected, "{version:?}");
        }
    }

    #[test]
    fn nothing_of_the_host_is_named() {
        let layout = Layout::below(Utf8Path::new("/run/x"));
        assert_eq!(
            arguments(&layout, Utf8Path::new("/data"), Some("overlay2")),
            [
                "--config-file=/run/x/daemon.json",
                "--data-root=/data",
                "--exec-root=/run/x/exec",
                "--pidfile=/run/x/docker.pid",
                "--host=unix:///run/x/docker.sock",
                "--storage-driver=overlay2",
            ]
        );
    }

    #[test]
    fn long_folders_are_recognised_before_dockerd_fails_on_them() {
        let fits = 107 - "/exec/".len() - LONGEST_SOCKET.len();
        let folder = |length| Utf8PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        assert_eq!(Layout::below(&folder(fits)).excess(), 0);
        assert_eq!(Layout::below(&folder(fits + 3)).excess(), 3);
    }
}
