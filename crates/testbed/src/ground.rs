//! A folder on a real disk to work in.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};

/// Names another folder to work in than `target/ground` of this workspace.
pub const VARIABLE: &str = "CACHECORE_TEST_GROUND";

/// Filesystems that stores cannot lie on, by their magic numbers (linux/magic.h).
const UNSUITABLE: [(i64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x794C_7630, "overlayfs")];

/// A folder of one test's own, gone when this is dropped.
#[derive(Debug)]
pub struct Ground {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Ground {
    /// A new, empty folder, below [`VARIABLE`] where it is set.
    ///
    /// # Panics
    /// If this is not root, or the folder would lie in memory or on overlayfs.
    #[expect(
        clippy::new_without_default,
        reason = "a default should not touch the disk"
    )]
    pub fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "run these tests as root: they make devices, owners, trusted attributes and mounts"
        );
        let below = std::env::var_os(VARIABLE)
            .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/ground").into());
        std::fs::create_dir_all(&below).unwrap();
        let below = Path::new(&below).canonicalize().unwrap();
        let magic = rustix::fs::statfs(&below).unwrap().f_type;
        if let Some((_, name)) = UNSUITABLE.iter().find(|(number, _)| *number == magic) {
            panic!(
                "{} lies on {name}: name a folder on a real disk in {VARIABLE}",
                below.display()
            );
        }
        let folder = tempfile::tempdir_in(below).unwrap();
        let path = folder.path().to_owned().try_into().unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    /// The folder.
    pub fn root(&self) -> &Utf8Path {
        &self.path
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> Utf8PathBuf {
        self.path.join(name)
    }
}
