//! Finds the Docker engine: `dockerd` and what lies beside it.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::Access;

use crate::enclosure::process::Process;
use crate::limits::Limits;

/// A Docker engine on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The daemon's program.
    pub dockerd: Utf8PathBuf,
    /// `PATH` for dockerd and for the commands beside it: dockerd's folder first, so that it
    /// starts the containerd, shim and runc that it was shipped with.
    pub path: OsString,
}

/// Why no engine could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// `PATH` has no dockerd.
    #[error("no dockerd in PATH")]
    NotFound,
    /// The program that was named is not there, or cannot be executed.
    #[error("{path} cannot be used as dockerd")]
    NotExecutable {
        /// The program that was named.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// dockerd did not tell its version.
    #[error("cannot learn the version from `{dockerd} --version`: {reason}")]
    Version {
        /// The program that was asked.
        dockerd: Utf8PathBuf,
        /// What it did instead.
        reason: String,
    },
}

impl EngineError {
    /// The next thing to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotFound | Self::NotExecutable { .. } => Some(
                "install the Docker engine (package docker.io or docker-ce), \
                 or set CACHECORE_DOCKERD to the path of a dockerd"
                    .to_owned(),
            ),
            Self::Version { dockerd, .. } => Some(format!("try `{dockerd} --version` by hand")),
        }
    }
}

impl Engine {
    /// Finds dockerd: the one that was named, else the first in `path_var`.
    pub fn find(explicit: Option<&Utf8Path>, path_var: &OsStr) -> Result<Self, EngineError> {
        let dockerd = match explicit {
            Some(path) => {
                executable(path).map_err(|source| EngineError::NotExecutable {
                    path: path.to_owned(),
                    source,
                })?;
                absolute(path)
            }
            None => std::env::split_paths(path_var)
                .filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok())
                .filter(|folder| folder.is_absolute())
                .map(|folder| folder.join("dockerd"))
                .find(|candidate| executable(candidate).is_ok())
                .ok_or(EngineError::NotFound)?,
        };
        let mut path = OsString::from(dockerd.parent().unwrap_or(Utf8Path::new("/")).as_str());
        if !path_var.is_empty() {
            path.push(":");
            path.push(path_var);
        }
        Ok(Self { dockerd, path })
    }

    /// The engine's version, such as `26.1.5`, as `dockerd --version` tells it.
    pub fn version(&self) -> Result<String, EngineError> {
        let failed = |reason| EngineError::Version {
            dockerd: self.dockerd.clone(),
            reason,
        };
        let output = self
            .version_command()
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        parse_version(&text)
            .map(str::to_owned)
            .ok_or_else(|| failed(format!("it printed {:?} ({})", text.trim(), output.status)))
    }

    /// The engine's version, if dockerd tells it within the limits.
    pub(crate) fn version_within(&self, limits: &Limits<'_>) -> Option<String> {
        let mut command = self.version_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::null()).spawn().ok()?;
        let mut process = Process::new(child).ok()?;
        while !process.ends_within(limits.slice()) {
            if limits.reached().is_some() {
                return None;
            }
        }
        // One read, not to the end: whatever it started might keep the pipe open.
        let mut said = [0; 256];
        let length = process.child().stdout.take()?.read(&mut said).ok()?;
        parse_version(std::str::from_utf8(&said[..length]).ok()?).map(str::to_owned)
    }

    fn version_command(&self) -> Command {
        let mut command = Command::new(&self.dockerd);
        command.arg("--version").env("PATH", &self.path);
        command
    }
}

fn absolute(path: &Utf8Path) -> Utf8PathBuf {
    camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned())
}

fn executable(path: &Utf8Path) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    Ok(rustix::fs::access(path.as_std_path(), Access::EXEC_OK)?)
}

/// Reads `Docker version 26.1.5+dfsg1, build a72d7cd`; a distribution's suffix is not the
/// engine's version.
fn parse_version(text: &str) -> Option<&str> {
    let (version, _) = text.strip_prefix("Docker version ")?.split_once(',')?;
    let version = version.split('+').next()?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(version)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(
            parse_version("Docker version 26.1.5+dfsg1, build a72d7cd\n"),
            Some("26.1.5")
        );
        assert_eq!(
            parse_version("Docker version 29.0.0-rc.1, build x\n"),
            Some("29.0.0-rc.1")
        );
        assert_eq!(parse_version("podman version 5\n"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn the_first_executable_in_path_wins_and_its_folder_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        for (folder, mode) in [("plain", 0o644), ("good", 0o755), ("later", 0o755)] {
            std::fs::create_dir(dir.join(folder)).unwrap();
            let file = dir.join(folder).join("dockerd");
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = format!("relative:{dir}/plain:{dir}/good:{dir}/later");
        let engine = Engine::find(None, OsStr::new(&path)).unwrap();
        assert_eq!(engine.dockerd, dir.join("good/dockerd"));
        assert_eq!(engine.path, OsString::from(format!("{dir}/good:{path}")));

        let named = dir.join("later/dockerd");
        let engine = Engine::find(Some(&named), OsStr::new(&path)).unwrap();
        assert_eq!(engine.dockerd, named);

        let error = Engine::find(Some(&dir.join("plain/dockerd")), OsStr::new("")).unwrap_err();
        assert!(
            matches!(error, EngineError::NotExecutable { .. }),
            "{error:?}"
        );
        let error = Engine::find(None, OsStr::new("/nowhere")).unwrap_err();
        assert!(error.help().unwrap().contains("CACHECORE_DOCKERD"));
    }
}
