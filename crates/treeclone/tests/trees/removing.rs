//! Removes all of a tree and nothing else.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU64, Ordering};

use treeclone::{Error, Observer};

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
