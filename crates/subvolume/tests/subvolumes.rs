//! Subvolumes on a real btrfs, as root.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests end the test like the tests themselves"
)]

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::io::Errno;
use testbed::disk::{Disk, Kind};

fn open(path: impl AsRef<Path>) -> File {
    File::open(path).unwrap()
}

fn make(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let parent = open(path.parent().unwrap());
    subvolume::create(parent.as_fd(), path.file_name().unwrap()).unwrap();
}

#[test]
fn a_snapshot_is_writable_and_its_origin_is_not_touched() {
    let disk = Disk::new(Kind::Btrfs);
    let root = open(disk.root());
    let golden = disk.root().join("golden");
    make(&golden);
    fs::write(golden.join("file"), "golden").unwrap();
    subvolume::set_read_only(open(&golden), true).unwrap();
    assert!(subvolume::is_read_only(open(&golden)).unwrap());
    assert!(fs::write(golden.join("file"), "changed").is_err());
    assert_eq!(
        subvolume::snapshot(open(&golden).as_fd(), root.as_fd(), "golden".as_ref()),
        Err(Errno::EXIST)
    );
    subvolume::snapshot(open(&golden).as_fd(), root.as_fd(), "session".as_ref()).unwrap();
    let session = disk.root().join("session");
    assert!(!subvolume::is_read_only(open(&session)).unwrap());
    fs::write(session.join("file"), "session").unwrap();
    assert_eq!(fs::read_to_string(golden.join("file")).unwrap(), "golden");
    for name in ["session", "golden"] {
        subvolume::destroy(root.as_fd(), name.as_ref()).unwrap();
        assert!(!disk.root().join(name).exists());
    }
    subvolume::set_read_only(&root, false).unwrap();
}

#[test]
fn what_is_no_subvolume_is_left_alone() {
    let disk = Disk::new(Kind::Btrfs);
    let root = open(disk.root());
    fs::create_dir(disk.root().join("folder")).unwrap();
    make(disk.root().join("subvolume"));
    std::os::unix::fs::symlink("subvolume", disk.root().join("link")).unwrap();
    assert!(subvolume::is_subvolume(&root).unwrap());
    assert!(!subvolume::is_subvolume(open(disk.root().join("folder"))).unwrap());
    assert!(subvolume::is_subvolume(open(disk.root().join("subvolume"))).unwrap());
    for (name, errno) in [
        ("folder", Errno::INVAL),
        ("link", Errno::NOTDIR),
        ("nothing", Errno::NOENT),
        ("..", Errno::INVAL),
        ("folder/../subvolume", Errno::INVAL),
    ] {
        assert_eq!(
            subvolume::destroy(root.as_fd(), name.as_ref()),
            Err(errno),
            "{name}"
        );
    }
    let folder = open(disk.root().join("folder"));
    let snapshot = subvolume::snapshot(folder.as_fd(), root.as_fd(), "s".as_ref());
    assert_eq!(snapshot, Err(Errno::INVAL));
    assert!(disk.root().join("subvolume").exists());
}

#[test]
fn elsewhere_there_are_no_subvolumes() {
    let disk = Disk::new(Kind::Xfs);
    let root = open(disk.root());
    assert!(!subvolume::is_on_btrfs(&root).unwrap());
    assert!(!subvolume::is_subvolume(&root).unwrap());
    assert_eq!(subvolume::find_inside(root.as_fd()), Ok(None));
    assert_eq!(subvolume::destroy_inside(root.as_fd()), Ok(0));
    let made = subvolume::create(root.as_fd(), "s".as_ref());
    assert_eq!(made, Err(Errno::NOTTY));
}

