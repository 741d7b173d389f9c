//! Work that stands back: by rate, by priority, and by the memory it takes.

use std::fs;
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::getpriority_process;
use treeclone::{CopyOptions, Error, Observer, RemoveOptions, Silent};

use crate::ground::Ground;

#[test]
fn a_rate_is_kept_to() {
    let ground = Ground::new();
    fs::write(ground.folder("tree").join("file"), vec![1; 1_000_000]).unwrap();
    let options = CopyOptions {
        rate: NonZeroU64::new(2_000_000),
        ..CopyOptions::default()
    };
    let begun = Instant::now();
    ground.copy_with("tree", "copy", &options, &Silent).unwrap();
    // The first and the last tenth of a second are not waited for. Nothing makes it shorter.
    assert!(
        begun.elapsed() > Duration::from_millis(250),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(ground.difference("tree", "copy"), None);

    for number in 0..100 {
        fs::write(ground.path("tree").join(number.to_string()), "").unwrap();
    }
    let options = RemoveOptions {
        rate: NonZeroU64::new(200),
        ..RemoveOptions::default()
    };
    let begun = Instant::now();
    let parent = ground.open("");
    treeclone::remove_tree_with(parent.as_fd(), "tree".as_ref(), &options, &Silent).unwrap();
    assert!(
        begun.elapsed() > Duration::from_millis(250),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn whoever_waits_for_the_rate_can_be_stopped() {
    struct After(AtomicU64);
    impl Observer for After {
        fn interrupted(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) > 10
        }
    }
    let ground = Ground::new();
    for name in ["a", "b", "c"] {
        fs::write(ground.folder("tree").join(name), "content").unwrap();
    }
    // Each entry would take an hour.
    let options = CopyOptions {
        rate: NonZeroU64::new(1),
        ..CopyOptions::default()
    };
    let stopped = ground.copy_with("tree", "copy", &options, &After(0.into()));
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
}

#[test]
fn nice_threads_work_while_the_callers_waits_as_it_was() {
    struct Level(AtomicI32);
    impl Observer for Level {
        fn advanced(&self, _: u64, _: u64) {
            let level = getpriority_process(None).unwrap();
            self.0.fetch_min(level, Ordering::Relaxed);
        }
    }
    let ground = Ground::new();
    for number in 0..2000 {
        fs::write(ground.folder("tree").join(number.to_string()), "x").unwrap();
    }
    let before = getpriority_process(None).unwrap();
    let expected = before.max(7);
    let level = Level(i32::MAX.into());
    let options = CopyOptions {
        nice: 7,
        ..CopyOptions::default()
    };
    ground.copy_with("tree", "copy", &options, &level).unwrap();
    assert_eq!(level.0.into_inner(), expected);
    let level = Level(i32::MAX.into());
    let options = RemoveOptions {
        nice: 7,
        ..RemoveOptions::default()
    };
    let parent = ground.open("");
    treeclone::remove_tree_with(parent.as_fd(), "copy".as_ref(), &options, &level).unwrap();
    assert_eq!(level.0.into_inner(), expected);
    assert_eq!(getpriority_process(None).unwrap(), before);
}

#[test]
fn a_folder_of_many_entries_takes_little_memory() {
    let this = std::env::current_exe().unwrap();
    let run = Command::new(this)
        .args(["--ignored", "--exact", "background::alone_in_its_process"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "measures its process, so another test runs it in one of its own"]
fn alone_in_its_process() {
    let ground = Ground::within("/dev/shm".as_ref());
    let tree = ground.folder("tree");
    // 30 MB of names.
    let long = "n".repeat(240);
    for number in 0..100_000 {
        fs::File::create(tree.join(format!("{long}{number}"))).unwrap();
    }
    for number in 0..20_000 {
        fs::create_dir(tree.join(format!("{long}-{number}"))).unwrap();
    }
    let copied = ground.copy("tree", "copy").unwrap();
    assert_eq!((copied.files, copied.directories), (100_000, 20_001));
    assert_eq!(ground.difference("tree", "copy"), None);
    let size = treeclone::measure_tree(ground.open("copy").as_fd()).unwrap();
    assert_eq!(size.entries, 120_001);
    assert_eq!(ground.remove("copy").unwrap().entries, 120_001);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    let kilobytes: u64 = most.parse().unwrap();
    assert!(kilobytes < 20 << 10, "{kilobytes} kB");
}
