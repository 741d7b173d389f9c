//! What is run instead of a command line: the same words and environment, but for what the daemon of a
//! session needs to be told.

use std::ffi::{OsStr, OsString};

use serde::Serialize;

use crate::argv::edit::{Edit, apply};
use crate::argv::{Command, Program, parse};
use crate::binds::Sources;
use crate::classify::{Kind, classify};
use crate::pathmap::{MapError, PathMap};

/// What is known besides the words. A variable that is not set is `None`.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `CACHECORE_DOCKER_HOST`: the session's daemon.
    pub docker_host: Option<OsString>,
    /// `DOCKER_HOST` or `DOCKER_CONTEXT` is set.
    pub endpoint_chosen: bool,
    /// `CACHECORE_PATH_MAP`.
    pub path_map: Option<OsString>,
    /// The working folder, absolute, if it is known.
    pub working_dir: Option<OsString>,
}

/// What is to be run: the real program with these words, after its name, and these variables besides
/// those that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What kind of command it is; `None` if it is not understood.
    pub kind: Option<Kind>,
    /// The words.
    #[serde(serialize_with = "lossy")]
    pub argv: Vec<OsString>,
    /// What of the words is another than it came.
    pub edits: Vec<Edit>,
    /// The variables that are set.
    #[serde(serialize_with = "lossy_pairs")]
    pub environment: Vec<(&'static str, OsString)>,
    /// Why each is so, and what was not done.
    pub why: Vec<String>,
}

impl Plan {
    /// The command as it came.
    pub fn unchanged(words: &[OsString], why: String) -> Self {
        Self {
            kind: None,
            argv: words.to_vec(),
            edits: Vec::new(),
            environment: Vec::new(),
            why: vec![why],
        }
    }
}

/// Decides what is run instead of a command line.
///
/// ```
/// use cachecore::argv::Program;
/// use cachecore::rewrite::{Facts, rewrite};
///
/// let facts = Facts {
///     path_map: Some("/work=/data".into()),
///     working_dir: Some("/work".into()),
///     ..Facts::default()
/// };
/// let words = ["run", "-v", "./app:/app", "image"].map(Into::into);
/// let plan = rewrite(&facts, Program::Docker, &words);
/// assert_eq!(plan.argv, ["run", "-v", "/data/app:/app", "image"]);
/// assert_eq!(plan.edits.len(), 1, "and nothing else is touched");
/// ```
pub fn rewrite(facts: &Facts, program: Program, words: &[OsString]) -> Plan {
    let mut plan = match parse(program, words) {
        Ok(command) => {
            let mut plan = Plan {
                kind: Some(classify(&command)),
                ..Plan::unchanged(words, String::new())
            };
            plan.why.clear();
            let is_run =
                plan.kind == Some(Kind::ComposeStart) && command.path.last() == Some(&"run");
            if is_run || plan.kind == Some(Kind::Container) {
                mounts(facts, &command, &mut plan);
            }
            plan
        }
        Err(foreign) => Plan::unchanged(words, format!("the words stay as they are: {foreign}")),
    };
    endpoint(facts, &mut plan);
    plan.argv = apply(words, &plan.edits);
    plan
}

/// `-H` and `--context` count more than the variable, so that it can be set in any case.
fn endpoint(facts: &Facts, plan: &mut Plan) {
    let Some(host) = &facts.docker_host else {
        return;
    };
    if facts.endpoint_chosen {
        plan.why.push("the daemon is the user's choice".to_owned());
        return;
    }
    plan.why.push(format!(
        "DOCKER_HOST is set to {}, by CACHECORE_DOCKER_HOST",
        host.to_string_lossy()
    ));
    plan.environment.push(("DOCKER_HOST", host.clone()));
}

impl Facts {
    /// The path map.
    ///
    /// # Errors
    /// [`MapError`] if it is not understood.
    pub fn map(&self) -> Result<PathMap, MapError> {
        let map = self.path_map.as_deref();
        map.map_or_else(|| Ok(PathMap::default()), PathMap::parse)
    }

    /// What is known of the sources of mounts, with the path map; `None` if nothing is.
    pub fn sources<'a>(&'a self, map: &'a PathMap) -> Option<Sources<'a>> {
        let sources = Sources {
            map,
            working_dir: self.working_dir.as_deref()?,
            socket: socket(self),
        };
        (!map.is_empty() || sources.socket.is_some()).then_some(sources)
    }
}

