//! How one image is built by a builder that is not the daemon, so that it is in the daemon afterwards.
//!
//! The command goes to the real program with an exporter that leaves the image with the builder and a report
//! that names it. Then what the daemon lacks is brought from there. It is built once.

use std::ffi::OsString;

use serde::Serialize;

use crate::argv::Command;
use crate::argv::edit::Edit;
use crate::builder::{Builder, Driver};

/// What becomes of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildPlan {
    /// It is run as it came.
    AsItIs {
        /// Why.
        why: String,
    },
    /// It is built with the builder, and brought into the daemon.
    Load {
        /// What is changed of the words, besides the report.
        edits: Vec<Edit>,
        /// Where `--metadata-file` can be added; `None` if the user has one.
        report_at: Option<usize>,
        /// The names that the image gets in the daemon.
        names: Vec<String>,
        /// Whether the context or the Dockerfile is read from stdin, which is gone after one build.
        reads_stdin: bool,
        /// Whether nothing but the image's id may be printed.
        quiet: bool,
    },
}

/// Flags with which the result is not one image that the daemon could get, or is meant for elsewhere.
const ELSEWHERE: [&str; 11] = [
    "output",
    "push",
    "provenance",
    "sbom",
    "attest",
    "call",
    "check",
    "print",
    "invoke",
    "detach",
    "root",
];

/// Decides what becomes of a build.
pub fn plan(command: &Command, words: &[OsString], builder: &Builder) -> BuildPlan {
    let as_it_is = |why: &str| BuildPlan::AsItIs {
        why: why.to_owned(),
    };
    match builder.driver {
        Driver::Docker => return as_it_is("the daemon builds itself"),
        Driver::Remote | Driver::DockerContainer => {}
        Driver::Kubernetes | Driver::Other => {
            return as_it_is("nothing is known of this kind of builder");
        }
    }
    if let Some(flag) = ELSEWHERE.iter().find(|flag| command.has(flag)) {
        return as_it_is(&format!("--{flag} decides what becomes of the result"));
    }
    let platforms: Vec<_> = command.values("platform").collect();
    if platforms.len() > 1
        || platforms
            .iter()
            .any(|value| value.to_string_lossy().contains(','))
    {
        return as_it_is("images of several platforms are not loaded");
    }
    let Some(load) = command.is_on("load") else {
        return as_it_is("--load is neither true nor false");
    };
    if !load && command.has("load") {
        return as_it_is("--load=false: the result stays with the builder");
    }
    let names: Option<Vec<String>> = command
        .values("tag")
        .map(|name| name.to_str().map(str::to_owned))
        .collect();
    let names = match names {
        None => return as_it_is("a name is not UTF-8"),
        Some(names) if names.is_empty() => return as_it_is("without a name nothing is loaded"),
        Some(names) => names,
    };
    let at = command.after_name();
    let mut edits: Vec<Edit> = command
        .uses("load")
        .flat_map(|used| used.words.clone())
        .map(|at| Edit::Remove { at })
        .collect();
    // As `--load` makes it. An attestation would make an index of the image, and another one each time.
    let exporter = [
        "--output=type=image,oci-mediatypes=true",
        "--provenance=false",
    ];
    edits.push(Edit::Insert {
        before: at,
        words: exporter.map(OsString::from).to_vec(),
    });
    let is_stdin = |word: &OsString| word == "-";
    BuildPlan::Load {
        edits,
        report_at: (!command.has("metadata-file")).then_some(at),
        names,
        reads_stdin: command.args.iter().any(|at| is_stdin(&words[*at]))
            || command.value("file").is_some_and(|file| file == "-"),
        quiet: command.is_on("quiet") != Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::edit::apply;
    use crate::argv::{Program, parse};

    fn planned(line: &str, driver: Driver) -> Result<(String, Vec<String>), String> {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = parse(Program::Docker, &words).unwrap();
        let builder = Builder {
            driver,
            ..Builder::of_daemon("b")
        };
        match plan(&command, &words, &builder) {
            BuildPlan::AsItIs { why } => Err(why),
            BuildPlan::Load { edits, names, .. } => {
                let argv = apply(&words, &edits);
                let argv: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
                Ok((argv.join(" "), names))
            }
        }
    }

    #[test]
    fn an_image_with_a_name_is_left_with_the_builder_and_loaded() {
        let exporter = "--output=type=image,oci-mediatypes=true --provenance=false";
        for (line, argv) in [
            ("build -t app .", format!("build {exporter} -t app .")),
            (
                "buildx --builder b build --load -tapp .",
                format!("buildx --builder b build {exporter} -tapp ."),
            ),
            (
                "image build --load=true . -t app",
                format!("image build {exporter} . -t app"),
            ),
        ] {
            let (got, names) = planned(line, Driver::Remote).unwrap();
            assert_eq!(got, argv, "{line}");
            assert_eq!(names, ["app"]);
        }
    }

    #[test]
    fn what_is_meant_otherwise_stays_as_it_is() {
        for line in [
            "build .",
            "build -t app --push .",
            "build -t app -o out .",
            "build -t app -oout .",
            "build -t app --load=false .",
            "build -t app --load=perhaps .",
            "build -t app --platform=linux/amd64,linux/arm64 .",
            "build -t app --platform linux/amd64 --platform linux/arm64 .",
            "build -t app --provenance=true .",
            "build -t app --check .",
        ] {
            assert!(planned(line, Driver::Remote).is_err(), "{line}");
        }
        assert!(planned("build -t app .", Driver::Docker).is_err());
        assert!(planned("build -t app .", Driver::Other).is_err());
    }
}
