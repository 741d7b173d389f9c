use std::path::PathBuf;

use cachecore::id::{BuildId, ProjectId};
use engine::{DaemonError, EngineError, RunError};
use goldenstore::StoreError;

use crate::exit;
use crate::kept::Kept;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Run(#[from] RunError),
    /// A golden build failed. Its own code is passed on if it was the command's.
    #[error("golden build {build} failed: {reason}")]
    Build {
        build: BuildId,
        project: ProjectId,
        reason: String,
        code: u8,
    },
    /// Whoever ran the command ended it.
    #[error("interrupted: {kept}")]
    Interrupted { kept: Kept },
    #[error("project {project} has no golden build yet")]
    NoBuild { project: ProjectId },
    #[error("build {build} of project {project} is not known")]
    UnknownBuild { project: ProjectId, build: BuildId },
    #[error("no project has a golden to measure with")]
    NothingToMeasure,
    /// What was asked for was done, but for some of it.
    #[error("{} could not be {}", things(.left), if *.unread { "judged" } else { "removed" })]
    Left {
        left: usize,
        unread: bool,
        busy: bool,
    },
    /// Somebody cancelled the build that this command ran.
    #[error("{reason}")]
    Cancelled { reason: String },
    /// A request for a build was not taken.
    #[error("no build of {project} is started: {reason}")]
    Refused {
        project: ProjectId,
        reason: String,
        help: String,
    },
    /// What was waited for came to nothing.
    #[error("the golden of {project} was not built: {reason}")]
    NotBuilt { project: ProjectId, reason: String },
    #[error("{path} is no startup file: {because}")]
    NoStartup {
        path: camino::Utf8PathBuf,
        because: &'static str,
    },
    /// The command is done, and its answer is lost.
    #[error("cannot write the answer: {source}")]
    Unanswered { source: std::io::Error },
    #[error("cannot {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

fn things(count: &usize) -> String {
    match count {
        1 => "one thing".to_owned(),
        more => format!("{more} things"),
    }
}

impl Failure {
    /// What an interruption leaves, if this is one. Any other failure stays what it is.
    pub(crate) fn if_interrupted(self, kept: impl FnOnce() -> Kept) -> Self {
        match self {
            Self::Store(StoreError::CollectionInterrupted { removed, planned }) => {
                Self::Interrupted {
                    kept: Kept::SomeGone { removed, planned },
                }
            }
            interruption if interruption.exit_code() == exit::INTERRUPTED => {
                Self::Interrupted { kept: kept() }
            }
            other => other,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Store(StoreError::Interrupted | StoreError::CollectionInterrupted { .. })
            | Self::Daemon(DaemonError::Interrupted)
            | Self::Run(RunError::Interrupted { .. })
            | Self::Interrupted { .. } => exit::INTERRUPTED,
            Self::Store(e) => exit::of_class(e.class()),
            Self::Engine(_)
            | Self::NoBuild { .. }
            | Self::UnknownBuild { .. }
            | Self::NothingToMeasure => exit::NOT_FOUND,
            Self::Run(RunError::NotFound { .. }) => exit::COMMAND_NOT_FOUND,
            Self::Run(RunError::NotExecutable { .. }) => exit::NOT_EXECUTABLE,
            Self::Daemon(_)
            | Self::Run(_)
            | Self::Cancelled { .. }
            | Self::Refused { .. }
            | Self::NotBuilt { .. }
            | Self::NoStartup { .. }
            | Self::Unanswered { .. }
            | Self::Io { .. } => exit::FAILED,
            Self::Left { unread: true, .. } => exit::INTEGRITY,
            Self::Left { busy: true, .. } => exit::BUSY,
            Self::Left { .. } => exit::FAILED,
            Self::Build { code, .. } => *code,
        }
    }

    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.help(),
            Self::Engine(e) => e.help(),
            Self::Daemon(e) => e.help(),
            Self::Run(e) => e.help(),
            Self::Build { project, .. } => {
                Some(format!("read its output with: goldenctl log {project}"))
            }
            Self::NoBuild { .. } => Some("start one with `goldenctl build`".to_owned()),
            Self::UnknownBuild { project, .. } => {
                Some(format!("`goldenctl status {project}` lists its builds"))
            }
            Self::NothingToMeasure => {
                Some("build one, or measure with --from DATA_ROOT".to_owned())
            }
            Self::Left { unread: true, .. } => {
                Some("repair or remove what is named above; the rest was collected".to_owned())
            }
            Self::Left { .. } => Some("the next `goldenctl gc` tries again".to_owned()),
            Self::Refused { help, .. } => Some(help.clone()),
            Self::NotBuilt { project, .. } => Some(format!(
                "read its output with: goldenctl log {project}; \
                 build it again with: goldenctl retry {project}"
            )),
            Self::NoStartup { .. } => {
                Some("write one first: the golden is built by running it".to_owned())
            }
            Self::Unanswered { .. } => Some("what the command does is done".to_owned()),
            Self::Interrupted { .. } | Self::Cancelled { .. } | Self::Io { .. } => None,
        }
    }
}
