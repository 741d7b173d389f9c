use std::ffi::OsString;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use engine::{
    DaemonOptions, EnclosedCommand, Limits, Network, Output, OutputSink, PrivateDaemon, Stream,
};
use serde_json::Value;

use super::eventually;
use super::release::{self, Release};
use super::workplace::Workplace;

/// Where a session's daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A process of this machine, in an enclosure that has the session's read-only mounts.
    Enclosed,
    /// A process in a privileged container of another daemon, with the session's mounts as
    /// `session start` prints them.
    Contained,
}

/// A daemon on a session's data root, and what is run with it. Dropping it kills everything.
#[derive(Debug)]
pub struct Session<'w> {
    work: &'w Workplace,
    place: Place,
    mounts: Vec<Mount>,
    settings: Value,
    /// The session's own, or the one that runs its container.
    daemon: Option<PrivateDaemon>,
}

#[derive(Debug, serde::Deserialize)]
struct Mount {
    source: Utf8PathBuf,
    target: Utf8PathBuf,
    read_only: bool,
}

/// How a script ended.
#[derive(Debug)]
struct Outcome {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl<'w> Session<'w> {
    /// Starts the daemon of a session that `session start --json` has reported.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(work: &'w Workplace, place: Place, report: &Value) -> Self {
        Self::start_with(work, place, report, Value::Null)
    }

    /// The same with settings for the daemon's `daemon.json`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_with(work: &'w Workplace, place: Place, report: &Value, settings: Value) -> Self {
        let mut session = Self {
            work,
            place,
            mounts: serde_json::from_value(report["mounts"].clone()).unwrap(),
            settings,
            daemon: None,
        };
        if place == Place::Contained {
            session.start_outer();
        }
        session.begin();
        session
    }

    /// Starts the daemon that runs the session's container: always the newer one. The older gives a
    /// privileged container every capability it knows of, also one that this machine has not.
    fn start_outer(&mut self) {
        let data_root = self.work.fresh_path("outer");
        self.daemon = Some(self.spawn(Release::V26_1, data_root, None, Vec::new(), Value::Null));
        let folder = self.work.project.folder();
        let import = format!("tar -C {folder}/machine -c . | docker import - machine");
        self.ask(&["sh", "-ec", &import]).succeeded(&import);
    }

    fn spawn(
        &self,
        release: Release,
        data_root: Utf8PathBuf,
        containerd_root: Option<Utf8PathBuf>,
        read_only: Vec<Utf8PathBuf>,
        extra_config: Value,
    ) -> PrivateDaemon {
        let options = DaemonOptions {
            engine: release.engine(),
            data_root,
            containerd_root,
            runtime_dir: runtime_folder(),
            read_only,
            network: Network::Isolated,
            storage_driver: None,
            remembered_builds: None,
            extra_config,
        };
        PrivateDaemon::start(options, &ample()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn begin(&mut self) {
        match self.place {
            Place::Enclosed => self.enclose(),
            Place::Contained => self.contain(),
        }
    }

    fn end(&mut self) {
        match self.place {
            Place::Enclosed => self.stop_enclosed(),
            Place::Contained => self.stop_contained(),
        }
    }

    fn enclose(&mut self) {
        let read_only = self.mounts.iter().filter(|mount| mount.read_only);
        let read_only = read_only.map(|mount| mount.source.clone()).collect();
        let data_root = self.own_mount().source.clone();
        let containerd = self.containerd_mount().map(|mount| mount.source.clone());
        let settings = self.settings.clone();
        let release = self.work.release;
        self.daemon = Some(self.spawn(release, data_root, containerd, read_only, settings));
    }

    fn own_mount(&self) -> &Mount {
        self.mounts.iter().find(|mount| !mount.read_only).unwrap()
    }

    /// The mount of a containerd whose root lies outside the data root.
    fn containerd_mount(&self) -> Option<&Mount> {
        let mut mounts = self.mounts.iter();
        mounts.find(|mount| mount.target == "/var/lib/containerd")
    }

    /// Starts the session's container, with a dockerd in it, and a containerd beside that where the
    /// session has a folder for one.
    fn contain(&mut self) {
        let engines = release::folder();
        let dockerd = self.work.release.dockerd();
        let bin = dockerd.parent().unwrap();
        let mut words: Vec<String> = [
            "docker",
            "run",
            "--detach",
            "--privileged",
            "--name=session",
            "--tmpfs=/run",
            "--volume=/usr:/usr:ro",
            "--volume=/etc/alternatives:/etc/alternatives:ro",
        ]
        .map(str::to_owned)
        .to_vec();
        words.push(format!("--volume={engines}:{engines}:ro"));
        let project = self.work.project.folder();
        words.push(format!("--volume={project}:{project}:ro"));
        // Not read-only: buildx notes there when it was last used.
        let config = self.work.client_config();
        words.push(format!("--volume={config}:{config}"));
        for mount in &self.mounts {
            let mode = if mount.read_only { ":ro" } else { "" };
            words.push(format!("--volume={}:{}{mode}", mount.source, mount.target));
        }
        words.push(format!("--env=PATH={bin}:/usr/sbin:/usr/bin"));
        words.push(format!(
            "--env=SETTINGS={}",
            match &self.settings {
                Value::Null => "{}".to_owned(),
                settings => settings.to_string(),
            }
        ));
        words.extend(
            self.work
                .variables()
                .map(|(name, value)| format!("--env={name}={value}")),
        );
        words.extend(["machine", "sh", "-ec", CONTAINED].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.ask(&words).succeeded("the session's container");
        eventually("the daemon in the container answers", || {
            let running = self.ask(&[
                "docker",
                "inspect",
                "--format={{.State.Running}}",
                "session",
            ]);
            if running.stdout.trim() != "true" {
                let log = self.ask(&["docker", "logs", "session"]);
                panic!("the daemon in the container has ended: {}", log.stderr);
            }
            self.ask(&["docker", "exec", "session", "docker", "version"])
                .status
                .success()
        });
    }

    /// The session's data root, as its daemon sees it.
    pub fn data_root(&self) -> Utf8PathBuf {
        match self.place {
            Place::Enclosed => self.own_mount().source.clone(),
            Place::Contained => self.own_mount().target.clone(),
        }
    }

    /// Runs a shell script in the session, which has to succeed. Gives what it printed, trimmed.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn run(&mut self, script: &str) -> String {
        self.script(script).succeeded(script)
    }

    /// Runs a shell script that has to fail. Gives all that it said.
    ///
    /// # Panics
    /// If it succeeds.
    #[track_caller]
    pub fn refuses(&mut self, script: &str) -> String {
        let outcome = self.script(script);
        assert!(
            !outcome.status.success(),
            "`{script}` succeeded: {outcome:?}"
        );
        outcome.stdout + &outcome.stderr
    }

    /// Stops the daemon in order and starts it again.
    ///
    /// # Panics
    /// If it does not stop or start.
    pub fn restart(&mut self) {
        self.end();
        self.begin();
    }

    /// Stops the daemon in order.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(mut self) {
        self.end();
    }

    fn stop_enclosed(&mut self) {
        let daemon = self.daemon.take().unwrap();
        let report = daemon.stop(&ample()).unwrap();
        assert!(!report.killed, "{report:?}");
    }

    fn stop_contained(&mut self) {
        let stop = ["docker", "stop", "--time=60", "session"];
        self.ask(&stop).succeeded("docker stop");
        let code = [
            "docker",
            "inspect",
            "--format={{.State.ExitCode}}",
            "session",
        ];
        assert_eq!(self.ask(&code).stdout.trim(), "0", "the inner dockerd's");
        self.ask(&["docker", "rm", "session"])
            .succeeded("docker rm");
    }

    fn script(&mut self, script: &str) -> Outcome {
        match self.place {
            Place::Enclosed => self.ask(&["sh", "-ec", script]),
            Place::Contained => self.ask(&["docker", "exec", "session", "sh", "-ec", script]),
        }
    }

    /// Runs a command beside the daemon.
    fn ask(&mut self, words: &[&str]) -> Outcome {
        let variables = self.work.variables().into_iter();
        let command = EnclosedCommand {
            argv: words.iter().map(OsString::from).collect(),
            env: variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            output: Output::Captured,
            ..EnclosedCommand::default()
        };
        let mut written = Written::default();
        let daemon = self.daemon.as_mut().unwrap();
        let status = daemon
            .run(&command, &mut written, &ample())
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        Outcome {
            status,
            stdout: String::from_utf8_lossy(&written.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&written.stderr).into_owned(),
        }
    }
}

