//! The build cache that sessions share: which builds use it, under which key, and what is kept of it.
//!
//! ```text
//! <cache>/                     CACHECORE_BUILD_CACHE, /buildkit-cache; made by whoever installs it; flock:
//!                              shared while a build looks or publishes, exclusive while gc removes
//!   CACHEDIR.TAG               for backup programs
//!   blobs/sha256/<digest>      layers, cache configurations and manifests of all exports, each once
//!   ingest/                    empty; BuildKit's client opens no content store without it
//!   keys/<key>.json            the exports of one image name, newest first; flock of keys/ while one changes
//!   exports/<random>/          one build's export while it lasts, flocked by it
//!     blobs -> ../../blobs     so that what is there is not written again
//!     index.json               names the manifest once the export is whole
//!   quarantine/<digest>        blobs that are not what their names say, and records that make no sense
//! ```
//!
//! BuildKit's `type=local` keeps one export in a folder: the last writer's `index.json` counts, and
//! nothing is ever removed. So each build exports into a folder of its own whose blobs are everybody's,
//! and its manifest's digest is then added to the record of its key. An import names digests, and reads no
//! `index.json`.

mod collection;
mod key;
mod manifest;
mod record;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::Serialize;

use crate::argv::{Command, Used};
use crate::builder::{Builder, Driver};
use crate::id::BlobId;

pub use collection::{Collection, Dropped, Found, Inventory, Reason, collection};
pub use key::Key;
pub use manifest::{Blob, Contents, Exported, contents, exported, steps};
pub use record::{Export, KEPT, KeyRecord};

/// Whether builds of a builder can be exported, as far as its kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanExport {
    /// They can.
    Yes,
    /// If the daemon has containerd's image store: with the classic one, asking for it is an error.
    WithContainerdStore,
    /// They cannot, or nobody knows.
    No,
}

/// Says whether builds of a builder can be exported.
pub fn can_export(builder: &Builder) -> CanExport {
    match builder.driver {
        Driver::Docker => CanExport::WithContainerdStore,
        // Several nodes would each write an index of their own, into one file.
        Driver::Remote | Driver::DockerContainer | Driver::Kubernetes
            if builder.endpoint.is_some() =>
        {
            CanExport::Yes
        }
        _ => CanExport::No,
    }
}

/// Whether a build uses the shared cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// It does, under this key.
    Under(Key),
    /// It is run as it came.
    Not {
        /// Why.
        why: String,
    },
}

/// Flags with which the user has decided about caches, or nothing is built that could be kept.
const DECIDED: [&str; 10] = [
    "cache-from",
    "cache-to",
    "call",
    "check",
    "detach",
    "invoke",
    "no-cache-filter",
    "print",
    "root",
    "server-config",
];

/// Says whether a build uses the shared cache. `--pull` is about base images and changes nothing here;
/// `--no-cache` is the user's word about caches, in both directions.
pub fn usage(command: &Command, words: &[OsString], working_dir: Option<&OsStr>) -> Use {
    let not = |why: String| Use::Not { why };
    if let Some(flag) = DECIDED.iter().find(|flag| command.has(flag)) {
        return not(format!("--{flag} is the user's choice"));
    }
    if command.is_on("no-cache") != Some(false) {
        return not("--no-cache is the user's choice".to_owned());
    }
    let inline = b"BUILDKIT_INLINE_CACHE=";
    if command
        .values("build-arg")
        .any(|value| value.as_bytes().starts_with(inline))
    {
        return not("the cache is exported with the image".to_owned());
    }
    let named = command.uses("tag").next().and_then(Used::text);
    let key = match named {
        Some(name) => Key::of_image(name),
        None => command
            .args
            .first()
            .and_then(|at| Key::of_context(&words[*at], working_dir)),
    };
    match key {
        Some(key) => Use::Under(key),
        None => not("it has neither a name nor a context with one".to_owned()),
    }
}

/// What a build is told of the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entries {
    /// A value of `--cache-from` for each export that is imported.
    #[serde(serialize_with = "lossy_all")]
    pub from: Vec<OsString>,
    /// The value of `--cache-to`, if the build is to be exported.
    #[serde(serialize_with = "lossy_option")]
    pub to: Option<OsString>,
}

/// How blobs are compressed that a build makes for the cache.
const COMPRESSION: &str = "";

impl Entries {
    /// For these exports of a cache folder, and an export into a folder. `None` if one of the folders
    /// cannot be named in an entry, which is a line of comma-separated values.
    pub fn new<'a>(
        cache: &OsStr,
        imports: impl IntoIterator<Item = &'a BlobId>,
        aside: Option<&OsStr>,
    ) -> Option<Self> {
        let mut folders = std::iter::once(cache).chain(aside);
        if folders.any(|folder| {
            folder
                .as_bytes()
                .iter()
                .any(|byte| b",\"\n\r".contains(byte))
        }) {
            return None;
        }
        let from = imports.into_iter().map(|digest| {
            let ends = ["type=local,src=", &format!(",digest=sha256:{digest}")];
            [ends[0].as_bytes(), cache.as_bytes(), ends[1].as_bytes()].concat()
        });
        let to = aside.map(|aside| {
            // A build whose cache cannot be written is no failure.
            let ends = ["type=local,mode=max,ignore-error=true,dest=", COMPRESSION];
            [ends[0].as_bytes(), aside.as_bytes(), ends[1].as_bytes()].concat()
        });
        Some(Self {
            from: from.map(OsString::from_vec).collect(),
            to: to.map(OsString::from_vec),
        })
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.from.is_empty() && self.to.is_none()
    }

    /// As flags of a build.
    pub fn flags(&self) -> Vec<OsString> {
        self.spelled("--cache-from=", "--cache-to=")
    }

    /// As flags of `docker buildx bake`, for one of its targets.
    pub fn sets(&self, target: &str) -> Vec<OsString> {
        self.spelled(
            &format!("--set={target}.cache-from="),
            &format!("--set={target}.cache-to="),
        )
    }

    fn spelled(&self, from: &str, to: &str) -> Vec<OsString> {
        let flag = |name: &str, value: &OsString| {
            let mut word = OsString::from(name);
            word.push(value);
            word
        };
        let from = self.from.iter().map(|value| flag(from, value));
        from.chain(self.to.iter().map(|value| flag(to, value)))
            .collect()
    }
}

fn lossy_all<S: serde::Serializer>(words: &[OsString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(words.iter().map(|word| word.to_string_lossy()))
}

fn lossy_option<S: serde::Serializer>(word: &Option<OsString>, to: S) -> Result<S::Ok, S::Error> {
    word.as_ref()
        .map(|word| word.to_string_lossy())
        .serialize(to)
}

#[cfg(test)]
mod tests;
