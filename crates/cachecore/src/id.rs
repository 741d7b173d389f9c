//! Names that people and data roots hand in, each a type that only holds what is allowed.
//!
//! A name ends up as one path component, so each type refuses separators, `.`/`..`, emptiness and
//! excess length when it is made, and nothing after that has to check again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dataroot::chain::sha256_hex;

/// Longest project or session id, in bytes. With its prefix it stays below the 255 of a file name.
pub const MAX_ID: usize = 128;

/// Longest cache id, in bytes. Docker's own have 64 hex digits, or 25 letters from BuildKit, and up
/// to `-init` behind them; the room leaves place for what later engines think of.
pub const MAX_CACHE_ID: usize = 128;

/// Longest name of a stage, in bytes: with `-` and a key behind it, it is an image's tag, which has at most
/// 128.
pub const MAX_STAGE: usize = 63;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The name has no characters.
    #[error("{what} is empty")]
    Empty {
        /// Which kind of name.
        what: &'static str,
    },
    /// The name is longer than allowed.
    #[error("{what} has {length} characters, at most {max} are allowed")]
    TooLong {
        /// Which kind of name.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The name holds something that is not allowed.
    #[error("{what} {name:?} is not allowed: {rule}")]
    Malformed {
        /// Which kind of name.
        what: &'static str,
        /// The refused name, shortened for people.
        name: String,
        /// What is allowed.
        rule: &'static str,
    },
}

const WORD_RULE: &str = "use letters, digits, '.', '_' and '-', with a letter or a digit first";
const NUMBER_RULE: &str = "decimal digits without leading zeros are";
const HEX_RULE: &str = "64 lower-case hex digits are";

fn is_word(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_sha256_hex(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_digit()) && !name.starts_with('0')
}

