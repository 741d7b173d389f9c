//! All variables that the shim reads.
//!
//! | variable | meaning |
//! |---|---|
//! | `CACHECORE_DISABLE` | `1`: every command goes to the real program as it came |
//! | `CACHECORE_LOG` | anything: say on stderr what was skipped, and why; `debug`: also what is run, with its path |
//! | `CACHECORE_REAL_DOCKER` | the real `docker`, instead of the next one in `PATH` |
//! | `CACHECORE_REAL_COMPOSE`, `CACHECORE_REAL_BUILDX` | the same for `docker-compose` and `docker-buildx` |
//! | `CACHECORE_DOCKER_HOST` | the daemon, where the user chose none |
//! | `CACHECORE_REGISTRY` | a registry that builders push to and daemons pull from, for images that cannot be read from their builder |
//! | `CACHECORE_PATH_MAP` | `from=to`, several separated by `:`: where the daemon has what its client mounts |
//! | `CACHECORE_BUILD_CACHE` | the build cache that sessions share, `/buildkit-cache` if it is not set |
//! | `CACHECORE_BUILD_CACHE_MODE` | `import`: builds read the cache and do not feed it |
//! | `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_CONFIG`, `DOCKER_BUILDKIT`, `BUILDX_BUILDER`, `BUILDX_CONFIG`, `BUILDKIT_PROGRESS`, `PATH`, `HOME` | as docker reads them |
//! | `CACHECORE_PROJECT_NAME` | the name of a compose project that nobody has named |
//! | `COMPOSE_COMPATIBILITY`, `COMPOSE_ENV_FILES`, `COMPOSE_FILE`, `COMPOSE_PATH_SEPARATOR`, `COMPOSE_PROJECT_NAME` | as compose reads them; build arguments and secrets of a project may name others |
//! | `DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND` | set by docker for its plugins: then the real one is looked for among plugins first |
//! | `XDG_CACHE_HOME` | where it is remembered what a plugin says of itself, instead of `~/.cache` |

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cachecore::argv::Command;

use crate::trail::Trail;

/// What the environment says. A variable that is empty is not set.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The shim is to do nothing.
    pub disabled: bool,
    /// The shim is to say what it skips.
    pub speaks: bool,
    /// It is to say also what it runs.
    pub tells_all: bool,
    /// The real programs, as far as they are named: docker, compose, buildx.
    pub real: [Option<PathBuf>; 3],
    /// The daemon that sessions have.
    pub docker_host: Option<OsString>,
    /// The daemon that the user chose.
    pub chosen_host: Option<OsString>,
    /// The context that the user chose.
    pub chosen_context: Option<OsString>,
    /// Where images may go through.
    pub registry: Option<OsString>,
    /// Where paths of the client are for the daemon.
    pub path_map: Option<OsString>,
    /// The build cache that sessions share, if it is there.
    pub build_cache: PathBuf,
    /// Builds read the build cache and do not feed it.
    pub imports_only: bool,
    /// The user wants the daemon's older builder, which takes no builder's flags.
    pub without_buildkit: bool,
    /// The builder that the user chose.
    pub builder: Option<OsString>,
    /// Buildx's folder, where it is not in docker's.
    pub buildx_config: Option<PathBuf>,
    /// Compose is to name images as it did before version 2.
    pub compose_compatibility: Option<OsString>,
    /// What a project is called that nobody has named.
    pub project_name: Option<String>,
    /// The project's name, if the user chose it.
    pub compose_project_name: Option<OsString>,
    /// The files of a project, where they are not named on the command line.
    pub compose_file: Option<OsString>,
    /// What stands between them.
    pub compose_separator: OsString,
    /// The files of variables that compose reads.
    pub compose_env_files: Option<OsString>,
    /// Where programs are looked for.
    pub path: Option<OsString>,
    /// Docker's configuration folder, where it is not `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// The user's folder.
    pub home: Option<PathBuf>,
    /// The CLI has called this as its plugin.
    pub as_plugin: bool,
    /// Where programs keep what they can find out again, where it is not `~/.cache`.
    pub cache_home: Option<PathBuf>,
    /// How progress is to be shown, where no flag says it.
    pub progress: Option<OsString>,
    /// Where it has come by.
    pub trail: Option<OsString>,
}

