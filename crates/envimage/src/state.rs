//! What is remembered between calls, for one user.
//!
//! ```text
//! <folder>/                     $CACHECORE_ENVIRONMENTS, else $XDG_STATE_HOME/cachecore/environments,
//!                               else ~/.local/state/cachecore/environments; mode 0700
//!   locks/<stage>-<key>         flock: while this image is built
//!   builds/<stage>-<key>/       what a running build needs; removed when it has ended
//!     lease                     standard input of the build's docker: whoever has it open belongs to it
//!     context/, Dockerfile
//!   logs/<stage>-<key>          what its last build printed, without secrets
//!   failures/<stage>-<key>      why its last build failed, and when it is tried again
//!   inputs/<project>/<stage>    the inputs of the last build, for `explain`
//!   startup/<digest>/           the scripts of a start, which containers have mounted
//!   used/<stage>-<key>          empty; its modification time is the image's last use
//! ```
//!
//! Nothing here decides whether an image is there: only the daemon does. All of it can be removed while
//! nothing is built.

mod failure;
mod lease;
mod listing;
mod lock;
mod startup;

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

pub use failure::Failed;
pub(crate) use lease::Lease;
pub(crate) use listing::{Remembered, timestamp};
pub(crate) use lock::Locked;

/// What is written here is short.
const LONGEST: u64 = 1 << 20;

/// The folder in which envimage remembers.
#[derive(Debug, Clone)]
pub struct State {
    folder: Utf8PathBuf,
}

