//! What of the shim works where it is, what does not, and why.

use serde::Serialize;

use crate::builder::{Builder, Driver, Way};
use crate::cache::{CanExport, can_export};

/// What was found out.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `CACHECORE_DISABLE` is set.
    pub disabled: bool,
    /// The programs that the shim stands in for.
    pub programs: Vec<ProgramFacts>,
    /// The daemon, or why it does not answer.
    pub daemon: Option<Result<DaemonFacts, String>>,
    /// The builder of `docker buildx build`; `None` if nothing is known of it.
    pub builder: Option<Builder>,
    /// `CACHECORE_PATH_MAP`, or what is wrong with it.
    pub path_map: Option<Result<String, String>>,
    /// The folder of the build cache.
    pub cache: CacheFacts,
}

/// A program that the shim stands in for.
#[derive(Debug, Clone, Default)]
pub struct ProgramFacts {
    /// Its name.
    pub name: &'static str,
    /// What somebody reaches who calls it by its name.
    pub reached: Option<String>,
    /// Whether that is the shim.
    pub is_shim: bool,
    /// The real one, or why there is none.
    pub real: Option<Result<String, String>>,
    /// The version of the real one.
    pub version: Option<String>,
}

/// A daemon that answers.
#[derive(Debug, Clone, Default)]
pub struct DaemonFacts {
    /// Its version.
    pub version: String,
    /// Whether it has containerd's image store.
    pub is_in_containerd: bool,
}

/// The folder of the build cache.
#[derive(Debug, Clone, Default)]
pub struct CacheFacts {
    /// Where it is.
    pub path: String,
    /// Whether it is a folder.
    pub is_there: bool,
    /// Whether it can be written to.
    pub is_writable: bool,
    /// Whether it is only to be read.
    pub imports_only: bool,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Possible, and not so.
    Off,
    /// It has to be mended.
    Wrong,
}

/// One thing, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub subject: &'static str,
    /// How it is.
    pub state: State,
    /// Details, and what can be done.
    pub text: String,
}

/// Says how things are.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut say = |subject, state, text: String| {
        all.push(Finding {
            subject,
            state,
            text,
        });
    };
    if facts.disabled {
        let text = "CACHECORE_DISABLE is set: every command goes to the real program";
        say("shim", State::Off, text.to_owned());
    }
    for program in &facts.programs {
        let (state, text) = of_program(program);
        say(program.name, state, text);
    }
    match &facts.daemon {
        Some(Ok(daemon)) => {
            let store = if daemon.is_in_containerd {
                "containerd's image store"
            } else {
                "the classic image store"
            };
            say("daemon", State::Ok, format!("{}, {store}", daemon.version));
        }
        Some(Err(why)) => say("daemon", State::Wrong, format!("does not answer: {why}")),
        None => say(
            "daemon",
            State::Off,
            "without docker it is not asked".to_owned(),
        ),
    }
    say("builder", State::Ok, of_builder(facts.builder.as_ref()));
    match &facts.path_map {
        Some(Ok(map)) => say("path map", State::Ok, map.clone()),
        Some(Err(why)) => {
            let text = format!("CACHECORE_PATH_MAP: {why}; mounts stay as they are");
            say("path map", State::Wrong, text);
        }
        None => say(
            "path map",
            State::Off,
            "CACHECORE_PATH_MAP is not set: mounts stay as they are".to_owned(),
        ),
    }
    let (state, text) = loading(facts.builder.as_ref());
    say("skip", state, text.clone());
    say("delta", state, text);
    let (state, text) = caching(facts);
    say("build cache", state, text);
    all
}

fn of_program(program: &ProgramFacts) -> (State, String) {
    let real = match &program.real {
        Some(Ok(real)) => real,
        // Docker alone is needed by everybody.
        Some(Err(why)) if program.is_shim || program.name == "docker" => {
            return (State::Wrong, why.clone());
        }
        Some(Err(why)) => return (State::Off, why.clone()),
        None => return (State::Off, "not looked for".to_owned()),
    };
    let version = program
        .version
        .as_deref()
        .unwrap_or("of an unknown version");
    match &program.reached {
        Some(reached) if program.is_shim => (
            State::Ok,
            format!("the shim, {reached}; behind it {real}, {version}"),
        ),
        Some(reached) => (
            State::Off,
            format!("not the shim: {reached} is reached, {version}; see docker-shim install"),
        ),
        None => (
            State::Off,
            format!("not the shim: {real}, {version}; see docker-shim install"),
        ),
    }
}

