//! Trees deeper than paths are long and descriptors are many.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use rustix::fs::{Mode, OFlags, mkdirat, openat};

use crate::ground::Ground;

const DEPTH: usize = 3000;

/// A chain of folders; with `teeth`, each also has a file and two small folders beside the chain.
fn chain(ground: &Ground, name: &str, step: &str, teeth: bool) {
    let mut at = OwnedFd::from(File::open(ground.folder(name)).unwrap());
    for level in 0..DEPTH {
        if teeth {
            for tooth in ["a", "z"] {
                mkdirat(&at, tooth, Mode::RWXU).unwrap();
            }
            let flags = OFlags::CREATE | OFlags::WRONLY;
            let file = openat(&at, "file", flags, Mode::RUSR).unwrap();
            rustix::io::write(file, level.to_string().as_bytes()).unwrap();
        }
        mkdirat(&at, step, Mode::RWXU).unwrap();
        at = openat(&at, step, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
}

#[test]
fn trees_of_any_depth_are_copied_compared_measured_and_removed() {
    let ground = Ground::new();
    // 300 kB of path, and many entries waiting at each level.
    for (name, step, teeth) in [("long", &*"n".repeat(100), false), ("comb", "m", true)] {
        chain(&ground, name, step, teeth);
        let folders = DEPTH as u64 * if teeth { 3 } else { 1 } + 1;
        let files = if teeth { DEPTH as u64 } else { 0 };
        let report = ground.copy(name, "copy").unwrap();
        assert_eq!((report.directories, report.files), (folders, files));
        assert_eq!(ground.difference(name, "copy"), None);
        let size = treeclone::measure_tree(ground.open("copy").as_fd()).unwrap();
        assert_eq!(size.entries, folders + files);
        for tree in ["copy", name] {
            assert_eq!(ground.remove(tree).unwrap().entries, folders + files);
            assert!(!ground.path(tree).exists());
        }
    }
}

#[test]
fn a_hundred_descriptors_are_enough() {
    let this = std::env::current_exe().unwrap();
    let test = "depth::trees_of_any_depth_are_copied_compared_measured_and_removed";
    let run = Command::new("sh")
        .args(["-c", r#"ulimit -n 100 && exec "$0" --exact "$1""#])
        .args([this.as_os_str(), OsStr::new(test)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}
