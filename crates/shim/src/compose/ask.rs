//! What the real compose says of a project.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Command, Stdio};

use cachecore::compose::{AsItIs, Model, Question, Version};
use cachecore::rewrite::Plan;

use crate::{Real, trail};

/// The largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// The project, and the version of compose.
pub(crate) fn project(
    real: &Real,
    plan: &Plan,
    question: &Question,
) -> Result<(Model, Version), AsItIs> {
    let (config, version) = std::thread::scope(|scope| {
        let version = scope.spawn(|| answer(real, plan, &question.version));
        let config = answer(real, plan, &question.config);
        (config, version.join().unwrap_or(None))
    });
    let version = version.as_deref().and_then(Version::read);
    let version = version.filter(|version| *version >= Version(2, 0, 0));
    let version = version.ok_or_else(|| AsItIs("compose does not say its version".to_owned()))?;
    let config = config.ok_or_else(|| {
        // It will say so itself, with the command that the user wrote.
        AsItIs("compose does not accept the project or the command".to_owned())
    })?;
    Ok((Model::read(&config)?, version))
}

/// What it prints, if it succeeds. What it says besides, it will say again.
fn answer(real: &Real, plan: &Plan, words: &[OsString]) -> Option<Vec<u8>> {
    let mut child = quiet(real, plan, words)
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut bytes = Vec::new();
    let read = child
        .stdout
        .take()?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes);
    let is_whole = read.is_ok() && bytes.len() as u64 <= LARGEST;
    if !is_whole {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    (is_whole && status.success()).then_some(bytes)
}

/// The real program, which says nothing to anybody.
fn quiet(real: &Real, plan: &Plan, words: &[OsString]) -> Command {
    let mut command = Command::new(&real.path);
    let variables = plan.environment.iter().map(|(name, value)| (name, value));
    command
        .args(words)
        .envs(variables)
        .env(trail::VARIABLE, &real.trail)
        .env("CACHECORE_DISABLE", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}