fn of_builder(builder: Option<&Builder>) -> String {
    let Some(builder) = builder else {
        return "not one that is known here; builds stay as they are".to_owned();
    };
    let driver = match builder.driver {
        Driver::Docker => "the daemon's own",
        Driver::DockerContainer => "in a container",
        Driver::Remote => "remote",
        Driver::Kubernetes => "in pods",
        Driver::Other => "of a kind that is not known here",
    };
    match &builder.endpoint {
        Some(endpoint) => format!("{}, {driver}, {endpoint}", builder.name),
        None => format!("{}, {driver}", builder.name),
    }
}

/// Whether images are brought from the builder.
fn loading(builder: Option<&Builder>) -> (State, String) {
    let off = |text: &str| (State::Off, text.to_owned());
    let Some(builder) = builder else {
        return off("nothing is known of the builder");
    };
    match (builder.driver, builder.way()) {
        (Driver::Docker, _) => off("not needed: the daemon builds itself"),
        (_, Some(Way::Address(address))) => (State::Ok, format!("from {address}")),
        (_, Some(Way::Dial)) => (
            State::Ok,
            format!(
                "through docker buildx --builder {} dial-stdio",
                builder.name
            ),
        ),
        (_, None) => off("the builder's content cannot be read: --load brings images"),
    }
}

fn caching(facts: &Facts) -> (State, String) {
    let cache = &facts.cache;
    let off = |text: &str| (State::Off, format!("{} {text}", cache.path));
    if !cache.is_there {
        return off("is no folder: builds share no cache (CACHECORE_BUILD_CACHE)");
    }
    let is_in_containerd = matches!(&facts.daemon, Some(Ok(daemon)) if daemon.is_in_containerd);
    let exports = match facts.builder.as_ref().map(can_export) {
        Some(CanExport::Yes) => true,
        Some(CanExport::WithContainerdStore) => is_in_containerd,
        Some(CanExport::No) | None => false,
    };
    if !exports {
        return off("is not used: the builder does not export");
    }
    match (cache.imports_only, cache.is_writable) {
        (true, _) => (State::Ok, format!("{}, read and not fed", cache.path)),
        (false, true) => (State::Ok, format!("{}, read and fed", cache.path)),
        (false, false) => off("cannot be written to: it is read, and not fed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote() -> Builder {
        Builder {
            driver: Driver::Remote,
            endpoint: Some("unix:///b.sock".to_owned()),
            ..Builder::of_daemon("shared")
        }
    }

    fn session() -> Facts {
        Facts {
            programs: vec![ProgramFacts {
                name: "docker",
                reached: Some("/opt/docker".to_owned()),
                is_shim: true,
                real: Some(Ok("/usr/bin/docker".to_owned())),
                version: Some("26.1".to_owned()),
            }],
            daemon: Some(Ok(DaemonFacts {
                version: "26.1".to_owned(),
                is_in_containerd: false,
            })),
            builder: Some(remote()),
            path_map: Some(Ok("/a=/b".to_owned())),
            cache: CacheFacts {
                path: "/c".to_owned(),
                is_there: true,
                is_writable: true,
                imports_only: false,
            },
            ..Facts::default()
        }
    }

    fn state(facts: &Facts, subject: &str) -> State {
        let found = findings(facts);
        found.iter().find(|f| f.subject == subject).unwrap().state
    }

    #[test]
    fn a_session_that_has_everything_is_all_right() {
        let all = findings(&session());
        assert!(all.iter().all(|f| f.state == State::Ok), "{all:?}");
    }

    #[test]
    fn each_thing_that_is_missing_says_why() {
        let mut facts = session();
        facts.builder = Some(Builder::of_daemon("default"));
        assert_eq!(state(&facts, "skip"), State::Off);
        assert_eq!(state(&facts, "build cache"), State::Off);
        facts.daemon = Some(Ok(DaemonFacts {
            is_in_containerd: true,
            ..DaemonFacts::default()
        }));
        assert_eq!(state(&facts, "build cache"), State::Ok);
        facts.cache.is_writable = false;
        assert_eq!(state(&facts, "build cache"), State::Off);
        facts.cache.imports_only = true;
        assert_eq!(state(&facts, "build cache"), State::Ok);
        facts.daemon = Some(Err("refused".to_owned()));
        assert_eq!(state(&facts, "daemon"), State::Wrong);
        facts.path_map = Some(Err("x".to_owned()));
        assert_eq!(state(&facts, "path map"), State::Wrong);
        facts.programs[0].real = Some(Err("none".to_owned()));
        assert_eq!(state(&facts, "docker"), State::Wrong);
    }
}
