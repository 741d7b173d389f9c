//! A temporary folder with short words for what the tests do in it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use treeclone::{
    CompareOptions, CopyOptions, CopyReport, Difference, Error, Observer, RemoveReport, Silent,
};

pub(crate) struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// On the filesystem of `folder`.
    pub(crate) fn within(folder: &Path) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "run these tests as root: they make devices, owners, trusted attributes and mounts"
        );
        Self {
            folder: tempfile::tempdir_in(folder).unwrap(),
        }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn open(&self, name: &str) -> File {
        File::open(self.path(name)).unwrap()
    }

    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<CopyReport, Error> {
        self.copy_with(from, to, &CopyOptions::default(), &Silent)
    }

    pub(crate) fn copy_with(
        &self,
        from: &str,
        to: &str,
        options: &CopyOptions<'_>,
        observer: &dyn Observer,
    ) -> Result<CopyReport, Error> {
        copy_across(&self.open(from), self, to, options, observer)
    }

    pub(crate) fn remove(&self, name: &str) -> Result<RemoveReport, Error> {
        self.remove_with(name, &Silent)
    }

    pub(crate) fn remove_with(
        &self,
        name: &str,
        observer: &dyn Observer,
    ) -> Result<RemoveReport, Error> {
        treeclone::remove_tree(self.open(".").as_fd(), OsStr::new(name), observer)
    }

    pub(crate) fn difference(&self, a: &str, b: &str) -> Option<Difference> {
        self.difference_by(
            a,
            b,
            &CompareOptions {
                sockets: false,
                ..CompareOptions::exact()
            },
        )
    }

    pub(crate) fn difference_by(
        &self,
        a: &str,
        b: &str,
        options: &CompareOptions<'_>,
    ) -> Option<Difference> {
        let (a, b) = (self.open(a), self.open(b));
        treeclone::compare_trees(a.as_fd(), b.as_fd(), options).unwrap()
    }

    pub(crate) fn allocated(&self, name: &str) -> u64 {
        treeclone::measure_tree(self.open(name).as_fd())
            .unwrap()
            .allocated
    }
}

/// Copies an open folder to a name on another ground.
pub(crate) fn copy_across(
    from: &File,
    ground: &Ground,
    to: &str,
    options: &CopyOptions<'_>,
    observer: &dyn Observer,
) -> Result<CopyReport, Error> {
    let parent = ground.open(".");
    treeclone::copy_tree(
        from.as_fd(),
        parent.as_fd(),
        OsStr::new(to),
        options,
        observer,
    )
}
