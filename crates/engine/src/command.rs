//! A command to run beside a private daemon, and how that can fail.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;

use crate::log_tail::LogTail;

/// A command to run inside an enclosure.
///
/// Its environment is the caller's, plus `env`, plus `DOCKER_HOST` and `PATH` which are always
/// ours; variables that would lead a docker client to another daemon are removed.
#[derive(Debug, Clone, Default)]
pub struct EnclosedCommand {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Variables added to the inherited environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where to run it; by default where the caller is.
    pub current_dir: Option<Utf8PathBuf>,
    /// What it reads.
    pub stdin: Stdin,
    /// Where its output goes.
    pub output: Output,
}

/// What a command reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stdin {
    /// What the caller reads: a terminal stays a terminal.
    Inherit,
    /// Nothing.
    #[default]
    Null,
}

/// Where a command's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// Where the caller's goes.
    #[default]
    Inherit,
    /// To the [`OutputSink`](crate::OutputSink).
    Captured,
}

/// Why a command has no exit status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no program in `argv`.
    #[error("no command was given")]
    Empty,
    /// There is no such program (a shell would end with 127).
    #[error("cannot run {}: no such program", .program.display())]
    NotFound {
        /// The first word of the command.
        program: OsString,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program cannot be executed (a shell would end with 126).
    #[error("cannot run {}: not an executable program", .program.display())]
    NotExecutable {
        /// The first word of the command.
        program: OsString,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder to run it in is not there.
    #[error("cannot run a command in {path}")]
    CurrentDir {
        /// The folder.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system failed while spawning, reading from or waiting for it.
    #[error("cannot {what} {}", .program.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// The first word of the command.
        program: OsString,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It took too long. It was killed, with the daemon and everything else in the enclosure.
    #[error("{} was killed: it did not end before the deadline", .program.display())]
    Deadline {
        /// The first word of the command.
        program: OsString,
    },
    /// It was interrupted. It was killed, with the daemon and everything else in the enclosure.
    #[error("{} was killed: interrupted", .program.display())]
    Interrupted {
        /// The first word of the command.
        program: OsString,
    },
    /// The daemon ended, and the command with it. This says nothing about the command.
    #[error("the Docker daemon ended while {} was running{log}", .program.display())]
    DaemonDied {
        /// The first word of the command.
        program: OsString,
        /// The end of the daemon's log.
        log: LogTail,
    },
    /// An earlier command took the daemon down.
    #[error("the Docker daemon is gone: an earlier command ended with it")]
    DaemonGone,
}

impl RunError {
    /// The next thing to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotFound { program, .. } if program == OsStr::new("docker") => {
                Some("install the docker CLI (package docker-cli or docker-ce-cli)".to_owned())
            }
            Self::NotFound { .. } | Self::NotExecutable { .. } => Some(
                "shell syntax such as && or $VAR wants a shell: -- sh -c 'the command'".to_owned(),
            ),
            Self::Deadline { .. } => Some("allow more time".to_owned()),
            _ => None,
        }
    }

    /// Sorts the ways in which spawning can fail.
    pub(crate) fn from_spawn(program: OsString, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Self::NotFound { program, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
                Self::NotExecutable { program, source }
            }
            _ if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                Self::NotExecutable { program, source }
            }
            _ => Self::System {
                what: "spawn",
                program,
                source,
            },
        }
    }
}

impl EnclosedCommand {
    /// The command as it will be spawned inside, with a current directory that exists.
    pub(crate) fn prepare(&self, docker_host: &str, path: &OsStr) -> Result<Command, RunError> {
        let (program, arguments) = self.argv.split_first().ok_or(RunError::Empty)?;
        let folder = self.current_dir()?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        for name in [
            "DOCKER_CONTEXT",
            "DOCKER_TLS_VERIFY",
            "DOCKER_CERT_PATH",
            "DOCKER_TLS",
        ] {
            command.env_remove(name);
        }
        command.env("DOCKER_HOST", docker_host).env("PATH", path);
        command.stdin(match self.stdin {
            Stdin::Inherit => Stdio::inherit(),
            Stdin::Null => Stdio::null(),
        });
        if self.output == Output::Captured {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        Ok(command)
    }

    /// Always an absolute path, so that it is looked up through the enclosure's mounts. Checked
    /// here because a missing folder and a missing program give the same error when spawning.
    fn current_dir(&self) -> Result<std::path::PathBuf, RunError> {
        let wanted = self.current_dir.clone().unwrap_or_else(|| ".".into());
        let failed = |source| RunError::CurrentDir {
            path: wanted.clone(),
            source,
        };
        let folder = std::path::absolute(&wanted).map_err(failed)?;
        match std::fs::metadata(&folder).map_err(failed)?.is_dir() {
            true => Ok(folder),
            false => Err(failed(io::ErrorKind::NotADirectory.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_leads_to_our_daemon_only() {
        let command = EnclosedCommand {
            argv: vec!["docker".into(), "ps".into()],
            env: vec![
                ("DOCKER_HOST".into(), "tcp://elsewhere".into()),
                ("DOCKER_CONTEXT".into(), "elsewhere".into()),
                ("PATH".into(), "/elsewhere".into()),
                ("COLOUR".into(), "blue".into()),
            ],
            ..Default::default()
        };
        let prepared = command
            .prepare("unix:///s", OsStr::new("/engine:/bin"))
            .unwrap();
        let set: Vec<_> = prepared.get_envs().collect();
        let value = |name: &str| {
            set.iter()
                .find(|(key, _)| *key == name)
                .and_then(|(_, v)| *v)
        };
        assert_eq!(value("DOCKER_HOST"), Some(OsStr::new("unix:///s")));
        assert_eq!(value("PATH"), Some(OsStr::new("/engine:/bin")));
        assert_eq!(value("COLOUR"), Some(OsStr::new("blue")));
        assert_eq!(value("DOCKER_CONTEXT"), None);
        assert!(
            set.iter().any(|(key, _)| *key == "DOCKER_CERT_PATH"),
            "removed if inherited"
        );
    }

    #[test]
    fn a_missing_folder_is_told_from_a_missing_program() {
        let command = EnclosedCommand {
            argv: vec!["true".into()],
            current_dir: Some("/nowhere/at/all".into()),
            ..Default::default()
        };
        let error = command.prepare("", OsStr::new("")).unwrap_err();
        assert_eq!(error.to_string(), "cannot run a command in /nowhere/at/all");
        let error = EnclosedCommand::default()
            .prepare("", OsStr::new(""))
            .unwrap_err();
        assert!(matches!(error, RunError::Empty));
    }
}
