use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use cachecore::tarsplit::What;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::handle::Handle;

pub(super) fn is_whiteout(folder: &Handle, name: &[u8]) -> Result<bool, StoreError> {
    let stat = rustix::fs::statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW);
    match stat {
        Ok(stat) => Ok(
            FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0,
        ),
        Err(Errno::NOENT) => Ok(false),
        Err(e) => Err(StoreError::io("look at", folder.path(), e)),
    }
}

/// An extended attribute; `None` if it is not there. The longest that is looked at has 24 bytes.
pub(super) fn attribute(fd: impl AsFd, name: &str) -> Result<Option<Vec<u8>>, Errno> {
    let mut value = vec![0; 64];
    match rustix::fs::fgetxattr(fd, name, value.as_mut_slice()) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        // Longer than any that an engine sets: it is there, and is none that is expected.
        Err(Errno::RANGE) => Ok(Some(value)),
        Err(e) => Err(e),
    }
}

pub(super) fn has(fd: impl AsFd, name: &str) -> bool {
    attribute(fd, name).is_ok_and(|value| value.is_some())
}

pub(super) fn shown(what: &What) -> &'static str {
    match what {
        What::Folder => "a folder",
        What::File => "a regular file",
        What::HardLink(_) => "the other name of a file that it should be",
        What::Symlink(_) => "the symlink that it should be",
        What::CharacterDevice(..) | What::BlockDevice(..) => "the device that it should be",
        What::Fifo => "a fifo",
        What::Whiteout | What::Opaque | What::Nothing => "the whiteout that it should be",
    }
}

/// Longest path that is shown whole, and how much of a longer one is shown of both its ends.
const SHOWN: usize = 200;
const HALF: usize = 96;

/// A path for people: nothing in it moves a terminal's cursor, and it ends.
pub(super) fn shown_path(path: &[u8]) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    if path.len() <= SHOWN {
        return path.escape_ascii().to_string();
    }
    format!(
        "{}[…]{}",
        path[..HALF].escape_ascii(),
        path[path.len() - HALF..].escape_ascii()
    )
}

#[cfg(test)]
mod tests {
    use super::shown_path;

    #[test]
    fn no_name_reaches_a_terminal_as_it_is() {
        assert_eq!(shown_path(b""), ".");
        assert_eq!(shown_path(b"a/\x1b[2Jb"), "a/\\x1b[2Jb");
        let long = shown_path(&[b'\n'; 4000]);
        assert!(long.len() < 800 && long.contains('…'), "{long}");
    }
}
