//! What the CLI asks every plugin for, at each of its starts that may need one: who it is, and in which
//! version. Compose builds with no plugin that is too old. So the answer is the real plugin's; but that takes
//! 40 ms to give it.
//!
//! It is remembered in `~/.cache/cachecore/plugins/<name>`, with what tells that the real plugin is still the
//! same file. One that is a script is asked each time: what it answers may be another's.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::fs::{AtFlags, CWD, OFlags, linkat};

use crate::manage::print;
use crate::{Environment, Real, Seat};

/// The word by which a plugin is asked.
pub(crate) const WORD: &str = "docker-cli-plugin-metadata";

/// The longest answer, in bytes.
const LONGEST: u64 = 64 << 10;

/// Answers as the real plugin does; `None` if that had better be asked in this process's place.
pub(crate) fn answer(environment: &Environment, seat: Seat, real: &Real) -> Option<ExitCode> {
    known(environment, seat, real).map(|answer| print(&answer))
}

/// The version of a real plugin, as it says itself.
pub(crate) fn version(environment: &Environment, seat: Seat, real: &Real) -> Option<String> {
    let answer = known(environment, seat, real).or_else(|| ask(real))?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    Some(answer["Version"].as_str()?.to_owned())
}

/// The answer, by memory if possible.
fn known(environment: &Environment, seat: Seat, real: &Real) -> Option<String> {
    let state = state(&real.path)?;
    let place = environment.cache_dir()?.join("plugins").join(seat.name());
    if let Some(answer) = remembered(&place, &state) {
        return Some(answer);
    }
    let answer = ask(real)?;
    // Whoever cannot remember it asks again.
    let _ = remember(&place, &state, &answer);
    Some(answer)
}

/// What tells that a program is the same as before; `None` if its answer is not its own.
fn state(program: &Path) -> Option<String> {
    let mut file = File::open(program).ok()?;
    let mut head = [0; 2];
    file.read_exact(&mut head).ok()?;
    if head == *b"#!" {
        return None;
    }
    let meta = file.metadata().ok()?;
    let state = [
        meta.dev().cast_signed(),
        meta.ino().cast_signed(),
        meta.size().cast_signed(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    ];
    let state: Vec<String> = state.iter().map(ToString::to_string).collect();
    Some(state.join(" "))
}

/// The answer, if it was this program's.
fn remembered(place: &Path, state: &str) -> Option<String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(place)
        .ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    let (written, answer) = text.split_once('\n')?;
    (written == state && is_answer(answer)).then(|| answer.to_owned())
}

/// Writes it down for the next time. The file has no name before it is whole, so that nothing is ever left.
fn remember(place: &Path, state: &str, answer: &str) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    // Up to the user's own folder, which is there or is not made.
    let above: Vec<&Path> = folder.ancestors().take(3).collect();
    for folder in above.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    let mut file = OpenOptions::new()
        .write(true)
        .mode(0o600)
        .custom_flags(OFlags::TMPFILE.bits().cast_signed())
        .open(folder)?;
    file.write_all(format!("{state}\n{answer}").as_bytes())?;
    let unnamed = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let _ = std::fs::remove_file(place);
    linkat(CWD, &unnamed, CWD, place, AtFlags::SYMLINK_FOLLOW)?;
    Ok(())
}

/// Asks the real plugin.
fn ask(real: &Real) -> Option<String> {
    let answer = real.ask(&[WORD.into()], &[], LONGEST)?;
    String::from_utf8(answer)
        .ok()
        .filter(|answer| is_answer(answer))
}

fn is_answer(text: &str) -> bool {
    let answer: Option<serde_json::Value> = serde_json::from_str(text).ok();
    answer.is_some_and(|answer| answer["SchemaVersion"].is_string())
}
