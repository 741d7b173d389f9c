//! Variables that compose takes from a file as well, where the shim would not see them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cachecore::argv::Command;
use cachecore::compose::AsItIs;

use crate::Environment;
use crate::builder::read;

/// What decides what a build is, besides the project.
const DECISIVE: [&str; 8] = [
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "COMPOSE_COMPATIBILITY",
    "COMPOSE_FILE",
    "DOCKER_BUILDKIT",
    "DOCKER_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM",
    "DOCKER_HOST",
];

/// Where compose looks for a project that it is not told of.
const FILES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// Nothing that matters may stand in a file of variables: what counts there is not known here.
pub(crate) fn check(environment: &Environment, command: &Command) -> Result<(), AsItIs> {
    for file in files(environment, command) {
        let Some(bytes) = read(&file) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if let Some(name) = DECISIVE.iter().find(|name| text.contains(**name)) {
            return Err(AsItIs(format!("{} has {name} in it", file.display())));
        }
    }
    Ok(())
}

/// What stands between the names of a project and a service in the name of an image.
pub(crate) fn separator(environment: &Environment, command: &Command) -> Result<char, AsItIs> {
    let flag = command
        .is_on("compatibility")
        .ok_or_else(|| AsItIs("--compatibility is neither true nor false".to_owned()))?;
    let variable = environment.compose_compatibility.as_deref();
    let variable = variable.unwrap_or_default().to_ascii_lowercase();
    let is_on = ["1", "t", "true", "y", "yes"]
        .iter()
        .any(|yes| variable == *yes);
    Ok(if flag || is_on { '_' } else { '-' })
}

/// Every file of variables that compose may read.
fn files(environment: &Environment, command: &Command) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = command.values("env-file").map(PathBuf::from).collect();
    let named = environment.compose_env_files.as_deref().unwrap_or_default();
    let named = named.as_bytes().split(|byte| *byte == b',');
    files.extend(
        named
            .filter(|name| !name.is_empty())
            .map(|name| OsStr::from_bytes(name).into()),
    );
    files.extend(
        folders(environment, command)
            .iter()
            .map(|dir| dir.join(".env")),
    );
    files
}

/// The folders that may be the project's.
fn folders(environment: &Environment, command: &Command) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(".")];
    for flag in ["project-directory", "workdir"] {
        folders.extend(command.values(flag).map(PathBuf::from));
    }
    let parent = |file: &Path| file.parent().map(Path::to_owned);
    folders.extend(
        command
            .values("file")
            .filter_map(|file| parent(file.as_ref())),
    );
    if let Some(list) = &environment.compose_file {
        folders.extend(std::env::split_paths(list).filter_map(|file| parent(&file)));
    }
    if let Ok(here) = std::env::current_dir() {
        let has_project = |dir: &&Path| FILES.iter().any(|file| dir.join(file).exists());
        folders.extend(here.ancestors().find(has_project).map(Path::to_owned));
    }
    folders
}
