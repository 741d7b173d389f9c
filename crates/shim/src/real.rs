//! The program that the shim stands in front of.

mod asking;

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::trail::{Place, Trail, place};
use crate::{Environment, Seat};

/// Where docker looks for plugins besides its configuration folder.
const PLUGIN_DIRS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// The largest configuration of docker's that is read, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;

/// The real program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Real {
    /// Where it is.
    pub path: PathBuf,
    /// What it is to be called by, if not by its path.
    pub name: Option<OsString>,
    /// What the environment is to say about the way here.
    pub trail: OsString,
    /// The same, if what there is to do about the command is done.
    pub settled: OsString,
}

/// There is no real program.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// The one that was named is missing, cannot be run, or is the shim.
    #[error("{variable}={path} {problem}; name the real {name}, or unset the variable", path = path.display())]
    Named {
        /// The variable.
        variable: &'static str,
        /// What it says.
        path: PathBuf,
        /// The program.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No folder has one.
    #[error("there is no {name} behind the shim in {looked}; install it, or name it in {variable}")]
    Nowhere {
        /// The program.
        name: &'static str,
        /// Where it was looked for.
        looked: &'static str,
        /// The variable that may name it.
        variable: &'static str,
    },
    /// Whatever was handed over to came back.
    #[error("{name} leads back to the shim again and again; name the real one in {variable}")]
    Circle {
        /// The program.
        name: &'static str,
        /// The variable that may name it.
        variable: &'static str,
    },
}

impl Real {
    /// Finds it: where a variable says, else the first of its name in `PATH` (or, for a plugin, where
    /// docker looks for plugins) that is not the shim itself and has not been handed over to already.
    ///
    /// # Errors
    /// [`NotFound`] says where it was looked for.
    pub fn find(environment: &Environment, seat: Seat) -> Result<Self, NotFound> {
        let pid = std::process::id();
        let trail = environment.trail();
        let itself = place(Path::new("/proc/self/exe"));
        let (nth, variable) = match seat {
            Seat::Docker => (0, "CACHECORE_REAL_DOCKER"),
            Seat::Compose => (1, "CACHECORE_REAL_COMPOSE"),
            Seat::Buildx => (2, "CACHECORE_REAL_BUILDX"),
        };
        let name = seat.name();
        if trail.is_endless() {
            return Err(NotFound::Circle { name, variable });
        }
        if let Some(path) = &environment.real[nth] {
            let problem = match runnable(path) {
                None => "is not a program",
                Some(there) if Some(there) == itself => "is the shim itself",
                Some(there) => return Ok(Self::at(path.clone(), &trail, pid, there)),
            };
            return Err(NotFound::Named {
                variable,
                path: path.clone(),
                name,
                problem,
            });
        }
        let mut came_back = false;
        for path in candidates(environment, seat) {
            let Some(there) = runnable(&path) else {
                continue;
            };
            if Some(there) == itself {
                continue;
            }
            if trail.been.contains(&there) {
                came_back = true;
                continue;
            }
            return Ok(Self::at(path, &trail, pid, there));
        }
        Err(if came_back {
            NotFound::Circle { name, variable }
        } else {
            NotFound::Nowhere {
                name,
                looked: match seat {
                    Seat::Docker => "PATH",
                    Seat::Compose | Seat::Buildx => "PATH and docker's folders of plugins",
                },
                variable,
            }
        })
    }

    fn at(path: PathBuf, trail: &Trail, pid: u32, there: Place) -> Self {
        Self {
            path,
            name: std::env::args_os().next(),
            trail: trail.with(pid, there),
            settled: trail.settled().with(pid, there),
        }
    }
}

/// Which file a path leads to, if it is a program.
pub(crate) fn runnable(path: &Path) -> Option<Place> {
    let meta = std::fs::metadata(path).ok()?;
    let is_program = meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    is_program.then(|| place(path)).flatten()
}

/// Where the real program may be, best first.
fn candidates(environment: &Environment, seat: Seat) -> Vec<PathBuf> {
    let name = seat.name();
    let mut dirs: Vec<PathBuf> = environment.path_dirs().collect();
    if seat.is_plugin() {
        // The standalone docker-compose may be of another version than the plugin.
        let is_standalone = seat == Seat::Compose && !environment.as_plugin;
        let at = if is_standalone { dirs.len() } else { 0 };
        dirs.splice(at..at, plugin_dirs(environment));
    }
    dirs.iter()
        // Who installs a program in another's place often puts that one beside it.
        .flat_map(|dir| [dir.join(name), dir.join(format!("{name}.real"))])
        .collect()
}

/// Where docker looks for plugins, in its order.
pub(crate) fn plugin_dirs(environment: &Environment) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Some(config) = environment.config_dir() {
        dirs.extend(extra_dirs(&config.join("config.json")));
        dirs.push(config.join("cli-plugins"));
    }
    dirs.extend(PLUGIN_DIRS.map(PathBuf::from));
    dirs
}

/// `cliPluginsExtraDirs` of docker's configuration. What cannot be read names none.
fn extra_dirs(config: &Path) -> Vec<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Config {
        #[serde(default, rename = "cliPluginsExtraDirs")]
        dirs: Vec<PathBuf>,
    }
    let read = || {
        let meta = std::fs::metadata(config).ok()?;
        if !meta.is_file() || meta.len() > LARGEST_CONFIG {
            return None;
        }
        let bytes = std::fs::read(config).ok()?;
        serde_json::from_slice::<Config>(&bytes).ok()
    };
    read().map(|config| config.dirs).unwrap_or_default()
}
