//! What is mounted inside a tree is not part of it.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
use treeclone::{CompareOptions, Error};

use crate::ground::Ground;

/// Something mounted for as long as this lives.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn filesystem(kind: &str, on: &Path) -> Self {
        mount(kind, on, kind, MountFlags::empty(), None).unwrap_or_else(|errno| {
            panic!("these tests need root and the right to mount {kind}: {errno}")
        });
        Self(on.to_path_buf())
    }

    fn bind(what: &Path, on: &Path) -> Self {
        mount_bind(what, on).unwrap_or_else(|errno| {
            panic!("these tests need root and the right to mount: {errno}")
        });
        Self(on.to_path_buf())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

fn is_mount_point<T: std::fmt::Debug>(outcome: Result<T, Error>, at: &str) {
    match outcome {
        Err(Error::MountPoint { path }) => assert_eq!(path.as_path(), Path::new(at)),
        other => panic!("expected a mount point at {at}: {other:?}"),
    }
}

#[test]
fn mount_points_inside_are_refused_and_left_alone() {
    let ground = Ground::new();
    for kind in ["tmpfs", "folder", "file"] {
        let inside = ground.folder("tree/a/b").join("on");
        let other = ground.folder("other");
        fs::write(other.join("file"), "theirs").unwrap();
        let mounted = match kind {
            "tmpfs" => Mounted::filesystem("tmpfs", &ground.folder("tree/a/b/on")),
            // The device number does not tell that this is elsewhere.
            "folder" => Mounted::bind(&other, &ground.folder("tree/a/b/on")),
            _ => {
                fs::write(&inside, "ours").unwrap();
                Mounted::bind(&other.join("file"), &inside)
            }
        };
        if kind == "tmpfs" {
            fs::write(inside.join("file"), "theirs").unwrap();
        }
        is_mount_point(ground.copy("tree", "copy"), "a/b/on");
        assert!(!ground.path("copy/a/b/on").exists());
        ground.remove("copy").unwrap();
        is_mount_point(
            treeclone::measure_tree(ground.open("tree").as_fd()),
            "a/b/on",
        );
        let tree = ground.open("tree");
        let options = CompareOptions::exact();
        is_mount_point(
            treeclone::compare_trees(tree.as_fd(), tree.as_fd(), &options),
            "a/b/on",
        );
        is_mount_point(ground.remove("tree"), "tree/a/b/on");
        let theirs = if kind == "file" {
            inside.clone()
        } else {
            inside.join("file")
        };
        assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs", "{kind}");
        drop(mounted);
        ground.remove("tree").unwrap();
        assert_eq!(
            fs::read_to_string(other.join("file")).unwrap(),
            "theirs",
            "{kind}"
        );
    }
}

#[test]
fn a_tree_that_is_a_mount_point_is_copied_but_not_removed() {
    let ground = Ground::new();
    let mounted = Mounted::filesystem("tmpfs", &ground.folder("tree"));
    fs::write(mounted.path().join("file"), "x").unwrap();
    assert_eq!(ground.copy("tree", "copy").unwrap().files, 1);
    is_mount_point(ground.remove("tree"), "tree");
    assert!(mounted.path().join("file").exists());
}
