//! The key of a stage: a digest of everything that can change what its image holds, and of nothing else.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::materials::{Base, Files, Materials};
use super::spec::{Spec, Stage, StageName};
use super::template::{TEMPLATE, VERSION};

/// What every encoding begins with. Another encoding has another number, and so other keys.
const ENCODING: &[u8] = b"cachecore environment stage 1";

/// Under which name images of stages are found.
pub const REPOSITORY: &str = "cachecore-env";

/// A SHA-256. It is written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// The key of a stage.
pub type StageKey = Digest;

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 lower-case hex digits")]
pub struct DigestError;

/// The inputs of a stage's image, in a fixed order, and the key that they make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The stage.
    pub stage: StageName,
    /// Its key.
    pub key: StageKey,
    /// Everything that can change what its image holds.
    pub inputs: Vec<Input>,
}

/// Something that can change what an image holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it is.
    pub kind: Kind,
    /// Which of its kind, if there can be several: a path, a variable, a secret's id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The SHA-256 of its value: for a file, what `sha256sum` says.
    pub hash: Digest,
}

/// What kind of thing an input is. The order is that in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The id of the base image, for the first stage.
    Base,
    /// The key of the stage below.
    Parent,
    /// What stages are built by.
    Template,
    /// The platform, if the spec has one.
    Platform,
    /// What the script reaches of the network.
    Network,
    /// As whom the script runs, if not as the image's own user.
    User,
    /// The cached script.
    Script,
    /// A file beside the script.
    Source,
    /// The mode of the script or of a file beside it.
    Mode,
    /// A build argument.
    Arg,
    /// A secret that the script gets. Its value is no input.
    Secret,
}

/// The first input in which two builds of a stage differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// The input, as it is now, or was before it went.
    pub input: Input,
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It has another value.
    Changed,
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
}

/// The keys of a spec's stages, in their order.
pub fn keys(spec: &Spec, materials: &Materials, base: &Base) -> Vec<StageKey> {
    let inputs = inputs(spec, materials, base);
    inputs.into_iter().map(|inputs| inputs.key).collect()
}

/// The inputs of a spec's stages, in their order, with their keys.
pub fn inputs(spec: &Spec, materials: &Materials, base: &Base) -> Vec<Inputs> {
    let mut all = Vec::with_capacity(spec.stages.len());
    let mut parent = (Kind::Base, base.id.clone());
    for (stage, files) in spec.stages.iter().zip(&materials.stages) {
        let values = values(spec, stage, files, parent);
        let key = encoded(&values);
        parent = (Kind::Parent, key.to_string());
        let inputs = values.iter().map(|value| Input {
            kind: value.kind,
            name: value.name.to_owned(),
            hash: Digest::of(&value.bytes),
        });
        all.push(Inputs {
            stage: stage.name.clone(),
            key,
            inputs: inputs.collect(),
        });
    }
    all
}

/// The name of a stage's image.
///
/// ```
/// use cachecore::environment::key::{Digest, image};
///
/// let stage = "tools".parse().unwrap();
/// assert!(image(&stage, &Digest::of(b"")).starts_with("cachecore-env:tools-e3b0c44298fc1c14"));
/// ```
pub fn image(stage: &StageName, key: &StageKey) -> String {
    format!("{REPOSITORY}:{stage}-{key}")
}

/// The first input in which a build differs from the one before it.
pub fn difference(before: &Inputs, now: &Inputs) -> Option<Difference> {
    let same = |a: &Input, b: &Input| a.kind == b.kind && a.name == b.name;
    for input in &now.inputs {
        let change = match before.inputs.iter().find(|other| same(other, input)) {
            Some(other) if other.hash == input.hash => continue,
            Some(_) => Change::Changed,
            None => Change::Added,
        };
        let input = input.clone();
        return Some(Difference { change, input });
    }
    let mut gone = before.inputs.iter();
    let gone = gone.find(|input| !now.inputs.iter().any(|other| same(other, input)));
    gone.map(|input| Difference {
        change: Change::Removed,
        input: input.clone(),
    })
}

/// An input with its value.
struct Valued<'a> {
    kind: Kind,
    name: &'a str,
    bytes: Vec<u8>,
}

fn values<'a>(
    spec: &'a Spec,
    stage: &'a Stage,
    files: &'a Files,
    parent: (Kind, String),
) -> Vec<Valued<'a>> {
    let one = |kind, text: &str| Valued {
        kind,
        name: "",
        bytes: text.as_bytes().to_vec(),
    };
    let mut values = vec![
        one(parent.0, &parent.1),
        one(Kind::Template, &format!("{VERSION}\n{TEMPLATE}")),
    ];
    values.extend(
        spec.platform
            .as_deref()
            .map(|text| one(Kind::Platform, text)),
    );
    values.push(one(Kind::Network, spec.network_of(stage).as_str()));
    values.extend(spec.user_of(stage).map(|text| one(Kind::User, text)));
    let mut files: Vec<_> = files.all().enumerate().collect();
    // In which order files are named changes nothing, but which of them is the script does.
    files.sort_by_key(|(at, file)| (*at > 0, &file.path));
    for (at, file) in files {
        let name = file.path.as_str();
        let kind = if at == 0 { Kind::Script } else { Kind::Source };
        let bytes = file.bytes.clone();
        values.push(Valued { kind, name, bytes });
        let bytes = format!("{:04o}", file.mode()).into_bytes();
        let kind = Kind::Mode;
        values.push(Valued { kind, name, bytes });
    }
    for (name, value) in spec.args_of(stage) {
        let bytes = value.as_bytes().to_vec();
        let kind = Kind::Arg;
        values.push(Valued { kind, name, bytes });
    }
    values.extend(stage.secrets.iter().map(|id| Valued {
        kind: Kind::Secret,
        name: id,
        bytes: Vec::new(),
    }));
    values
}

/// The digest of all values. Every part has its length in front of it, so that no byte can move from one
/// part into the next.
fn encoded(values: &[Valued<'_>]) -> Digest {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(ENCODING);
    for value in values {
        part(value.kind.as_str().as_bytes());
        part(value.name.as_bytes());
        part(&value.bytes);
    }
    Digest(hasher.finalize().into())
}

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its first twelve digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Parent => "parent",
            Self::Template => "template",
            Self::Platform => "platform",
            Self::Network => "network",
            Self::User => "user",
            Self::Script => "script",
            Self::Source => "source",
            Self::Mode => "mode",
            Self::Arg => "arg",
            Self::Secret => "secret",
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        match self.kind {
            _ if self.name.is_empty() => Ok(()),
            Kind::Mode => write!(f, " of {}", self.name),
            _ => write!(f, " {}", self.name),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let became = match self.change {
            Change::Changed => "has changed",
            Change::Added => "is new",
            Change::Removed => "is gone",
        };
        write!(f, "{} {became}", self.input)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(DigestError),
        };
        let text = text.as_bytes();
        if text.len() != 64 {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? * 16 + digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}
