//! A store to try the command line on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A temporary store; `goldenctl` is called with it.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
}

/// What a call printed and how it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("goldenctl is not killed"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Ground {
    /// A folder for a store that is not made yet.
    pub(crate) fn bare() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests need root"
        );
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// A store.
    pub(crate) fn new() -> Self {
        let ground = Self::bare();
        let answer = ground.call(&["init"]);
        assert_eq!(answer.code, 0, "{answer:?}");
        ground
    }

    /// A store in which project `shop` has a golden.
    pub(crate) fn with_golden() -> Self {
        let ground = Self::new();
        for line in [
            "session start shop first --or-empty",
            "session promote first",
        ] {
            let answer = ground.line(line);
            assert_eq!(answer.code, 0, "{line}: {answer:?}");
        }
        ground
    }

    /// Where the store is.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// `goldenctl`, ready to be called on the store.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldenctl"));
        command
            .env_remove("CACHECORE_LOG")
            .env("CACHECORE_ROOT", self.root());
        command
    }

    /// Calls `goldenctl`.
    pub(crate) fn call(&self, args: &[&str]) -> Answer {
        self.command()
            .args(args)
            .output()
            .expect("goldenctl runs")
            .into()
    }

    /// Calls `goldenctl` with the words of a line.
    pub(crate) fn line(&self, line: &str) -> Answer {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Names, kinds, sizes and contents of everything in the store, but for locks.
    pub(crate) fn picture(&self) -> Vec<String> {
        let mut picture = Vec::new();
        draw(&self.root(), &mut picture);
        picture.sort();
        picture
    }
}

fn draw(folder: &Path, picture: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let meta = path.symlink_metadata().expect("its attributes");
        if meta.is_dir() {
            picture.push(format!("{}/", path.display()));
            draw(&path, picture);
        } else if meta.is_symlink() {
            picture.push(format!("{} -> {:?}", path.display(), path.read_link()));
        } else if !path.ends_with("lock") && !path.ends_with("build.lock") {
            picture.push(format!("{} {:?}", path.display(), std::fs::read(&path)));
        }
    }
}