fn checked(
    what: &'static str,
    name: &str,
    max: usize,
    rule: &'static str,
    allowed: fn(&str) -> bool,
) -> Result<String, IdError> {
    if name.is_empty() {
        return Err(IdError::Empty { what });
    }
    if name.len() > max {
        return Err(IdError::TooLong {
            what,
            length: name.len(),
            max,
        });
    }
    if !allowed(name) {
        return Err(IdError::Malformed {
            what,
            name: name.to_owned(),
            rule,
        });
    }
    Ok(name.to_owned())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $rule:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a name that is allowed.
            ///
            /// # Errors
            /// [`IdError`] says which rule the name breaks.
            pub fn new(name: &str) -> Result<Self, IdError> {
                checked($what, name, $max, $rule, $allowed).map(Self)
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(name: &str) -> Result<Self, IdError> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(name: String) -> Result<Self, IdError> {
                Self::new(&name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name_type!(
    /// Names a project: whose golden it is.
    ProjectId, "project id", MAX_ID, WORD_RULE, is_word
);
name_type!(
    /// Names a session: one isolated user of a clone.
    SessionId, "session id", MAX_ID, WORD_RULE, is_word
);
name_type!(
    /// Names one golden build.
    BuildId, "build id", MAX_ID, WORD_RULE, is_word
);
name_type!(
    /// Names a stage of an environment.
    StageName, "stage name", MAX_STAGE, WORD_RULE, is_word
);
name_type!(
    /// Docker's name of a layer by content: the SHA-256 over the chain of diff ids below and in it
    /// (OCI image specification, "Layer ChainID"), as 64 hex digits without `sha256:`.
    ChainId, "chain id", 64, HEX_RULE, is_sha256_hex
);
name_type!(
    /// Names a folder under `overlay2/` of a data root.
    CacheId, "cache id", MAX_CACHE_ID, WORD_RULE, |name: &str| is_word(name) && name != "l"
);
name_type!(
    /// Names a snapshot's folder of a containerd snapshotter: its number in the snapshotter's books.
    SnapshotId, "snapshot id", 20, NUMBER_RULE, is_number
);
name_type!(
    /// Names a blob of a content store: the SHA-256 of its bytes, as 64 hex digits.
    BlobId, "blob id", 64, HEX_RULE, is_sha256_hex
);
name_type!(
    /// Names a layer in the store's `layers/`: a chain id, `snap-<cache id>`, `ctr-<chain id>` or
    /// `blob-<digest>`, and
    /// `-g<gid>` behind it where a user-namespace remapping shifts the owners.
    LayerName, "layer name", MAX_CACHE_ID + 24, WORD_RULE, is_word
);

const BLOB_PREFIX: &str = "blob-";

impl LayerName {
    /// The name of a layer that Docker knows by its chain id. `shift` is the group id that owns the
    /// data root's `overlay2` folder: 0 without user-namespace remapping.
    pub fn of_chain(chain: &ChainId, shift: u32) -> Self {
        Self(shifted(chain.as_str(), shift))
    }

    /// The name of an immutable folder that has no chain id.
    pub fn of_snapshot(cache: &CacheId, shift: u32) -> Self {
        Self(shifted(&format!("snap-{cache}"), shift))
    }

    /// The name of a layer that containerd has unpacked. Not that of a layer of the classic store with
    /// the same chain id: the two unpack the same archive with other modes of its root, for example.
    pub fn of_unpacked(chain: &ChainId) -> Self {
        Self(format!("ctr-{chain}"))
    }

    /// The chain id in the name, if it has one.
    pub fn chain(&self) -> Option<ChainId> {
        let chain = ChainId::new(self.0.get(..64)?).ok()?;
        (self.0.len() == 64 || self.0[64..].starts_with("-g")).then_some(chain)
    }

    /// The chain id of a layer that containerd has unpacked.
    pub fn unpacked(&self) -> Option<ChainId> {
        ChainId::new(self.0.strip_prefix("ctr-")?).ok()
    }

    /// Whether the owners of its contents are shifted by a user-namespace remapping.
    pub fn is_shifted(&self) -> bool {
        self.0
            .rsplit_once("-g")
            .is_some_and(|(_, gid)| gid.parse::<u32>().is_ok())
    }

    /// The name of a blob of a content store. Its contents are one file, whoever owns it.
    pub fn of_blob(blob: &BlobId) -> Self {
        Self(format!("{BLOB_PREFIX}{blob}"))
    }

    /// Whether its contents are one file, `diff`, instead of a folder.
    pub fn is_blob(&self) -> bool {
        self.blob().is_some()
    }

    /// The digest that the contents of a blob must have.
    pub fn blob(&self) -> Option<BlobId> {
        BlobId::new(self.0.strip_prefix(BLOB_PREFIX)?).ok()
    }
}

impl SessionId {
    /// The session in which `import` carries this data root in. The same import has the same
    /// session on every run, so a run that was killed is found and finished by the next.
    pub fn of_import(project: &ProjectId, from: &str) -> Self {
        let input = format!("import\0{project}\0{from}");
        Self(format!("import-{}", &sha256_hex(input.as_bytes())[..16]))
    }
}

fn shifted(name: &str, shift: u32) -> String {
    if shift == 0 {
        name.to_owned()
    } else {
        format!("{name}-g{shift}")
    }
}

/// The number of a golden's generation. The first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u64);

impl Generation {
    /// The generation with this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The generation that follows `base`; the first one where there is none.
    pub fn after(base: Option<Self>) -> Self {
        Self(base.map_or(0, |g| g.0) + 1)
    }

    /// The name of its folder, `gen-000007`.
    pub fn folder(self) -> String {
        format!("gen-{:06}", self.0)
    }

    /// The generation whose folder has this name, if it is one.
    pub fn from_folder(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("gen-")?;
        let generation = Self(digits.parse().ok()?);
        (generation.0 > 0 && generation.folder() == name).then_some(generation)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_leave_their_folder_are_refused() {
        let long = "a".repeat(300);
        for bad in [
            "",
            ".",
            "..",
            "/",
            "a/b",
            "../a",
            "-a",
            ".a",
            "a b",
            "a\n",
            "ä",
            long.as_str(),
        ] {
            assert!(ProjectId::new(bad).is_err(), "project {bad:?}");
            assert!(SessionId::new(bad).is_err(), "session {bad:?}");
            assert!(CacheId::new(bad).is_err(), "cache id {bad:?}");
        }
        for good in ["a", "api", "ses_01kga54", "my-project.v2", &"a".repeat(128)] {
            assert_eq!(ProjectId::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn the_folder_of_short_links_is_no_cache_id() {
        assert!(CacheId::new("l").is_err());
    }

    #[test]
    fn a_chain_id_is_lower_case_sha256() {
        assert!(ChainId::new(&"a".repeat(64)).is_ok());
        assert!(ChainId::new(&"A".repeat(64)).is_err());
        assert!(ChainId::new(&"a".repeat(63)).is_err());
    }

    #[test]
    fn a_shifted_layer_has_a_name_of_its_own() {
        let chain = ChainId::new(&"a".repeat(64)).unwrap();
        assert_eq!(LayerName::of_chain(&chain, 0).as_str(), "a".repeat(64));
        assert_eq!(
            LayerName::of_chain(&chain, 231_072).as_str(),
            format!("{chain}-g231072")
        );
    }

    #[test]
    fn generation_folders_sort_and_parse() {
        assert_eq!(Generation::new(7).folder(), "gen-000007");
        assert_eq!(
            Generation::from_folder("gen-000007"),
            Some(Generation::new(7))
        );
        for bad in [
            "gen-7",
            "gen-000000",
            "gen-",
            "gen-000007.new",
            "gen-+00007",
        ] {
            assert_eq!(Generation::from_folder(bad), None, "{bad}");
        }
        assert_eq!(Generation::after(None), Generation::new(1));
    }

    #[test]
    fn names_are_checked_when_read_from_json() {
        assert!(serde_json::from_str::<SessionId>("\"../x\"").is_err());
    }
}