/// The life of a session's container. With cgroup v2 a group that has processes cannot have groups
/// below it, so the container's own processes move to one side first.
const CONTAINED: &str = r#"
    printf %s "$SETTINGS" > /etc/docker/daemon.json
    if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
        mkdir -p /sys/fs/cgroup/init
        xargs -rn1 < /sys/fs/cgroup/cgroup.procs > /sys/fs/cgroup/init/cgroup.procs || :
        sed 's/ / +/g; s/^/+/' < /sys/fs/cgroup/cgroup.controllers \
            > /sys/fs/cgroup/cgroup.subtree_control
    fi
    [ -d /var/lib/containerd ] || exec dockerd
    # As the services of a host: one containerd, and a dockerd that is told where it is.
    containerd > /run/containerd.log 2>&1 & containerd=$!
    dockerd --containerd=/run/containerd/containerd.sock & dockerd=$!
    trap 'kill -TERM $dockerd' TERM
    wait $dockerd || wait $dockerd
    kill -TERM $containerd
    wait $containerd
"#;

impl Outcome {
    #[track_caller]
    fn succeeded(self, what: &str) -> String {
        let status = self.status;
        assert!(
            status.success(),
            "`{what}` ended with {status}\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self.stdout.trim().to_owned()
    }
}

#[derive(Default)]
struct Written {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl OutputSink for Written {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(bytes),
            Stream::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }
}

/// A short path, for the sockets in it, where the next `goldenctl` removes what a killed test left.
fn runtime_folder() -> Utf8PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::fs::create_dir_all("/run/cachecore").unwrap();
    format!("/run/cachecore/{}-test{count}", std::process::id()).into()
}

/// Limits that only a broken test reaches.
fn ample() -> Limits<'static> {
    static NEVER: AtomicBool = AtomicBool::new(false);
    Limits {
        deadline: Some(Instant::now() + Duration::from_secs(120)),
        interrupted: &NEVER,
    }
}