impl Environment {
    /// Reads the process's environment.
    pub fn read() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// Reads an environment that is not the process's.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        Self {
            disabled: set("CACHECORE_DISABLE").is_some_and(|value| value == OsStr::new("1")),
            speaks: set("CACHECORE_LOG").is_some(),
            tells_all: set("CACHECORE_LOG").is_some_and(|value| value == "debug"),
            real: [
                path("CACHECORE_REAL_DOCKER"),
                path("CACHECORE_REAL_COMPOSE"),
                path("CACHECORE_REAL_BUILDX"),
            ],
            docker_host: set("CACHECORE_DOCKER_HOST"),
            chosen_host: set("DOCKER_HOST"),
            chosen_context: set("DOCKER_CONTEXT"),
            registry: set("CACHECORE_REGISTRY"),
            path_map: set("CACHECORE_PATH_MAP"),
            build_cache: path("CACHECORE_BUILD_CACHE")
                .unwrap_or_else(|| PathBuf::from("/buildkit-cache")),
            imports_only: set("CACHECORE_BUILD_CACHE_MODE").is_some(),
            without_buildkit: set("DOCKER_BUILDKIT")
                .is_some_and(|value| value == OsStr::new("0") || value == OsStr::new("false")),
            builder: set("BUILDX_BUILDER"),
            buildx_config: path("BUILDX_CONFIG"),
            compose_compatibility: set("COMPOSE_COMPATIBILITY"),
            project_name: set("CACHECORE_PROJECT_NAME").and_then(|name| name.into_string().ok()),
            compose_project_name: set("COMPOSE_PROJECT_NAME"),
            compose_file: set("COMPOSE_FILE"),
            compose_separator: set("COMPOSE_PATH_SEPARATOR").unwrap_or_else(|| ":".into()),
            compose_env_files: set("COMPOSE_ENV_FILES"),
            path: set("PATH"),
            docker_config: path("DOCKER_CONFIG"),
            home: path("HOME"),
            as_plugin: set("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND").is_some(),
            cache_home: path("XDG_CACHE_HOME"),
            progress: set("BUILDKIT_PROGRESS"),
            trail: set(crate::trail::VARIABLE),
        }
    }

    /// Where this process has come by.
    pub(crate) fn trail(&self) -> Trail {
        Trail::read(self.trail.as_deref(), std::process::id())
    }

    /// Where the shim keeps what it can find out again.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let usual = || Some(self.home.as_ref()?.join(".cache"));
        let caches = self.cache_home.clone().or_else(usual)?;
        caches.is_absolute().then(|| caches.join("cachecore"))
    }

    /// Docker's configuration folder.
    pub fn config_dir(&self) -> Option<PathBuf> {
        let usual = || Some(self.home.as_ref()?.join(".docker"));
        self.docker_config.clone().or_else(usual)
    }

    /// Docker's configuration folder for a command, which may name one.
    pub(crate) fn config_dir_of(&self, command: &Command) -> Option<PathBuf> {
        let named = command.value("config").map(PathBuf::from);
        named.or_else(|| self.config_dir())
    }

    /// The folders of `PATH`, in order, or where programs are looked for without it (`confstr(_CS_PATH)`). An
    /// empty one is the working folder.
    pub fn path_dirs(&self) -> impl Iterator<Item = PathBuf> {
        let path = self.path.as_deref().unwrap_or(OsStr::new("/bin:/usr/bin"));
        std::env::split_paths(path).map(|dir| {
            if dir.as_os_str().is_empty() {
                Path::new(".").to_owned()
            } else {
                dir
            }
        })
    }
}
