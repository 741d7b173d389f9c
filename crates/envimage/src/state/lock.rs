//! Who builds an image: one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

use camino::Utf8Path;

use super::{State, StateError, nofollow, unusable};

/// The right to build an image, until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Locked(#[expect(dead_code, reason = "it is there to be dropped")] File);

impl State {
    /// Takes the right to build an image; `None` while another process has it.
    pub(crate) fn try_lock(&self, image: &str) -> Result<Option<Locked>, StateError> {
        let path = self.file("locks", image)?;
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .custom_flags(nofollow())
                .open(&path)
                .map_err(unusable("open", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(cause)) => return Err(unusable("lock", &path)(cause)),
            }
            if is_still_there(&file, &path) {
                return Ok(Some(Locked(file)));
            }
        }
    }
}

/// Whether the path still leads to this file: who removes it has locked it.
fn is_still_there(file: &File, path: &Utf8Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_built_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(Utf8Path::from_path(dir.path()).unwrap().to_owned());
        let first = state.try_lock("system-1").unwrap();
        assert!(first.is_some());
        assert!(state.try_lock("system-1").unwrap().is_none());
        assert!(state.try_lock("system-2").unwrap().is_some());
        state.forget("system-1");
        assert!(
            state.try_lock("system-1").unwrap().is_none(),
            "it is still built"
        );
        drop(first);
        state.forget("system-1");
        assert!(!dir.path().join("locks/system-1").exists());
        assert!(state.try_lock("system-1").unwrap().is_some());
    }
}
