//! A container of an environment: what could not be baked, the run script, then a command.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use cachecore::environment::launch::{Container, DockerRun, Options, Startup, docker_run};
use cachecore::environment::materials::Base;
use cachecore::environment::spec::{Limits, SecretSource};
use cachecore::environment::startup::{self, FolderError, Role, Scripts};
use camino::{Utf8Path, Utf8PathBuf};
use engine::images::ImagesError;
use serde::Serialize;

use crate::daemon::{self, Daemon};
use crate::ensure::{Ensured, place_of_secret};
use crate::read::Loaded;
use crate::state::{State, StateError};

/// What the caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// How docker is asked.
    pub options: Options,
    /// What the container may use; the spec's limits, if there are none.
    pub limits: Option<Limits>,
    /// As whom the command runs, instead of the spec's user, or the image's.
    pub user: Option<String>,
    /// The command, with its arguments; the image's own if there is none.
    pub command: Vec<OsString>,
}

/// A container that is ready to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Launch {
    /// The image.
    pub image: String,
    /// What runs before the command, in words for people.
    pub before: Vec<String>,
    /// What the scripts will miss.
    pub lacking: Vec<String>,
    /// The command line of docker.
    pub docker: DockerRun,
}

/// Why no container can be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The daemon cannot be asked.
    #[error(transparent)]
    Daemon(#[from] ImagesError),
    /// The image is not there any more.
    #[error("the image {image} was removed before it could be started")]
    Gone {
        /// Its name.
        image: String,
    },
    /// There is no command.
    #[error("the image {image} has no command of its own, and none was given")]
    NoCommand {
        /// Its name.
        image: String,
    },
    /// The scripts cannot be put together.
    #[error(transparent)]
    Scripts(#[from] FolderError),
    /// The scripts cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// docker cannot be run.
    #[error("cannot run docker")]
    NoDocker {
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}

impl RunError {
    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Daemon(error) => daemon::help(error),
            Self::Gone { .. } => Some("try again: it will be built".to_owned()),
            Self::NoCommand { .. } => Some("name one: envimage run SPEC -- CMD".to_owned()),
            Self::Scripts(_) => None,
            Self::State(error) => Some(error.help()),
            Self::NoDocker { .. } => Some("install the docker CLI, or put it into PATH".to_owned()),
        }
    }
}

/// Makes a container ready to be started: the scripts are written where docker can mount them.
///
/// # Errors
/// [`RunError`] if the daemon does not say what the image runs, or the scripts cannot be written.
pub fn prepare(
    subject: &Loaded,
    daemon: &Daemon,
    state: &State,
    ensured: &Ensured,
    request: Request,
) -> Result<Launch, RunError> {
    let spec = &subject.spec;
    let image = &ensured.image;
    let mut lacking = Vec::new();
    let mut before = Vec::new();
    let mut user = request.user.clone().or_else(|| spec.user.clone());
    let mut at_start = ensured.started().peekable();
    // An image that has everything is run as it is, by docker's rules, and nothing is asked of it.
    let startup = if at_start.peek().is_none() && subject.materials.run.is_none() {
        None
    } else {
        let defaults = daemon.images().defaults(image)?;
        let defaults = defaults.ok_or_else(|| RunError::Gone {
            image: image.clone(),
        })?;
        // docker finds that out only where it starts the command itself.
        let own = defaults.entrypoint.is_empty() && defaults.command.is_empty();
        if own && request.command.is_empty() {
            return Err(RunError::NoCommand {
                image: image.clone(),
            });
        }
        let base = Base {
            name: ensured.base.clone(),
            id: ensured.base_id.clone(),
            user: defaults.user,
        };
        let scripts = startup::scripts(
            spec,
            &subject.materials,
            &base,
            at_start,
            request.user.as_deref(),
        );
        before.extend(scripts.steps.iter().map(|step| match &step.role {
            Role::Stage { name, .. } => format!("the cached script of stage {name}"),
            Role::Run => "the run script".to_owned(),
        }));
        let folder = startup::folder(&scripts.steps, scripts.command_user.as_deref())?;
        let secrets = secrets(subject, &scripts, &mut lacking);
        user = scripts.container_user;
        Some(Startup {
            folder: state.startup(&folder)?,
            entrypoint: defaults.entrypoint,
            default_command: defaults.command,
            secrets,
        })
    };
    let docker = docker_run(&Container {
        project: spec.name.to_string(),
        image: image.clone(),
        platform: spec.platform.clone(),
        user,
        environment: spec.environment.clone(),
        limits: request.limits.unwrap_or_else(|| spec.limits.clone()),
        startup,
        options: request.options,
        command: request.command,
    });
    Ok(Launch {
        image: image.clone(),
        before,
        lacking,
        docker,
    })
}

/// Where the secrets of scripts are, and where a build would have them. What is in a variable is in no file, and
/// would be for everybody to read in what docker says of the container.
fn secrets(
    subject: &Loaded,
    scripts: &Scripts,
    lacking: &mut Vec<String>,
) -> Vec<(Utf8PathBuf, Utf8PathBuf)> {
    let mut found = Vec::new();
    for id in &scripts.secrets {
        match subject.spec.secrets.get(id) {
            Some(SecretSource::File(path)) => {
                let path = place_of_secret(path, &subject.folder, &|name| std::env::var_os(name));
                // docker takes what is not absolute for the name of a volume.
                let path = camino::absolute_utf8(&path).unwrap_or(path);
                if path.is_file() {
                    found.push((path, Utf8Path::new("/run/secrets").join(id)));
                } else {
                    lacking.push(format!("the file {path} of secret {id} is not there"));
                }
            }
            Some(SecretSource::Env(name)) => lacking.push(format!(
                "secret {id} is the variable {name}, which only a build gets; a file is there at a start as well"
            )),
            None => {}
        }
    }
    found
}

impl Launch {
    /// docker, ready to start the container, with this process's standard streams.
    pub fn command(&self, daemon: &Daemon) -> Command {
        let (_, words) = self.docker.parts();
        let mut docker = daemon.docker();
        docker
            .args(words)
            .stdin(std::process::Stdio::inherit())
            .stdout(std::process::Stdio::inherit())
            .stderr(std::process::Stdio::inherit());
        docker
    }

    /// Puts docker into the place of this process: its exit code, the signals and the terminal are the
    /// container's. Returns only if that fails.
    pub fn exec(&self, daemon: &Daemon) -> RunError {
        let cause = self.command(daemon).exec();
        RunError::NoDocker { cause }
    }
}
