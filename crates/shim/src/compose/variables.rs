//! Variables that compose takes from a file as well, where the shim would not see them.

use cachecore::argv::Command;
use cachecore::compose::AsItIs;

use super::files;
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

/// Nothing that matters may stand in a file of variables: what counts there is not known here.
pub(super) fn check(environment: &Environment, command: &Command) -> Result<(), AsItIs> {
    for file in files::variables(environment, command) {
        let bytes = read(&file).unwrap_or_default();
        let named = |name: &&&str| files::contains(&bytes, name.as_bytes());
        if let Some(name) = DECISIVE.iter().find(named) {
            return Err(AsItIs(format!("{} has {name} in it", file.display())));
        }
    }
    Ok(())
}

/// What stands between the names of a project and a service in the name of an image.
pub(super) fn separator(environment: &Environment, command: &Command) -> Result<char, AsItIs> {
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