fn mounts(facts: &Facts, command: &Command, plan: &mut Plan) {
    let map = match facts.map() {
        Ok(map) => map,
        Err(e) => {
            let problem = format!("mounts stay as they are: CACHECORE_PATH_MAP: {e}");
            plan.why.push(problem);
            return;
        }
    };
    let Some(sources) = facts.sources(&map) else {
        return;
    };
    for used in &command.flags {
        let Some(value) = &used.value else { continue };
        let mapped = match used.flag {
            "volume" => sources.volume(value),
            "mount" => sources.mount(value),
            _ => None,
        };
        let Some(mapped) = mapped else { continue };
        plan.why.push(format!(
            "--{} {} is {} for the daemon",
            used.flag,
            value.to_string_lossy(),
            mapped.to_string_lossy()
        ));
        let at = used.words.end - 1;
        let mut word = crate::argv::head(&plan.argv[at], used.value_at);
        word.push(mapped);
        plan.edits.push(Edit::Replace { at, word });
    }
}

/// The path of the session's socket, if its daemon has one at a place of its own.
fn socket(facts: &Facts) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    let host = facts
        .docker_host
        .as_deref()
        .filter(|_| !facts.endpoint_chosen)?;
    let path = host.as_bytes().strip_prefix(b"unix://")?;
    Some(OsStr::from_bytes(path))
}

fn lossy<S: serde::Serializer>(words: &[OsString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(words.iter().map(|word| word.to_string_lossy()))
}

fn lossy_pairs<S: serde::Serializer>(
    pairs: &[(&'static str, OsString)],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(
        pairs
            .iter()
            .map(|(name, value)| (name, value.to_string_lossy())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn session() -> Facts {
        Facts {
            docker_host: Some("unix:///s/d.sock".into()),
            path_map: Some("/work=/data".into()),
            working_dir: Some("/work/app".into()),
            ..Facts::default()
        }
    }

    fn rewritten(facts: &Facts, line: &str) -> (String, Vec<(&'static str, OsString)>) {
        let plan = rewrite(facts, Program::Docker, &words(line));
        let argv: Vec<_> = plan
            .argv
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        (argv.join(" "), plan.environment)
    }

    #[test]
    fn without_facts_nothing_changes() {
        for line in [
            "run -v /work:/x i",
            "compose up",
            "build .",
            "frobnicate --x",
            "run --x",
        ] {
            let plan = rewrite(&Facts::default(), Program::Docker, &words(line));
            assert_eq!(plan.argv, words(line));
            assert_eq!(plan.environment, []);
        }
    }

    #[test]
    fn mounts_are_rewritten_in_every_spelling_and_nothing_else() {
        for (line, argv) in [
            (
                "run -v /work:/x i -v /work:/y",
                "run -v /data:/x i -v /work:/y",
            ),
            (
                "compose run -v /work:/x i sh -v /work:/y",
                "compose run -v /data:/x i sh -v /work:/y",
            ),
            ("run -v/work:/x i", "run -v/data:/x i"),
            ("run -itv=./a:/x i", "run -itv=/data/app/a:/x i"),
            ("create --volume=/work:/x i", "create --volume=/data:/x i"),
            (
                "container run --volume /work:/x i",
                "container run --volume /data:/x i",
            ),
            (
                "run --mount type=bind,src=/work,dst=/x i",
                "run --mount type=bind,src=/data,dst=/x i",
            ),
            (
                "run -v /var/run/docker.sock:/var/run/docker.sock i",
                "run -v /s/d.sock:/var/run/docker.sock i",
            ),
            (
                "run -v /work:/x --frobnicate i",
                "run -v /work:/x --frobnicate i",
            ),
            ("exec -v /work:/x i", "exec -v /work:/x i"),
        ] {
            assert_eq!(rewritten(&session(), line).0, argv);
        }
    }

    #[test]
    fn what_the_user_chose_stays() {
        let told = |facts: &Facts, line| rewritten(facts, line).1;
        let daemon = [("DOCKER_HOST", "unix:///s/d.sock".into())];
        assert_eq!(told(&session(), "ps"), daemon);
        assert_eq!(told(&session(), "frobnicate --x"), daemon);
        let mut facts = session();
        facts.endpoint_chosen = true;
        assert_eq!(told(&facts, "ps"), []);
    }

    #[test]
    fn a_wrong_map_changes_nothing_and_is_named() {
        let mut facts = session();
        facts.path_map = Some("work".into());
        let plan = rewrite(&facts, Program::Docker, &words("run -v /work:/x i"));
        assert_eq!(plan.argv, words("run -v /work:/x i"));
        assert!(
            plan.why[0].contains("\"work\" is not from=to"),
            "{:?}",
            plan.why
        );
    }
}
