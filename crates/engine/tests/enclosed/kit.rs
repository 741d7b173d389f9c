//! What every test here needs: an engine, folders, and questions about the whole machine.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use engine::{
    DaemonOptions, EnclosedCommand, Engine, Limits, Network, Output, OutputSink, PrivateDaemon,
    RunError, Stream,
};

static NEVER: AtomicBool = AtomicBool::new(false);

/// Limits that only a broken test reaches.
pub(crate) fn ample() -> Limits<'static> {
    within(Duration::from_secs(90))
}

pub(crate) fn within(time: Duration) -> Limits<'static> {
    Limits {
        deadline: Some(Instant::now() + time),
        interrupted: &NEVER,
    }
}

/// Waits for something that has to become true.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(
            Instant::now() < until,
            "still not true after 20 seconds: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) struct Kit {
    pub(crate) engine: Engine,
    pub(crate) version: &'static str,
    pub(crate) busybox: Utf8PathBuf,
    folder: tempfile::TempDir,
}

impl Kit {
    pub(crate) fn new(version: &'static str) -> Self {
        let engines = std::env::var_os("CACHECORE_ENGINE_DIR").map_or_else(
            || concat!(env!("CARGO_MANIFEST_DIR"), "/../../.engine").into(),
            PathBuf::from,
        );
        let engines = Utf8PathBuf::try_from(engines).unwrap();
        let (dockerd, busybox) = (
            engines.join(version).join("bin/dockerd"),
            engines.join("bin/busybox"),
        );
        for file in [&dockerd, &busybox] {
            assert!(file.exists(), "{file} is missing: run scripts/engine first");
        }
        let engine = Engine::find(Some(&dockerd), &std::env::var_os("PATH").unwrap()).unwrap();
        Self {
            engine,
            version,
            busybox,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    pub(crate) fn options(&self, name: &str) -> DaemonOptions {
        DaemonOptions {
            engine: self.engine.clone(),
            data_root: self.path(&format!("{name}-data")),
            containerd_root: None,
            runtime_dir: self.path(&format!("{name}-run")),
            read_only: Vec::new(),
            network: Network::Isolated,
            storage_driver: Some("overlay2".to_owned()),
            remembered_builds: None,
            extra_config: serde_json::Value::Null,
        }
    }

    pub(crate) fn start(&self, name: &str) -> PrivateDaemon {
        PrivateDaemon::start(self.options(name), &ample()).unwrap_or_else(|e| panic!("{e}"))
    }

    /// A tar with busybox in it, and a script that imports it as the image `box`.
    pub(crate) fn import_script(&self) -> String {
        let root = self.path("root");
        if !root.exists() {
            std::fs::create_dir_all(root.join("bin")).unwrap();
            std::fs::copy(&self.busybox, root.join("bin/busybox")).unwrap();
            for name in ["sh", "sleep", "echo", "nc", "touch"] {
                std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
            }
        }
        format!("tar -C {root} -c . | docker import - box >/dev/null")
    }

    /// Whether anything of this test is mounted on the host.
    pub(crate) fn is_mounted(&self) -> bool {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        mounts.contains(self.path("").as_str().trim_end_matches('/'))
    }
}

/// Everything that a command wrote, and what came together.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl OutputSink for Written {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(bytes),
            Stream::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }
}

pub(crate) fn sh(script: &str) -> EnclosedCommand {
    captured(&["sh", "-c", script])
}

pub(crate) fn captured(argv: &[&str]) -> EnclosedCommand {
    let argv = argv.iter().map(OsString::from).collect();
    EnclosedCommand {
        argv,
        output: Output::Captured,
        ..Default::default()
    }
}

/// Runs a script that has to succeed and returns what it printed, trimmed.
pub(crate) fn run(daemon: &mut PrivateDaemon, script: &str) -> String {
    let (status, written) = try_run(daemon, script).unwrap_or_else(|error| panic!("{error}"));
    let stderr = String::from_utf8_lossy(&written.stderr);
    assert!(status.success(), "`{script}` ended with {status}: {stderr}");
    String::from_utf8(written.stdout).unwrap().trim().to_owned()
}

pub(crate) fn try_run(
    daemon: &mut PrivateDaemon,
    script: &str,
) -> Result<(ExitStatus, Written), RunError> {
    let mut written = Written::default();
    let status = daemon.run(&sh(script), &mut written, &ample())?;
    Ok((status, written))
}

/// The pid namespace of a process, as `pid:[4026532281]`.
pub(crate) fn pid_namespace(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap()
}

/// The command lines of all processes of this machine that are in a pid namespace.
pub(crate) fn inhabitants(namespace: &std::path::Path) -> Vec<String> {
    processes(|folder| {
        std::fs::read_link(folder.join("ns/pid")).is_ok_and(|link| link == namespace)
    })
}

/// The command lines of all processes of this machine that contain a text.
pub(crate) fn processes_mentioning(text: &str) -> Vec<String> {
    processes(|folder| command_line(folder).contains(text))
}

fn processes(wanted: impl Fn(&std::path::Path) -> bool) -> Vec<String> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.file_name().unwrap().as_encoded_bytes()[0].is_ascii_digit())
        .filter(|folder| wanted(folder))
        .map(|folder| command_line(&folder))
        .collect()
}

fn command_line(folder: &std::path::Path) -> String {
    let bytes = std::fs::read(folder.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Network interfaces of the host: names such as `eth0`.
pub(crate) fn host_interfaces() -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/dev").unwrap();
    table
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
        .collect()
}

/// A script that prints the path of a container's control group.
pub(crate) fn control_group_of(container: &str) -> String {
    let pid = format!("$(docker inspect -f '{{{{.State.Pid}}}}' {container})");
    format!("cut -d: -f3 /proc/{pid}/cgroup | grep -m1 /cachecore/")
}

/// Control groups of this machine that a daemon's containers live in.
pub(crate) fn control_groups(parent: &str) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts
        .lines()
        .filter(|line| line.contains(" - cgroup"))
        .map(|line| PathBuf::from(format!("{}{parent}", line.split(' ').nth(4).unwrap())))
        .filter(|folder| folder.exists())
        .collect()
}

/// A number that stands in no other command line, as an argument of `sleep`.
pub(crate) fn marker() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("1{}", now.as_nanos() % 1_000_000_000_000)
}

pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Runs a tool on the host.
pub(crate) fn host(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}
