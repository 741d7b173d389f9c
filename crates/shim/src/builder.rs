//! Which builder a build goes to, read from buildx's folder: asking buildx would take as long as many a
//! build.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use cachecore::argv::{Command, Program};
use cachecore::builder::{Builder, Choice, current, instance, is_name};

use crate::Environment;

/// The largest of buildx's files that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The builder of a command in this program's words; `None` if nothing is known of it.
pub(crate) fn of(
    environment: &Environment,
    program: Program,
    command: &Command,
) -> Option<Builder> {
    // Compose asks for its builder as buildx does.
    let is_buildx = program == Program::Buildx || command.path.first() == Some(&"buildx");
    if environment.without_buildkit && !is_buildx {
        return Some(Builder::of_daemon("default"));
    }
    let dir = folder(environment);
    let variable = environment.builder.as_deref();
    // The CLI gives its own builds to the context's builder, whatever `buildx use` has said.
    let current = dir
        .as_ref()
        .filter(|_| is_buildx || command.is_compose)
        .and_then(|dir| current(&read(&dir.join("current"))?));
    let flag = command.value("builder").map(|name| name.to_string_lossy());
    let choice = Choice {
        flag: flag.as_deref(),
        variable: variable.and_then(|name| name.to_str()),
        current: current.as_deref(),
    };
    let Some(name) = choice.name() else {
        return Some(Builder::of_daemon("default"));
    };
    if !is_name(name) {
        return None;
    }
    instance(&read(&dir?.join("instances").join(name))?)
}

/// Buildx's folder.
fn folder(environment: &Environment) -> Option<PathBuf> {
    match &environment.buildx_config {
        Some(dir) => Some(dir.clone()),
        None => Some(environment.config_dir()?.join("buildx")),
    }
}

/// A small regular file; `None` if it is anything else.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}
