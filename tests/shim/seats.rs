//! The shim's binary under the names of the programs that it stands in for.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

/// The binary, built once.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--package",
                "shim",
                "--bin",
                "docker-shim",
            ])
            .status();
        assert!(built.unwrap().success(), "docker-shim does not build");
        let tests = std::env::current_exe().unwrap();
        let path = tests
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join("docker-shim");
        assert!(path.exists(), "{} is missing", path.display());
        path
    })
}

/// Fills a folder that is not there yet with the shim under these names.
pub(crate) fn seat(folder: &Utf8Path, names: &[&str]) -> Utf8PathBuf {
    std::fs::create_dir(folder).unwrap();
    for name in names {
        symlink(program(), folder.join(name)).unwrap();
    }
    folder.to_owned()
}
