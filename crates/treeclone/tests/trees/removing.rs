//! Removes all of a tree and nothing else.

use std::fs;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use treeclone::{Error, Observer, RemoveOptions, Silent};

use crate::disk::Disk;
use crate::ground::Ground;
use crate::odd;

#[test]
fn removes_a_tree_of_everything_and_tells_how_much() {
    struct Sum(AtomicU64);
    impl Observer for Sum {
        fn advanced(&self, entries: u64, bytes: u64) {
            assert_eq!(bytes, 0);
            self.0.fetch_add(entries, Ordering::Relaxed);
        }
    }
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    let entries = treeclone::measure_tree(ground.open("odd").as_fd());
    let sum = Sum(0.into());
    let report = ground.remove_with("odd", &sum).unwrap();
    assert_eq!(report.entries, entries.unwrap().entries);
    assert_eq!(sum.0.into_inner(), report.entries);
    assert_eq!(fs::read_dir(ground.path("")).unwrap().count(), 0);
}

#[test]
fn what_is_not_there_is_no_error_and_a_symlink_is_only_itself() {
    let ground = Ground::new();
    assert_eq!(ground.remove("nothing").unwrap().entries, 0);
    let kept = ground.folder("kept");
    fs::write(kept.join("file"), "x").unwrap();
    symlink("kept", ground.path("link")).unwrap();
    fs::write(ground.path("file"), "x").unwrap();
    assert_eq!(ground.remove("link").unwrap().entries, 1);
    assert_eq!(ground.remove("file").unwrap().entries, 1);
    assert!(kept.join("file").exists());
    assert_eq!(fs::read_dir(ground.path("")).unwrap().count(), 1);
}

#[test]
fn stops_when_told_to() {
    struct After(AtomicU64, u64);
    impl Observer for After {
        fn interrupted(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) >= self.1
        }
    }
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    for after in [0, 3, 10] {
        let error = ground
            .remove_with("odd", &After(0.into(), after))
            .unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
        assert!(ground.path("odd").exists());
    }
    ground.remove("odd").unwrap();
}

fn flag(path: &Path, flags: &str) {
    let done = Command::new("chattr").arg(flags).arg(path).status();
    assert!(done.unwrap().success(), "{flags} {}", path.display());
}

#[test]
fn what_is_immutable_or_append_only_goes_too() {
    let disk = Disk::new("ext4", &[]);
    let ground = disk.ground();
    for name in ["tree/fixed/in", "tree/growing", "tree/plain"] {
        let folder = ground.folder(name);
        for file in ["fixed", "growing", "file"] {
            fs::write(folder.join(file), "x").unwrap();
        }
        symlink("nowhere", folder.join("link")).unwrap();
        flag(&folder.join("fixed"), "+i");
        flag(&folder.join("growing"), "+a");
    }
    flag(&ground.path("tree/fixed/in"), "+i");
    flag(&ground.path("tree/fixed"), "+i");
    flag(&ground.path("tree/growing"), "+a");
    flag(&ground.path("tree"), "+i");
    assert_eq!(ground.remove("tree").unwrap().entries, 17);
    fs::write(ground.path("fixed"), "x").unwrap();
    flag(&ground.path("fixed"), "+i");
    assert_eq!(ground.remove("fixed").unwrap().entries, 1);
}

#[test]
fn flags_outside_of_the_tree_stay() {
    let disk = Disk::new("ext4", &[]);
    let ground = disk.ground();
    ground.folder("kept/tree");
    fs::write(ground.path("kept/outside"), "x").unwrap();
    // Another name of it is in the tree.
    fs::hard_link(ground.path("kept/outside"), ground.path("kept/tree/inside")).unwrap();
    flag(&ground.path("kept/outside"), "+i");
    flag(&ground.path("kept"), "+i");
    let parent = ground.open("kept");
    let remove = || treeclone::remove_tree(parent.as_fd(), "tree".as_ref(), &Silent);
    let error = remove().unwrap_err();
    assert_eq!(error.to_string(), "failed to remove: tree");
    assert!(error.help().unwrap().contains("lsattr"));
    assert!(fs::write(ground.path("kept/new"), "y").is_err());
    flag(&ground.path("kept"), "-i");
    assert_eq!(remove().unwrap().entries, 2);
    assert!(fs::write(ground.path("kept/outside"), "y").is_err());
    flag(&ground.path("kept/outside"), "-i");
}

#[test]
fn what_is_put_into_a_tree_meanwhile_goes_too() {
    /// Puts something into the root again after it was listed, a few times.
    struct Adds<'a>(&'a Path, AtomicU64);
    impl Observer for Adds<'_> {
        fn interrupted(&self) -> bool {
            let number = self.1.fetch_add(1, Ordering::Relaxed);
            if (1..20).contains(&number) {
                let _ = fs::write(self.0.join(number.to_string()), "x");
            }
            false
        }
    }
    let ground = Ground::new();
    let tree = ground.folder("tree");
    ground.folder("tree/a/b");
    fs::write(tree.join("file"), "x").unwrap();
    ground.remove_with("tree", &Adds(&tree, 0.into())).unwrap();
    assert!(!tree.exists());
}

#[test]
fn folders_of_many_entries_are_removed_by_several_threads() {
    let ground = Ground::new();
    let tree = ground.folder("tree");
    for number in 0..6000 {
        fs::write(tree.join(format!("file {number}")), "x").unwrap();
        fs::create_dir(tree.join(format!("folder {number}"))).unwrap();
    }
    for jobs in [1, 2, 8] {
        let copy = format!("copy {jobs}");
        ground.copy("tree", &copy).unwrap();
        let options = RemoveOptions {
            jobs: NonZeroUsize::new(jobs),
            ..RemoveOptions::default()
        };
        let parent = ground.open("");
        let report =
            treeclone::remove_tree_with(parent.as_fd(), copy.as_ref(), &options, &Silent).unwrap();
        assert_eq!(report.entries, 12_001);
        assert!(!ground.path(copy).exists());
    }
}
