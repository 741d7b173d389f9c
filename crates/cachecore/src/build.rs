//! How one image is built by a builder that is not the daemon, so that it is in the daemon afterwards.
//!
//! The command goes to the real program with an exporter that leaves the image with the builder and a report
//! that names it. Then what the daemon lacks is brought from there. It is built once.

use std::ffi::{OsStr, OsString};

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
        /// What is changed of the words instead, once it is built and cannot be brought: `--load`, and nothing
        /// that would run steps again.
        again: Vec<Edit>,
        /// Whether the user has asked for it by `--load`; otherwise docker itself would leave it with the builder,
        /// and end well.
        asked: bool,
        /// The names that the image gets in the daemon.
        names: Vec<String>,
        /// Whether the context or the Dockerfile is read from stdin, which is gone after one build.
        reads_stdin: bool,
        /// Whether nothing but the image's id may be printed.
        quiet: bool,
    },
}

/// Flags with which the result is not one image that the daemon could get, or is meant for elsewhere.
const ELSEWHERE: [&str; 8] = [
    "push", "attest", "call", "check", "print", "invoke", "detach", "root",
];

/// Flags that ask for attestations, unless they are false.
const ATTESTATIONS: [&str; 2] = ["provenance", "sbom"];

/// Flags with which steps that are done are done again.
const AFRESH: [&str; 3] = ["no-cache", "no-cache-filter", "pull"];

/// Decides what becomes of a build.
pub fn plan(command: &Command, words: &[OsString], builder: &Builder) -> BuildPlan {
    match wanted(command, builder) {
        Err(why) => BuildPlan::AsItIs { why },
        Ok(names) => load(command, words, names),
    }
}

/// The names of the one image that is wanted in the daemon, or why there is none.
fn wanted(command: &Command, builder: &Builder) -> Result<Vec<String>, String> {
    match builder.driver {
        Driver::Docker => return Err("the daemon builds itself".to_owned()),
        Driver::Remote | Driver::DockerContainer => {}
        Driver::Kubernetes | Driver::Other => {
            return Err("nothing is known of this kind of builder".to_owned());
        }
    }
    let elsewhere = ELSEWHERE.iter().find(|flag| command.has(flag));
    let attested = ATTESTATIONS.iter().find(|flag| {
        let mut uses = command.uses(flag);
        uses.any(|used| used.is_on() != Some(false))
    });
    // That is what `--load` stands for.
    let is_load = |value: &OsStr| value == "type=docker";
    let output = Some(&"output").filter(|_| !command.values("output").all(is_load));
    if let Some(flag) = elsewhere.or(attested).or(output) {
        return Err(format!("--{flag} decides what becomes of the result"));
    }
    let platforms: Vec<_> = command.values("platform").collect();
    let is_list = |value: &&OsStr| value.to_string_lossy().contains(',');
    if platforms.len() > 1 || platforms.iter().any(is_list) {
        return Err("images of several platforms are not loaded".to_owned());
    }
    let Some(load) = command.is_on("load") else {
        return Err("--load is neither true nor false".to_owned());
    };
    if !load && command.has("load") {
        return Err("--load=false: the result stays with the builder".to_owned());
    }
    if !is_alone(command, "output") {
        return Err("--output shares a word with other flags".to_owned());
    }
    let names: Option<Vec<String>> = command
        .values("tag")
        .map(|name| name.to_str().map(str::to_owned))
        .collect();
    let names = names.ok_or("a name is not UTF-8")?;
    // `buildx build .` leaves its result with the builder, and says so; who asks for the id wants the image.
    let asks = is_asked(command)
        || command.path.first() != Some(&"buildx")
        || command.has("iidfile")
        || is_quiet(command);
    if names.is_empty() && !asks {
        return Err("nobody asks for an image without a name".to_owned());
    }
    Ok(names)
}

/// What is changed of the words of a build that is done so that its image goes to a registry, there to be had
/// by nothing but its digest: a name that several builds push would give one the other's image. `None` if
/// that cannot be said.
pub fn push(command: &Command, registry: &str) -> Option<Vec<Edit>> {
    let is_plain = registry
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-/:[]".contains(&byte));
    if registry.is_empty() || !is_plain || !is_alone(command, "tag") {
        return None;
    }
    // buildx makes of tags what is pushed.
    let reports = ["iidfile", "metadata-file", "tag", "load", "output"];
    let mut edits = remove(command, &reports);
    edits.extend(remove(command, &AFRESH));
    let repository = pushed(registry);
    edits.push(Edit::Insert {
        before: command.after_name(),
        words: vec![
            format!("--output=type=image,oci-mediatypes=true,name={repository},push=true,push-by-digest=true").into(),
            "--provenance=false".into(),
        ],
    });
    Some(edits)
}

