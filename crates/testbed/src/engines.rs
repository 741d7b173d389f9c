//! Real Docker engines, and sessions on them.
//!
//! - [`Release`]: the engines that `scripts/engine` puts into `.engine/`
//! - [`Workplace`]: a folder with a golden store, a project in it, and `goldenctl` working there
//! - [`Session`]: a daemon on a session's data root, beside it or in a container, and commands to it
//! - [`remains`]: what could be left on the machine of a workplace
//! - [`build_output`]: which steps of a `docker build` were done and which came from the cache
//!
//! Needs root. What cannot be set up ends the test with a panic that says what to do.

pub mod build_output;
mod goldenctl;
mod project;
mod release;
pub mod remains;
mod session;
mod workplace;

pub use goldenctl::{Done, Running};
pub use project::{CACHED_STEPS, IMAGES, Project};
pub use release::Release;
pub use session::{Place, Session};
pub use workplace::Workplace;

use std::time::{Duration, Instant};

/// `goldenctl` of this workspace.
///
/// # Panics
/// If it cannot be built.
pub fn goldenctl_program() -> &'static camino::Utf8Path {
    goldenctl::program()
}

/// `envimage` of this workspace.
///
/// # Panics
/// If it cannot be built.
pub fn envimage_program() -> &'static camino::Utf8Path {
    static PROGRAM: std::sync::OnceLock<camino::Utf8PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| goldenctl::built("envimage", "envimage"))
}

/// The double of dockerd: no containers and no builds, but a daemon's manners (see its own words).
///
/// # Panics
/// If it cannot be built.
pub fn dockerd_double() -> &'static camino::Utf8Path {
    static PROGRAM: std::sync::OnceLock<camino::Utf8PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| goldenctl::built("testbed", "dockerd-double"))
}

/// What runs a program with exactly the environment that it is told (see its own words).
///
/// # Panics
/// If it cannot be built.
pub fn verbatim() -> &'static camino::Utf8Path {
    static PROGRAM: std::sync::OnceLock<camino::Utf8PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| goldenctl::built("testbed", "verbatim"))
}

/// A busybox that needs no libraries.
///
/// # Panics
/// If `scripts/engine` has not brought it.
pub fn busybox() -> camino::Utf8PathBuf {
    release::busybox()
}

/// A small Debian with apt, dpkg and bash, as an archive for `docker import`. Without a network its apt installs
/// jq, tree, less, unzip, xz-utils, curl, ca-certificates, make, git and python3-minimal, from `/srv/packages`.
///
/// # Panics
/// If `scripts/engine` has not brought it.
pub fn debian() -> camino::Utf8PathBuf {
    release::debian()
}

/// `docker-compose` 1.29, or why it cannot be had on this machine.
///
/// # Errors
/// What `scripts/engine` has noted.
///
/// # Panics
/// If `scripts/engine` has not been here.
pub fn compose_1() -> Result<camino::Utf8PathBuf, String> {
    let folder = release::folder().join("compose-1");
    let program = folder.join("docker-compose");
    if program.exists() {
        return Ok(program);
    }
    let noted = std::fs::read_to_string(folder.join("unavailable"));
    Err(noted.unwrap_or_else(|_| panic!("{program} is missing: run scripts/engine first")))
}

/// Waits for something that has to become true.
///
/// # Panics
/// If it does not within 20 seconds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(
            Instant::now() < until,
            "still not true after 20 seconds: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A number that no other command line of this machine has, as an argument for `sleep`.
///
/// # Panics
/// Before 1970.
pub fn marker() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("1{:012}", now.as_nanos() % 1_000_000_000_000)
}
