//! A filesystem that is mounted for as long as a test needs it.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A mount, undone when this is dropped.
#[derive(Debug)]
pub struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// An empty tmpfs.
    pub fn tmpfs(at: impl AsRef<Path>) -> Self {
        Self::filesystem("tmpfs", at.as_ref(), "size=1m")
    }

    /// An empty tmpfs of a size such as `64m`.
    pub fn tmpfs_of(at: impl AsRef<Path>, size: &str) -> Self {
        Self::filesystem("tmpfs", at.as_ref(), &format!("size={size}"))
    }

    /// An overlay of three folders of one filesystem.
    pub fn overlay(
        at: impl AsRef<Path>,
        lower: impl AsRef<Path>,
        upper: impl AsRef<Path>,
        work: impl AsRef<Path>,
    ) -> Self {
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.as_ref().display(),
            upper.as_ref().display(),
            work.as_ref().display()
        );
        Self::filesystem("overlay", at.as_ref(), &options)
    }

    fn filesystem(kind: &str, at: &Path, options: &str) -> Self {
        let options = CString::new(options).unwrap();
        mount(kind, at, kind, MountFlags::empty(), options.as_c_str()).unwrap();
        Self { at: at.to_owned() }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let undone = unmount(&self.at, UnmountFlags::DETACH);
        if !std::thread::panicking() {
            undone.unwrap();
        }
    }
}
