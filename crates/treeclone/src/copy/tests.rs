//! Whole copies in the way that kernels and container filters without openat2 need.

use std::fs::{self, File};
use std::os::fd::AsFd;

use super::*;
use crate::{CompareOptions, Silent};

#[test]
fn without_openat2_trees_are_copied_just_the_same() {
    let ground = tempfile::tempdir().unwrap();
    let mut at = ground.path().join("tree");
    // Deeper than folders are kept open, and with work left at each level on the way back.
    for level in 0..300 {
        fs::create_dir_all(at.join("a")).unwrap();
        fs::create_dir(at.join("z")).unwrap();
        fs::write(at.join("file"), level.to_string()).unwrap();
        at.push("m");
    }
    fs::create_dir(&at).unwrap();
    let parent = File::open(ground.path()).unwrap();
    let tree = File::open(ground.path().join("tree")).unwrap();
    let opener = Opener::without_openat2();
    let source = opener.root(tree.as_fd()).unwrap();
    let options = CopyOptions::default();
    let report = job::run(opener, source, parent.as_fd(), c"copy", &options, &Silent).unwrap();
    assert_eq!((report.directories, report.files), (901, 300));
    let copy = File::open(ground.path().join("copy")).unwrap();
    let exact = CompareOptions::exact();
    assert_eq!(
        crate::compare_trees(tree.as_fd(), copy.as_fd(), &exact).unwrap(),
        None
    );
}
