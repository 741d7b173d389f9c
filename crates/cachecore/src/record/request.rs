use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::promotion::Volumes;

/// How a project's golden is built when somebody asks for it: what `enable` was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether triggers build. `disable` keeps everything else.
    pub enabled: bool,
    /// The startup file, an absolute path. It is read when a build begins.
    pub startup: Utf8PathBuf,
    /// The folder that it runs in, an absolute path.
    pub folder: Utf8PathBuf,
    /// The deadline of a build, in milliseconds.
    pub timeout_ms: u64,
    /// Which volumes the golden keeps.
    #[serde(default)]
    pub volumes: Volumes,
    /// dockerd, if it is not the one in `PATH`.
    pub dockerd: Option<Utf8PathBuf>,
    /// What the daemon and the startup file reach.
    pub network: String,
    /// More settings for the daemon.
    pub daemon_config: Option<serde_json::Value>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub other: Other,
}

/// Somebody wants a golden of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number among the project's requests: the newest has the highest.
    pub number: u64,
    /// The source revision that the caller named.
    pub revision: Option<String>,
    /// Who asked.
    pub by: RequestedBy,
    /// When.
    pub requested_at: Timestamp,
    /// How many earlier requests it stands for besides itself.
    #[serde(default)]
    pub coalesced: u64,
    /// Whether it is built even if the golden is of this revision and startup file already.
    #[serde(default)]
    pub unconditional: bool,
    /// How many builds of it were killed before they could end.
    #[serde(default)]
    pub killed: u32,
}

/// Which command asked for a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestedBy {
    /// `trigger`.
    Trigger,
    /// `enable`.
    Enable,
    /// `retry`.
    Retry,
}

impl RequestedBy {
    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Enable => "enable",
            Self::Retry => "retry",
        }
    }
}

/// What became of a request when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A build of it starts now.
    StartNow,
    /// It is built when the running build has ended, together with others that wait.
    Coalesced,
    /// The golden is what was asked for.
    Skipped,
    /// It is not taken.
    Refused,
}

/// A request and what was decided about it, with the reason as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub by: RequestedBy,
    /// The revision that was asked for.
    pub revision: Option<String>,
    /// When.
    pub at: Timestamp,
}
