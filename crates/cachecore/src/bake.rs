//! How several images are built at once by a builder that is not the daemon, so that those that were to be
//! in the daemon are there afterwards.
//!
//! As for one image ([`crate::build`]): the targets whose output is the daemon are left with the builder, all
//! by one bake, and what the daemon lacks of each is brought from there. The other targets, and everything
//! else of the definition, stay as they are: what is changed are words (`--set`).

mod definition;
mod report;

use std::ffi::OsString;

use serde::Serialize;

use crate::argv::Command;
use crate::argv::edit::Edit;
use crate::builder::{Builder, Driver};

pub use definition::{Definition, Target};
pub use report::with_full_names;

/// What becomes of a bake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BakePlan {
    /// It is run as it came.
    AsItIs {
        /// Why.
        why: String,
    },
    /// Some of its targets are left with the builder, and brought into the daemon.
    Load {
        /// What is changed of the words, besides the report.
        edits: Vec<Edit>,
        /// Where `--metadata-file` can be added; `None` if the user has one.
        report_at: Option<usize>,
        /// The images that the daemon gets.
        images: Vec<BakedImage>,
        /// What is said of the other targets.
        why: Vec<String>,
    },
}

/// An image that a daemon gets from a bake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BakedImage {
    /// The target, by which the report names it.
    pub target: String,
    /// The names that it gets in the daemon.
    pub names: Vec<String>,
    /// Whether nobody has said anything about its caches.
    pub shares_cache: bool,
}

/// Whether the words leave caches to the definition.
fn leaves_caches(command: &Command) -> bool {
    let sets_cache = |set: &std::ffi::OsStr| {
        let set = set.to_string_lossy();
        let key = set.split('=').next().unwrap_or_default();
        key.contains("cache") || key.contains("CACHE")
    };
    command.is_on("no-cache") == Some(false) && !command.values("set").any(sets_cache)
}

/// Flags with which nothing is built, or all results are meant for elsewhere.
const ELSEWHERE: [&str; 8] = [
    "push",
    "call",
    "check",
    "print",
    "list",
    "list-targets",
    "list-variables",
    "debug",
];

/// What a user may set that would be set twice, or decides what becomes of results.
const SET_BY_USER: [&str; 5] = ["output", "attest", "load", "push", "call"];

/// Why a bake is run as it came whatever its definition says; `None` if the definition decides.
pub fn refusal(command: &Command, words: &[OsString], builder: &Builder) -> Option<String> {
    match builder.driver {
        Driver::Docker => return Some("the daemon builds itself".to_owned()),
        Driver::Remote | Driver::DockerContainer => {}
        Driver::Kubernetes | Driver::Other => {
            return Some("nothing is known of this kind of builder".to_owned());
        }
    }
    if let Some(flag) = ELSEWHERE.iter().find(|flag| command.has(flag)) {
        return Some(format!("--{flag} decides what becomes of the results"));
    }
    for flag in ["provenance", "sbom"] {
        if command.values(flag).any(|value| value != "false") {
            return Some(format!("--{flag} asks for attestations"));
        }
    }
    if command.has("load") && command.is_on("load") != Some(true) {
        return Some("--load is not simply on".to_owned());
    }
    let names = command.args.iter().map(|at| words[*at].to_str());
    if !names.into_iter().all(|name| name.is_some_and(is_name)) {
        return Some("a target is no plain name".to_owned());
    }
    let decides = |set: &str| {
        let key = set.split('=').next().unwrap_or_default();
        let key = key.trim_end_matches('+').split('.').nth(1);
        key.is_none_or(|key| SET_BY_USER.contains(&key))
    };
    let mut sets = command.values("set").map(|set| set.to_str());
    if sets.any(|set| set.is_none_or(decides)) {
        return Some("--set decides what becomes of a result".to_owned());
    }
    None
}

/// Decides what becomes of a bake that is not refused ([`refusal`]), by what its definition says.
pub fn plan(command: &Command, definition: &Definition) -> BakePlan {
    let as_it_is = |why: &str| BakePlan::AsItIs {
        why: why.to_owned(),
    };
    let Some(selected) = definition.selected() else {
        return as_it_is("the definition does not say which targets are built");
    };
    let (mut sets, mut images, mut why) = (Vec::new(), Vec::new(), Vec::new());
    for (name, target) in selected {
        let reason = match target.is_for_others() {
            None if is_name(name) => None,
            None => Some("its name is not one that --set takes"),
            other => other,
        };
        if let Some(reason) = reason {
            why.push(format!("target {name} stays as it is: {reason}"));
            continue;
        }
        sets.push(format!("--set={name}.output=type=image"));
        // An attestation would make an index of the image, and another one each time; loading has none.
        if !target.says_provenance() && !command.has("provenance") {
            sets.push(format!("--set={name}.attest=type=provenance,disabled=true"));
        }
        images.push(BakedImage {
            target: name.to_owned(),
            names: target.tags.clone().unwrap_or_default(),
            shares_cache: leaves_caches(command) && !target.decides_about_caches(),
        });
    }
    if images.is_empty() {
        return as_it_is("no target's output is the daemon alone");
    }
    if command.has("load") && !why.is_empty() {
        // Without the flag these would not be loaded, and with it the others twice.
        return as_it_is("--load is meant for targets that are not loaded this way");
    }
    let at = command.after_name();
    let mut edits: Vec<Edit> = command
        .uses("load")
        .flat_map(|used| used.words.clone())
        .map(|at| Edit::Remove { at })
        .collect();
    edits.push(Edit::Insert {
        before: at,
        words: sets.into_iter().map(OsString::from).collect(),
    });
    BakePlan::Load {
        edits,
        report_at: (!command.has("metadata-file")).then_some(at),
        images,
        why,
    }
}

