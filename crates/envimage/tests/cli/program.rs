//! A folder, and the program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of a test's own.
pub(crate) struct Folder(tempfile::TempDir);

/// What a call gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Every file below, with its content.
    pub(crate) fn picture(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                if metadata.is_dir() {
                    folders.push(path);
                } else if metadata.is_file() {
                    found.push((path.clone(), std::fs::read(&path).unwrap()));
                } else {
                    found.push((path, Vec::new()));
                }
            }
        }
        found.sort();
        found
    }

    /// A command in the folder that reaches no daemon, and keeps its state beside it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_envimage"));
        command
            .args(args)
            .current_dir(self.path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .env("HOME", "/nonexistent")
            .env("CACHECORE_ENVIRONMENTS", "/nonexistent/environments")
            .stdin(Stdio::null());
        command
    }

    /// Calls the program.
    pub(crate) fn envimage(&self, args: &[&str]) -> Answer {
        answer(self.command(args).output().unwrap())
    }
}

pub(crate) fn answer(output: Output) -> Answer {
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
