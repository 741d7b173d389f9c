//! Somebody swaps entries while the work goes on. The observer is asked between any two steps, so
//! it can be the one who swaps, at each step in turn: no luck involved. A thread that swaps all
//! the time comes on top of that.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use treeclone::{CopyOptions, Error, Observer};

use crate::ground::Ground;
use crate::oracle;

/// Exchanges two paths when it is asked for the given time.
struct SwapAt {
    asked: AtomicU64,
    at: u64,
    paths: [PathBuf; 2],
}

impl Observer for SwapAt {
    fn interrupted(&self) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed) == self.at {
            exchange(&self.paths[0], &self.paths[1]);
        }
        false
    }
}

fn exchange(one: &Path, other: &Path) {
    // The one may be gone already when a tree is being removed.
    let _ = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
}

/// A tree with a folder and files before, in and after what is swapped, the things to swap in
/// beside it, and a folder of somebody else's.
fn lay(ground: &Ground) {
    for folder in ["tree/a", "tree/swapped/in", "tree/z", "theirs/in"] {
        ground.folder(folder);
    }
    for file in [
        "tree/a/1",
        "tree/swapped/in/2",
        "tree/swapped/3",
        "tree/z/4",
        "tree/file",
    ] {
        fs::write(ground.path(file), "ours").unwrap();
    }
    for file in ["theirs/in/2", "theirs/3", "theirs/secret"] {
        fs::write(ground.path(file), "theirs").unwrap();
    }
    symlink(ground.path("theirs"), ground.path("link")).unwrap();
    mknodat(CWD, ground.path("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
}

fn holds_theirs(tree: &Path) -> bool {
    let mut waiting = vec![tree.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_dir() {
            waiting.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if found.is_file() && fs::read_to_string(&path).unwrap() == "theirs" {
            return true;
        }
    }
    false
}

#[test]
fn copying_reads_nothing_outside_and_waits_for_no_fifo() {
    for (inside, outside) in [
        ("tree/swapped", "link"),
        ("tree/file", "link"),
        ("tree/file", "fifo"),
    ] {
        let (mut whole, mut changed) = (0, 0);
        for at in 0.. {
            let ground = Ground::new();
            lay(&ground);
            let observer = SwapAt {
                asked: 0.into(),
                at,
                paths: [ground.path(inside), ground.path(outside)],
            };
            match ground.copy_with("tree", "copy", &CopyOptions::default(), &observer) {
                Ok(_) => whole += 1,
                Err(Error::Changed { .. }) => changed += 1,
                Err(error) => panic!("{inside} for {outside} at {at}: {error}"),
            }
            assert!(
                !holds_theirs(&ground.path("copy")),
                "{inside} for {outside} at {at}"
            );
            if observer.asked.into_inner() <= at {
                break;
            }
        }
        assert!(
            whole > 0 && changed > 0,
            "{inside} for {outside}: {whole} and {changed}"
        );
    }
}

#[test]
fn removing_touches_nothing_outside() {
    for outside in ["link", "fifo"] {
        let mut removed = 0;
        for at in 0.. {
            let ground = Ground::new();
            lay(&ground);
            let theirs = oracle::facts(&ground.path("theirs"));
            let observer = SwapAt {
                asked: 0.into(),
                at,
                paths: [ground.path("tree/swapped"), ground.path(outside)],
            };
            match ground.remove_with("tree", &observer) {
                Ok(_) => removed += 1,
                // The folder was moved out from below us: it is no longer where we came from.
                Err(Error::Changed { .. } | Error::Io { .. }) => {}
                Err(error) => panic!("{outside} at {at}: {error}"),
            }
            assert_eq!(
                oracle::facts(&ground.path("theirs")),
                theirs,
                "{outside} at {at}"
            );
            ground.remove("tree").unwrap();
            if observer.asked.into_inner() <= at {
                break;
            }
        }
        assert!(removed > 1, "{removed}");
    }
}

/// Swaps all the time while `work` is repeated, until it has seen both kinds of outcome.
fn while_swapping(ground: &Ground, mut work: impl FnMut() -> bool) {
    /// Also when `work` panics: the swapping thread would be waited for without end.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (inside, outside) = (ground.path("tree/swapped"), ground.path("link"));
    let stop = AtomicBool::new(false);
    let (mut yes, mut no) = (0_u64, 0_u64);
    let deadline = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        let stopping = Stop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                exchange(&inside, &outside);
            }
        });
        // At least so often, and longer if the threads never met.
        while (yes + no < 300 || yes == 0 || no == 0) && Instant::now() < deadline {
            if work() { yes += 1 } else { no += 1 }
        }
        drop(stopping);
    });
    assert!(
        yes > 0 && no > 0,
        "the swaps were never met: {yes} and {no}"
    );
}

#[test]
fn copying_while_a_thread_swaps_reads_nothing_outside() {
    let ground = Ground::new();
    lay(&ground);
    while_swapping(&ground, || {
        let copied = ground.copy("tree", "copy");
        let clean = !holds_theirs(&ground.path("copy"));
        ground.remove("copy").unwrap();
        assert!(clean, "something outside was copied");
        match copied {
            // The symlink is as good an answer as the folder.
            Ok(report) => report.symlinks == 0,
            Err(Error::Changed { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn removing_while_a_thread_swaps_touches_nothing_outside() {
    let ground = Ground::new();
    lay(&ground);
    let theirs = oracle::facts(&ground.path("theirs"));
    while_swapping(&ground, || {
        // By the very name that is being swapped: a folder at one moment, a symlink at the next.
        let parent = ground.open("tree");
        let name = OsStr::new("swapped");
        match treeclone::remove_tree(parent.as_fd(), name, &treeclone::Silent) {
            Ok(_) | Err(Error::Changed { .. } | Error::Io { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(oracle::facts(&ground.path("theirs")), theirs);
        // What was removed may have been the folder or the symlink, and the other may be in its
        // place now.
        let (inside, link) = (ground.path("tree/swapped"), ground.path("link"));
        let found = |path: &Path| fs::symlink_metadata(path).ok();
        let folder_went = ![&inside, &link]
            .iter()
            .any(|path| found(path).is_some_and(|found| found.is_dir()));
        // Once one of the two is missing nothing is swapped any more until both are laid anew.
        while found(&inside).is_some() || found(&link).is_some() {
            let _ = treeclone::remove_tree(parent.as_fd(), name, &treeclone::Silent);
            let _ = ground.remove("link");
        }
        fs::create_dir_all(inside.join("in")).unwrap();
        fs::write(inside.join("in/2"), "ours").unwrap();
        symlink(ground.path("theirs"), &link).unwrap();
        folder_went
    });
}
