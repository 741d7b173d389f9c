//! What lies in a layer's folder and is not in its archive.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::MAX_DIFFERENCES;
use super::check::Check;
use super::node::{attribute, is_whiteout};
use crate::error::StoreError;
use crate::handle::Handle;

impl Check<'_> {
    /// Looks for what the archive does not name. Folders that it does not know are not looked into.
    pub(super) fn walk(&mut self) -> Result<(), StoreError> {
        let mut path = Vec::new();
        // For each folder down to the current one: where its path ends, and the names of its
        // subfolders that are still to be looked into, each with a NUL behind it.
        let mut waiting = vec![(0, self.list(&path)?)];
        while let Some((end, names)) = waiting.last_mut() {
            path.truncate(*end);
            if names.pop().is_none() {
                waiting.pop();
                continue;
            }
            let begin = names
                .iter()
                .rposition(|byte| *byte == 0)
                .map_or(0, |nul| nul + 1);
            if *end > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&names[begin..]);
            names.truncate(begin);
            let end = path.len();
            let names = self.list(&path)?;
            waiting.push((end, names));
            if self.differences.len() >= MAX_DIFFERENCES {
                return Ok(());
            }
        }
        if self.names.are_opaque_left() {
            self.apart.get_or_insert_with(|| {
                "a folder that hides what is below it has no mark that says so".to_owned()
            });
        }
        Ok(())
    }

    /// Looks at the names in a folder, and gives those of its subfolders.
    fn list(&mut self, path: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut folders = Vec::new();
        let Some(folder) = self.place.folder().beneath(path)? else {
            self.differs(path, "was a folder a moment ago");
            return Ok(folders);
        };
        self.marks(path, &folder);
        let failed = |e: Errno| StoreError::io("list", folder.path(), e);
        let mut child = Vec::with_capacity(path.len() + 32);
        for entry in rustix::fs::Dir::read_from(folder.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            child.clear();
            if !path.is_empty() {
                child.extend_from_slice(path);
                child.push(b'/');
            }
            child.extend_from_slice(name);
            let known = self.names.has(&child);
            let kind = match entry.file_type() {
                FileType::Unknown => folder
                    .kind(OsStr::from_bytes(name))?
                    .unwrap_or(FileType::Unknown),
                kind => kind,
            };
            match kind {
                FileType::Directory if known => {
                    folders.extend_from_slice(name);
                    folders.push(0);
                }
                // No archive has sockets.
                FileType::Socket => {}
                _ if known => {}
                FileType::CharacterDevice if is_whiteout(&folder, name)? => {
                    self.stands_apart(
                        &child,
                        "is marked as deleted, and the archive does not say so",
                    );
                }
                _ => self.differs(&child, "is not in the layer's archive"),
            }
            if self.differences.len() >= MAX_DIFFERENCES {
                break;
            }
            self.progress.entry()?;
        }
        Ok(folders)
    }

    /// What overlayfs notes at a folder.
    fn marks(&mut self, path: &[u8], folder: &Handle) {
        let hides = attribute(folder, "trusted.overlay.opaque")
            .is_ok_and(|mark| mark.as_deref() == Some(b"y"));
        let expected = self.names.take_opaque(path);
        if hides != expected {
            self.stands_apart(
                path,
                "hides what is below it, or not, otherwise than its archive says",
            );
        }
    }
}