/// Where in a registry images are that go through it.
pub fn pushed(registry: &str) -> String {
    format!("{}/cachecore", registry.trim_end_matches('/'))
}

/// Whether the words of a flag are its own.
fn is_alone(command: &Command, flag: &str) -> bool {
    command.uses(flag).all(|output| {
        let mut others = command.flags.iter().filter(|used| used.flag != flag);
        others.all(|other| {
            other.words.end <= output.words.start || output.words.end <= other.words.start
        })
    })
}

fn is_asked(command: &Command) -> bool {
    command.is_on("load") == Some(true) || command.has("output")
}

fn is_quiet(command: &Command) -> bool {
    command.is_on("quiet") != Some(false)
}

/// Whether the context or the Dockerfile is read from stdin, which is gone after one build.
pub fn reads_stdin(command: &Command, words: &[OsString]) -> bool {
    command.args.iter().any(|at| words[*at] == "-")
        || command.value("file").is_some_and(|file| file == "-")
}

fn remove(command: &Command, flags: &[&'static str]) -> Vec<Edit> {
    let uses = command
        .flags
        .iter()
        .filter(|used| flags.contains(&used.flag));
    let words = uses.flat_map(|used| used.words.clone());
    words.map(|at| Edit::Remove { at }).collect()
}

fn load(command: &Command, words: &[OsString], names: Vec<String>) -> BuildPlan {
    let at = command.after_name();
    let insert = |words: &[&str]| Edit::Insert {
        before: at,
        words: words.iter().map(OsString::from).collect(),
    };
    let mut edits = remove(command, &["load", "output"]);
    // As `--load` makes it. An attestation would make an index of the image, and another one each time.
    edits.push(insert(&[
        "--output=type=image,oci-mediatypes=true",
        "--provenance=false",
    ]));
    // The reports have been written.
    let mut again = remove(command, &["load", "output", "iidfile", "metadata-file"]);
    again.extend(remove(command, &AFRESH));
    again.push(insert(&["--load"]));
    BuildPlan::Load {
        edits,
        report_at: (!command.has("metadata-file")).then_some(at),
        again,
        asked: is_asked(command),
        names,
        reads_stdin: reads_stdin(command, words),
        quiet: is_quiet(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::edit::apply;
    use crate::argv::{Program, parse};

    fn of(line: &str, driver: Driver) -> (Vec<OsString>, BuildPlan) {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = parse(Program::Docker, &words).unwrap();
        let builder = Builder {
            driver,
            ..Builder::of_daemon("b")
        };
        let plan = plan(&command, &words, &builder);
        (words, plan)
    }

    fn line(words: &[OsString], edits: &[Edit]) -> String {
        let argv = apply(words, edits);
        let argv: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
        argv.join(" ")
    }

    fn planned(text: &str, driver: Driver) -> Result<(String, Vec<String>), String> {
        match of(text, driver) {
            (_, BuildPlan::AsItIs { why }) => Err(why),
            (words, BuildPlan::Load { edits, names, .. }) => Ok((line(&words, &edits), names)),
        }
    }

    const EXPORTER: &str = "--output=type=image,oci-mediatypes=true --provenance=false";

    #[test]
    fn an_image_with_a_name_is_left_with_the_builder_and_loaded() {
        for (line, argv) in [
            ("build -t app .", format!("build {EXPORTER} -t app .")),
            (
                "buildx --builder b build --load -tapp .",
                format!("buildx --builder b build {EXPORTER} -tapp ."),
            ),
            (
                "image build --load=true . -t app",
                format!("image build {EXPORTER} . -t app"),
            ),
            (
                "build -o type=docker -t app .",
                format!("build {EXPORTER} -t app ."),
            ),
            (
                "build --output=type=docker -qt app .",
                format!("build {EXPORTER} -qt app ."),
            ),
            (
                "build --provenance=false --sbom=0 -t app .",
                format!("build {EXPORTER} --provenance=false --sbom=0 -t app ."),
            ),
        ] {
            let (got, names) = planned(line, Driver::Remote).unwrap();
            assert_eq!(got, argv, "{line}");
            assert_eq!(names, ["app"]);
            assert!(planned(line, Driver::DockerContainer).is_ok(), "{line}");
        }
        let (_, names) = planned("build -t a -tb:1 --tag=r.io/c .", Driver::Remote).unwrap();
        assert_eq!(names, ["a", "b:1", "r.io/c"]);
    }

    #[test]
    fn an_image_without_a_name_is_loaded_where_somebody_wants_it() {
        for line in [
            "build .",
            "image build .",
            "builder build .",
            "buildx build --load .",
            "buildx build -o type=docker .",
            "buildx build --iidfile id .",
            "buildx build -q .",
        ] {
            let (_, names) = planned(line, Driver::Remote).unwrap();
            assert_eq!(names, [""; 0], "{line}");
        }
        assert!(planned("buildx build .", Driver::Remote).is_err());
    }

    #[test]
    fn what_is_meant_otherwise_stays_as_it_is() {
        for line in [
            "build -t app --push .",
            "build -t app -o out .",
            "build -t app -oout .",
            "build -t app -o - .",
            "build -t app -o type=docker,dest=x .",
            "build -t app -o type=docker -o type=local,dest=out .",
            "build -t app -o type=registry .",
            "build -t app -qotype=docker .",
            "build -t app --load=false .",
            "build -t app --load=perhaps .",
            "build -t app --load --push .",
            "build -t app --platform=linux/amd64,linux/arm64 .",
            "build -t app --platform linux/amd64 --platform linux/arm64 .",
            "build -t app --provenance=true .",
            "build -t app --provenance=mode=max .",
            "build -t app --sbom=true .",
            "build -t app --attest type=sbom .",
            "build -t app --check .",
        ] {
            assert!(planned(line, Driver::Remote).is_err(), "{line}");
        }
        for driver in [Driver::Docker, Driver::Kubernetes, Driver::Other] {
            assert!(planned("build -t app .", driver).is_err(), "{driver:?}");
        }
    }

    #[test]
    fn the_user_s_own_reports_are_kept_and_read() {
        let at = |text| match of(text, Driver::Remote) {
            (
                words,
                BuildPlan::Load {
                    edits, report_at, ..
                },
            ) => (line(&words, &edits), report_at),
            (_, other) => panic!("{text}: {other:?}"),
        };
        let argv = format!("build {EXPORTER} --iidfile id -t app .");
        assert_eq!(at("build --iidfile id -t app ."), (argv, Some(1)));
        let argv = format!("build {EXPORTER} --metadata-file=m -t app .");
        assert_eq!(at("build --metadata-file=m -t app ."), (argv, None));
    }

    #[test]
    fn what_is_built_already_is_not_built_again_to_load_it() {
        for (text, argv) in [
            ("build -t app .", "build --load -t app ."),
            (
                "build -o type=docker --load -t app .",
                "build --load -t app .",
            ),
            (
                "build --iidfile id --metadata-file=m -t app .",
                "build --load -t app .",
            ),
            (
                "build --no-cache --pull --no-cache-filter s --build-arg a=b -t app .",
                "build --load --build-arg a=b -t app .",
            ),
        ] {
            match of(text, Driver::Remote) {
                (words, BuildPlan::Load { again, .. }) => assert_eq!(line(&words, &again), argv),
                (_, other) => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_goes_through_a_registry_has_no_name_there() {
        let pushed = |text: &str, registry| {
            let words: Vec<OsString> = text.split(' ').map(Into::into).collect();
            let command = parse(Program::Docker, &words).unwrap();
            push(&command, registry).map(|edits| line(&words, &edits))
        };
        let to = "build --output=type=image,oci-mediatypes=true,name=r:5/cachecore,push=true,push-by-digest=true \
                  --provenance=false";
        for text in [
            "build -t app -tb:1 .",
            "build --no-cache --load --iidfile id --metadata-file=m --tag=app .",
            "build -o type=docker -t app .",
        ] {
            assert_eq!(pushed(text, "r:5"), Some(format!("{to} .")), "{text}");
        }
        assert_eq!(pushed("build -qt app .", "r:5"), None);
        for registry in ["", "r,push=false", "r 5", "r\"5"] {
            assert_eq!(pushed("build -t app .", registry), None, "{registry:?}");
        }
    }

    #[test]
    fn who_reads_stdin_cannot_be_run_twice() {
        let reads = |text| match of(text, Driver::Remote) {
            (_, BuildPlan::Load { reads_stdin, .. }) => reads_stdin,
            (_, other) => panic!("{text}: {other:?}"),
        };
        for text in [
            "build -t app -",
            "build -t app -f- .",
            "build -t app -f - .",
            "build -t app --file=- https://h/r.git",
        ] {
            assert!(reads(text), "{text}");
        }
        assert!(!reads("build -t app -f Dockerfile ."));
    }
}