/// Whether a name is one target's, as it stands, in a definition, among the words and in `--set`.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::edit::apply;
    use crate::argv::{Program, parse};

    const TWO: &str = r#"{"group":{"default":{"targets":["a","b"]}},"target":{
        "a":{"tags":["x/a","x/a:1"],"output":["type=docker"],"cache-from":["type=gha"]},
        "b":{"tags":["x/b"],"output":["type=docker"]},"c":{}}}"#;

    fn command(line: &str) -> (Vec<OsString>, Command) {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = parse(Program::Buildx, &words).unwrap();
        (words, command)
    }

    fn planned(line: &str, definition: &str) -> Result<(String, Vec<BakedImage>), String> {
        let (words, command) = command(line);
        let definition = Definition::printed(definition.as_bytes()).unwrap();
        match plan(&command, &definition) {
            BakePlan::AsItIs { why } => Err(why),
            BakePlan::Load { edits, images, .. } => {
                let argv = apply(&words, &edits);
                let argv: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
                Ok((argv.join(" "), images))
            }
        }
    }

    #[test]
    fn targets_for_the_daemon_are_left_with_the_builder_and_loaded() {
        let (argv, images) = planned("bake --load -f -", TWO).unwrap();
        let none = "attest=type=provenance,disabled=true";
        assert_eq!(
            argv,
            format!(
                "bake --set=a.output=type=image --set=a.{none} --set=b.output=type=image --set=b.{none} -f -"
            )
        );
        let image = |target: &str, names: &[&str], shares_cache| BakedImage {
            target: target.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            shares_cache,
        };
        assert_eq!(
            images,
            [
                image("a", &["x/a", "x/a:1"], false),
                image("b", &["x/b"], true)
            ]
        );
        let (argv, _) = planned("bake --provenance=false -f -", TWO).unwrap();
        assert!(!argv.contains("attest"), "{argv}");
        for line in ["bake --no-cache -f -", "bake --set *.cache-from= -f -"] {
            let (_, images) = planned(line, TWO).unwrap();
            assert!(images.iter().all(|image| !image.shares_cache), "{line}");
        }
    }

    #[test]
    fn other_targets_stay_as_they_are() {
        let mixed = r#"{"group":{"default":{"targets":["a","b"]}},"target":{
            "a":{"tags":["x"],"output":["type=docker"]},"b":{"tags":["y"],"output":["type=registry"]}}}"#;
        let (argv, images) = planned("bake", mixed).unwrap();
        assert!(!argv.contains("--set=b") && images.len() == 1, "{argv}");
        assert!(planned("bake --load", mixed).is_err());
        let odd = r#"{"target":{"default":{"tags":["y"],"output":["type=registry"]}}}"#;
        assert!(planned("bake", odd).is_err());
    }

    #[test]
    fn what_is_meant_otherwise_is_refused() {
        let refused = |line: &str, driver| {
            let (words, command) = command(line);
            let builder = Builder {
                driver,
                ..Builder::of_daemon("b")
            };
            refusal(&command, &words, &builder)
        };
        for line in [
            "bake",
            "bake a b",
            "bake --load --file - --progress rawjson --metadata-file F --allow fs.read=/x",
            "bake --set a.args.X=1 --set *.platform=linux/amd64",
            "bake --provenance=false --sbom=false",
        ] {
            assert_eq!(refused(line, Driver::Remote), None, "{line}");
            assert!(refused(line, Driver::Docker).is_some(), "{line}");
            assert!(refused(line, Driver::Other).is_some(), "{line}");
        }
        for line in [
            "bake --push",
            "bake --print",
            "bake --call=check",
            "bake --load=false",
            "bake --provenance=true",
            "bake --sbom=true",
            "bake https://example.com/x.git",
            "bake app-*",
            "bake --set *.output=type=registry",
            "bake --set a.attest=type=sbom",
            "bake --set a.output+=type=docker",
            "bake --set a",
        ] {
            assert!(refused(line, Driver::Remote).is_some(), "{line}");
        }
    }
}