/// Nested, read-only, snapshots of others, below plain folders, and deeper than a path can say.
#[test]
fn a_subvolume_goes_with_all_that_is_inside() {
    let disk = Disk::new(Kind::Btrfs);
    let root = open(disk.root());
    let doomed = disk.root().join("folder/doomed");
    fs::create_dir(disk.root().join("folder")).unwrap();
    make(disk.root().join("kept"));
    make(&doomed);
    assert_eq!(subvolume::find_inside(open(&doomed).as_fd()), Ok(None));
    fs::create_dir_all(doomed.join("a/b")).unwrap();
    let mut here = doomed.join("a/b");
    for depth in 0..20 {
        here = here.join(format!("subvolume-{depth}"));
        make(&here);
        fs::write(here.join("file"), "x").unwrap();
        fs::create_dir(here.join("between")).unwrap();
        here = here.join("between");
    }
    let twin = open(doomed.join("a/b/subvolume-0"));
    subvolume::snapshot(twin.as_fd(), open(&doomed).as_fd(), "twin".as_ref()).unwrap();
    deep(&doomed);
    // From the innermost outwards, so that each can still be reached.
    let mut inner = here.as_path();
    while inner != doomed {
        if subvolume::is_subvolume(open(inner)).unwrap() {
            subvolume::set_read_only(open(inner), true).unwrap();
        }
        inner = inner.parent().unwrap();
    }
    subvolume::set_read_only(open(&doomed), true).unwrap();

    let found = subvolume::find_inside(open(disk.root().join("folder")).as_fd());
    assert_eq!(found.unwrap().unwrap(), doomed);
    assert!(
        subvolume::find_inside(open(&doomed).as_fd())
            .unwrap()
            .is_some()
    );
    assert_eq!(
        subvolume::find_inside(open(disk.root().join("kept")).as_fd()),
        Ok(None)
    );
    let folder = open(disk.root().join("folder"));
    assert_eq!(subvolume::destroy_inside(folder.as_fd()), Ok(23));
    assert_eq!(fs::read_dir(disk.root().join("folder")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(disk.root()).unwrap().count(), 2);
    subvolume::destroy(root.as_fd(), "kept".as_ref()).unwrap();
}

/// A subvolume whose path is longer than any call takes.
fn deep(top: impl AsRef<Path>) {
    let name = "n".repeat(250);
    let mut here = open(top);
    for _ in 0..20 {
        rustix::fs::mkdirat(&here, &name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        let next = rustix::fs::openat(&here, &name, flags, rustix::fs::Mode::empty()).unwrap();
        here = File::from(next);
    }
    subvolume::create(here.as_fd(), name.as_ref()).unwrap();
}

/// More than one answer of the kernel holds.
#[test]
fn many_subvolumes_are_all_found() {
    let disk = Disk::new(Kind::Btrfs);
    let doomed = disk.root().join("doomed");
    fs::create_dir(&doomed).unwrap();
    let parent = open(&doomed);
    for number in 0..150 {
        let name = format!("{number}-{}", "long".repeat(20));
        subvolume::create(parent.as_fd(), name.as_ref()).unwrap();
        subvolume::create(open(disk.root()).as_fd(), name.as_ref()).unwrap();
    }
    assert_eq!(subvolume::destroy_inside(parent.as_fd()), Ok(150));
    assert_eq!(fs::read_dir(&doomed).unwrap().count(), 0);
    assert_eq!(fs::read_dir(disk.root()).unwrap().count(), 151);
}

fn run(program: &str, words: &[&str]) {
    let status = std::process::Command::new(program).args(words).status();
    assert!(status.unwrap().success(), "{program} {words:?}");
}

/// The kernel destroys no default subvolume, and none whose folder is immutable.
#[test]
fn what_was_made_to_resist_is_destroyed_too() {
    let disk = Disk::new(Kind::Btrfs);
    let root = open(disk.root());
    let path = |name: &str| disk.root().join(name).into_string();
    let default = || {
        let said = std::process::Command::new("btrfs")
            .args(["subvolume", "get-default", disk.root().as_str()])
            .output();
        String::from_utf8(said.unwrap().stdout).unwrap()
    };
    make(path("kept"));
    for flags in ["+i", "+a"] {
        make(path("doomed"));
        fs::create_dir(path("doomed/folder")).unwrap();
        make(path("doomed/folder/inside"));
        for name in ["doomed/folder/inside", "doomed/folder", "doomed"] {
            run("chattr", &[flags, &path(name)]);
        }
        for name in ["doomed/folder/inside", "doomed"] {
            subvolume::set_read_only(open(path(name)), true).unwrap();
        }
        run(
            "btrfs",
            &["subvolume", "set-default", &path("doomed/folder/inside")],
        );
        subvolume::destroy(root.as_fd(), "doomed".as_ref()).unwrap();
        assert!(default().starts_with("ID 5 "), "{}", default());
    }
    make(path("doomed"));
    run("btrfs", &["subvolume", "set-default", &path("doomed")]);
    subvolume::destroy(root.as_fd(), "doomed".as_ref()).unwrap();
    assert!(default().starts_with("ID 5 "), "{}", default());

    // Another default is none of our business.
    make(path("doomed"));
    run("btrfs", &["subvolume", "set-default", &path("kept")]);
    run("chattr", &["+i", &path("doomed")]);
    subvolume::destroy(root.as_fd(), "doomed".as_ref()).unwrap();
    assert!(default().contains("path kept"), "{}", default());
    assert_eq!(fs::read_dir(disk.root()).unwrap().count(), 1);
}
