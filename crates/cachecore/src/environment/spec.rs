//! What a spec says: the base image, the stages in their order, and what runs at every start.

mod error;
mod fields;
mod line;
mod read;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;
use serde::Serialize;

pub use super::document::LONGEST;
pub use crate::id::StageName;
pub use error::{Position, Problem, SpecError};

pub(in crate::environment) use rules::{is_value, is_variable};

use crate::id::ProjectId;

/// The version of specs that this program writes, and the last one that it reads.
pub const VERSION: u64 = 1;

/// How many stages a spec has at most. An image has at most 127 layers.
pub const MOST_STAGES: usize = 32;

/// What an environment is. It serialises as the file that it is read from: JSON is YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spec {
    /// The version of the file.
    pub version: u64,
    /// Whose environment it is.
    pub name: ProjectId,
    /// The base image: a name, a name with a digest, or an id.
    pub image: String,
    /// The platform, as `linux/amd64`; the daemon's own if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// As whom stages, the run script and the command run; the image's own user if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What stages reach of the network.
    #[serde(skip_serializing_if = "Network::is_default")]
    pub network: Network,
    /// Build arguments of all stages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Where the secrets come from that stages ask for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// The stages, each built on the one before it, the first on the base image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// What runs at every start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// The environment of the container, and of every script at a start.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What a container may use.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

/// A stage: one cached script, and what it runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// Its cached script.
    #[serde(flatten)]
    pub script: Script,
    /// Files that lie beside the script when it runs, named from the spec's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Utf8PathBuf>,
    /// As whom it runs, instead of the spec's user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Build arguments beside the spec's, and instead of those with the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// The secrets that it gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What it reaches of the network, instead of what the spec says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Whether it is an image. If not, it and the stages after it run at every start.
    #[serde(rename = "cache", skip_serializing_if = "is_true")]
    pub cached: bool,
}

/// What runs at every start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The run script.
    #[serde(flatten)]
    pub script: Script,
    /// Files that lie beside the script when it runs, named from the spec's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Utf8PathBuf>,
}

/// A script, or where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Script {
    /// A file, named from the spec's folder.
    #[serde(rename = "script")]
    File(Utf8PathBuf),
    /// The text itself.
    #[serde(rename = "inline")]
    Inline(String),
}

/// What a stage reaches of the network while it is built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// What the daemon gives to builds.
    #[default]
    Default,
    /// Nothing.
    None,
    /// The network of the daemon's machine.
    Host,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// A file: absolute, below the home folder after `~/`, or named from the spec's folder.
    File(Utf8PathBuf),
    /// A variable of the environment.
    Env(String),
}

/// What a container may use. What is not said is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

/// A number of processors, in thousandths. It is written as a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Cpus(u32);

impl Spec {
    /// Reads a spec. `file` is its name, for messages; without its ending it is the spec's name if that says
    /// none.
    ///
    /// ```
    /// use cachecore::environment::spec::Spec;
    ///
    /// let text = "version: 1\nimage: debian:12\nstages: [{name: tools, inline: apt-get update}]\n";
    /// let spec = Spec::parse(text, "shop.yaml").unwrap();
    /// assert_eq!(spec.name.as_str(), "shop");
    /// assert_eq!(spec.stages[0].name.as_str(), "tools");
    ///
    /// let wrong = Spec::parse("version: 1\nimages: debian:12\n", "shop.yaml").unwrap_err();
    /// assert_eq!(wrong.to_string(), r#"shop.yaml:2:1: the spec has no field "images"; is "image" meant?"#);
    /// ```
    ///
    /// # Errors
    /// [`SpecError`] says what is wrong, and where.
    pub fn parse(text: &str, file: &str) -> Result<Self, SpecError> {
        read::spec(text, file)
    }

    /// Reads a spec that may be no text.
    ///
    /// # Errors
    /// As [`Spec::parse`].
    pub fn parse_bytes(bytes: &[u8], file: &str) -> Result<Self, SpecError> {
        let text = read::text(bytes).map_err(|(at, problem)| SpecError {
            file: file.to_owned(),
            at,
            problem,
        })?;
        Self::parse(text, file)
    }

    /// As whom a stage runs; `None` for the image's own user.
    pub fn user_of<'a>(&'a self, stage: &'a Stage) -> Option<&'a str> {
        stage.user.as_deref().or(self.user.as_deref())
    }

    /// What a stage reaches of the network.
    pub fn network_of(&self, stage: &Stage) -> Network {
        stage.network.unwrap_or(self.network)
    }

    /// The build arguments of a stage.
    pub fn args_of<'a>(&'a self, stage: &'a Stage) -> BTreeMap<&'a str, &'a str> {
        let all = self.args.iter().chain(&stage.args);
        all.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

impl Network {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::None => "none",
            Self::Host => "host",
        }
    }

    // The signature that serde calls it with.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_default(&self) -> bool {
        *self == Self::Default
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Cpus {
    /// A number of processors in thousandths; `None` for 0.
    pub fn from_thousandths(number: u32) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number of processors, as people write it: `2`, `0.5`. At most three decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return None;
        }
        let part: u32 = format!("{part:0<3}").parse().ok()?;
        let whole = whole.parse::<u32>().ok()?.checked_mul(1000)?;
        Self::from_thousandths(whole.checked_add(part)?)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl From<Cpus> for String {
    fn from(cpus: Cpus) -> Self {
        cpus.to_string()
    }
}

// The signature that serde calls it with.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_true(value: &bool) -> bool {
    *value
}
