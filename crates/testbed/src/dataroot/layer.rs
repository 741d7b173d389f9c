//! The contents of a layer.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use walkdir::WalkDir;

use super::{MTIME, archive, oddities, put};

/// How many files of a filled layer lie in one folder.
const FOLDER: usize = 250;

/// A layer of an image. Its diff id follows from what it is told to hold.
#[derive(Debug, Clone)]
pub struct Layer {
    name: String,
    filled: Vec<(usize, usize)>,
    files: Vec<(String, String)>,
    odd: bool,
}

impl Layer {
    /// An empty layer. Its name stands for the build step that made it.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            filled: Vec::new(),
            files: Vec::new(),
            odd: false,
        }
    }

    /// With so many files of so many bytes each.
    #[must_use]
    pub fn files(mut self, count: usize, bytes: usize) -> Self {
        self.filled.push((count, bytes));
        self
    }

    /// With this file.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.to_owned(), content.to_owned()));
        self
    }

    /// With everything that is hard to copy: whiteouts, opaque folders, setuid files, capabilities,
    /// hard links, holes, owners, odd names.
    #[must_use]
    pub fn oddities(mut self) -> Self {
        self.odd = true;
        self
    }

    /// `sha256:<hex>`: the digest of the archive that the layer comes from.
    pub fn diff_id(&self) -> String {
        archive::of(self).diff_id.clone()
    }

    /// The archive that the layer comes from, compressed by gzip.
    pub(super) fn blob(&self) -> Vec<u8> {
        archive::of(self).blob.clone()
    }

    /// Writes the contents into the new folder `diff`, with owners shifted to the mapped root.
    pub(super) fn write(&self, diff: &Path, shift: u32) {
        std::fs::create_dir_all(diff).unwrap();
        for (nth, (count, bytes)) in self.filled.iter().enumerate() {
            let folder = format!("srv/{}-{nth}", self.name);
            for number in 0..*count {
                let path = format!("{folder}/{:03}/{number}.js", number / FOLDER);
                if number % FOLDER == 0 {
                    std::fs::create_dir_all(diff.join(&path).parent().unwrap()).unwrap();
                }
                std::fs::write(diff.join(&path), noise(&path, *bytes)).unwrap();
            }
        }
        for (path, content) in &self.files {
            put(diff.join(path), content);
        }
        if self.odd {
            oddities::write(diff);
        }
        if shift != 0 {
            shift_owners(diff, shift);
        }
        age(diff);
    }
}

/// Bytes that look like nothing and follow from a seed.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn shift_owners(tree: &Path, shift: u32) {
    use std::os::unix::fs::MetadataExt;
    for entry in WalkDir::new(tree) {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        let (uid, gid) = (meta.uid() + shift, meta.gid() + shift);
        std::os::unix::fs::lchown(entry.path(), Some(uid), Some(gid)).unwrap();
        if !meta.is_symlink() {
            // A new owner takes the set-id bits away; Docker too sets the mode last.
            std::fs::set_permissions(entry.path(), meta.permissions()).unwrap();
        }
    }
}

/// Sets one modification time for all of a tree, folders after what is in them.
pub(super) fn age(tree: &Path) {
    let stamp = Timespec {
        tv_sec: MTIME,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: stamp,
        last_modification: stamp,
    };
    for entry in WalkDir::new(tree).contents_first(true) {
        let entry = entry.unwrap();
        utimensat(CWD, entry.path(), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}
