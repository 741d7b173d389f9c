//! Building goldens, and running commands in sessions.

use std::ffi::OsString;
use std::time::Duration;

use cachecore::id::ProjectId;
use cachecore::promotion::Volumes;
use camino::Utf8PathBuf;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The project
    pub(crate) project: ProjectId,
    /// One deadline for everything, from clone to promotion
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// The source revision to note
    #[arg(long, value_name = "REV")]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) volumes: VolumeChoice,
    /// Take new layers without verifying them against their images
    #[arg(long)]
    pub(crate) trust_layers: bool,
    /// Keep containerd's files in a folder of their own, beside the data root, for hosts where containerd
    /// is a service (/var/lib/containerd). Sessions of a golden that has one need not be told
    #[arg(long)]
    pub(crate) containerd: bool,
    #[command(flatten)]
    pub(crate) daemon: DaemonChoice,
    /// The startup command; DOCKER_HOST points to the private daemon
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) startup: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The project
    pub(crate) project: ProjectId,
    /// Keep the session afterwards, until `session rm`
    #[arg(long)]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) daemon: DaemonChoice,
    /// The command; DOCKER_HOST points to the private daemon
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Which engine is used.
#[derive(Debug, Args)]
pub(crate) struct EngineChoice {
    /// dockerd, if it is not the one in PATH; containerd and runc are looked for beside it
    #[arg(long, value_name = "FILE", env = "CACHECORE_DOCKERD")]
    pub(crate) dockerd: Option<Utf8PathBuf>,
}

/// How the private daemon runs.
#[derive(Debug, Args)]
pub(crate) struct DaemonChoice {
    #[command(flatten)]
    pub(crate) engine: EngineChoice,
    /// What the daemon and the command reach: nat (all that the host reaches), isolated (each other)
    #[arg(long, value_name = "KIND", default_value = "nat", value_parser = ["nat", "isolated"])]
    pub(crate) network: String,
    /// More settings for the daemon's daemon.json, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) daemon_config: Option<serde_json::Value>,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeChoice {
    /// Volumes that the golden keeps: keep (all), drop (none), or a name; may be repeated
    #[arg(long = "volumes", value_name = "keep|drop|NAME")]
    chosen: Vec<String>,
}

impl VolumeChoice {
    /// What was chosen; all volumes are kept where nothing was.
    pub(crate) fn volumes(&self) -> Volumes {
        match self.chosen.as_slice() {
            [] => Volumes::Keep,
            [one] if one == "keep" => Volumes::Keep,
            [one] if one == "drop" => Volumes::Drop,
            names => Volumes::Only(names.iter().cloned().collect()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Enable {
    /// The project
    pub(crate) project: ProjectId,
    /// Runs against a private daemon in this command's folder; DOCKER_HOST and CACHECORE_REVISION
    /// are set. By a shell if it cannot be executed
    #[arg(long, value_name = "FILE")]
    pub(crate) startup: Utf8PathBuf,
    /// The deadline of each build, from clone to promotion
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// The source revision of the first build
    #[arg(long, value_name = "REV", value_parser = revision)]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) volumes: VolumeChoice,
    #[command(flatten)]
    pub(crate) daemon: DaemonChoice,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// The project; none with --all
    #[arg(required_unless_present = "all")]
    pub(crate) project: Option<ProjectId>,
    /// The source revision; a golden of it, by the same startup file, needs no build
    #[arg(long, value_name = "REV", value_parser = revision)]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Ask for nothing new, but build what waits in all projects because a builder was killed
    #[arg(long, conflicts_with_all = ["project", "revision", "wait"])]
    pub(crate) all: bool,
}

/// Whether a command waits for what it asked for.
#[derive(Debug, Args)]
pub(crate) struct Patience {
    /// Wait until no request is left, and fail if the newest came to nothing
    #[arg(long)]
    pub(crate) wait: bool,
}

/// A revision is shown in tables and set as a variable: some word, whatever the source control.
fn revision(text: &str) -> Result<String, String> {
    match text {
        "" => Err("it is empty".to_owned()),
        long if long.len() > 256 => Err("it is longer than 256 bytes".to_owned()),
        odd if odd.chars().any(char::is_control) => Err("it has control characters".to_owned()),
        fine => Ok(fine.to_owned()),
    }
}

fn json_object(text: &str) -> Result<serde_json::Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ serde_json::Value::Object(_)) => Ok(value),
        Ok(_) => Err("a JSON object is needed, such as {\"debug\":true}".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}