/// What keeps envimage from remembering.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No folder is known for it.
    #[error(
        "there is no place to remember builds in: neither CACHECORE_ENVIRONMENTS nor HOME is set"
    )]
    NoPlace,
    /// A file or folder of it cannot be used.
    #[error("cannot {what} {path}")]
    Unusable {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: Utf8PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

impl StateError {
    /// What to do next.
    pub fn help(&self) -> String {
        "set CACHECORE_ENVIRONMENTS to a folder that this user can write to".to_owned()
    }
}

/// Wraps what the system says of a path.
fn unusable(what: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |cause| StateError::Unusable { what, path, cause }
}

impl State {
    /// The folder of this process's user.
    ///
    /// # Errors
    /// [`StateError::NoPlace`] if the environment names none.
    pub fn from_environment() -> Result<Self, StateError> {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, StateError> {
        let set = |name: &str| {
            let value = lookup(name)?.into_string().ok().map(Utf8PathBuf::from);
            value.filter(|path| path.is_absolute())
        };
        let below = "cachecore/environments";
        let folder = set("CACHECORE_ENVIRONMENTS")
            .or_else(|| Some(set("XDG_STATE_HOME")?.join(below)))
            .or_else(|| Some(set("HOME")?.join(".local/state").join(below)));
        folder.map(Self::at).ok_or(StateError::NoPlace)
    }

    /// This folder. It need not be there.
    pub fn at(folder: Utf8PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// A file of one kind, in a folder that is made if need be.
    fn file(&self, kind: &str, name: &str) -> Result<Utf8PathBuf, StateError> {
        let folder = self.folder.join(kind);
        make_folder(&folder)?;
        Ok(folder.join(name))
    }

    /// Remembers that an image was used just now.
    ///
    /// # Errors
    /// [`StateError`] if that cannot be written.
    pub fn note_use(&self, image: &str) -> Result<(), StateError> {
        let path = self.file("used", image)?;
        let open = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(nofollow())
            .open(&path);
        let file = open.map_err(unusable("write", &path))?;
        file.set_modified(SystemTime::now())
            .map_err(unusable("write", &path))
    }

    /// When an image was last used, as far as this user knows.
    pub fn last_use(&self, image: &str) -> Option<SystemTime> {
        let file = self.folder.join("used").join(image);
        std::fs::symlink_metadata(file).ok()?.modified().ok()
    }

    /// Remembers the inputs of a stage's last build.
    ///
    /// # Errors
    /// [`StateError`] if that cannot be written.
    pub fn note_inputs(
        &self,
        project: &str,
        stage: &str,
        inputs: &impl serde::Serialize,
    ) -> Result<(), StateError> {
        let path = self.file(&format!("inputs/{project}"), stage)?;
        let bytes = serde_json::to_vec_pretty(inputs).map_err(io::Error::from);
        replace(&path, &bytes.map_err(unusable("write", &path))?)
    }

    /// The inputs of a stage's last build; `None` if none is known.
    pub fn inputs<T: serde::de::DeserializeOwned>(&self, project: &str, stage: &str) -> Option<T> {
        let path = self.folder.join("inputs").join(project).join(stage);
        serde_json::from_slice(&read(&path)?).ok()
    }

    /// Where the log of an image's last build is.
    ///
    /// # Errors
    /// [`StateError`] if its folder cannot be made.
    pub(crate) fn log(&self, image: &str) -> Result<Utf8PathBuf, StateError> {
        self.file("logs", image)
    }

    /// Drops all that is remembered of an image that is no more.
    pub fn forget(&self, image: &str) {
        for kind in ["used", "logs", "failures"] {
            let _ = std::fs::remove_file(self.folder.join(kind).join(image));
        }
        // Not while somebody builds it; who waits for the lock sees that it is another.
        if let Ok(Some(_locked)) = self.try_lock(image) {
            let _ = std::fs::remove_file(self.folder.join("locks").join(image));
        }
    }
}

/// The flag that keeps links from being followed.
fn nofollow() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    flags.bits() as i32
}

/// Makes a folder, and those above it, for this user alone.
fn make_folder(folder: &Utf8Path) -> Result<(), StateError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(unusable("make the folder", folder))
}

/// A new file in a folder of ours.
fn create(path: &Utf8Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Gives a file other content, in one step.
fn replace(path: &Utf8Path, bytes: &[u8]) -> Result<(), StateError> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let _ = std::fs::remove_file(&new);
    let written = create(&new, 0o600)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written.map_err(unusable("write", path))
}

/// A file's content, if it is one of ours.
fn read(path: &Utf8Path) -> Option<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nofollow())
        .open(path)
        .ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Option<String> {
        let state = State::from_lookup(|asked| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| OsString::from(value))
        });
        Some(state.ok()?.folder.to_string())
    }

    #[test]
    fn builds_are_remembered_where_the_user_s_state_is() {
        let home = ("HOME", "/h");
        let below = "cachecore/environments";
        let usual = format!("/h/.local/state/{below}");
        assert_eq!(place(&[home]), Some(usual.clone()));
        assert_eq!(place(&[home, ("XDG_STATE_HOME", "x")]), Some(usual));
        assert_eq!(
            place(&[home, ("XDG_STATE_HOME", "/x")]),
            Some(format!("/x/{below}"))
        );
        let own = ("CACHECORE_ENVIRONMENTS", "/own");
        assert_eq!(place(&[home, own]).as_deref(), Some("/own"));
        assert_eq!(place(&[]), None);
    }

    #[test]
    fn what_is_written_is_read_and_links_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(dir.path()).unwrap().join("deep/er");
        let state = State::at(folder.clone());
        assert_eq!(state.inputs::<Vec<u32>>("shop", "system"), None);
        state.note_inputs("shop", "system", &[1, 2]).unwrap();
        state.note_inputs("shop", "system", &[3]).unwrap();
        assert_eq!(state.inputs("shop", "system"), Some(vec![3]));
        assert_eq!(state.last_use("system-1"), None);
        state.note_use("system-1").unwrap();
        assert!(state.last_use("system-1").is_some());
        state.forget("system-1");
        assert_eq!(state.last_use("system-1"), None);
        std::fs::write(dir.path().join("other"), "[4]").unwrap();
        let link = folder.join("inputs/shop/system");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(dir.path().join("other"), &link).unwrap();
        assert_eq!(state.inputs::<Vec<u32>>("shop", "system"), None);
    }
}
