//! Copies are complete and exact.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use treeclone::{CopyOptions, CopyReport, Error, Observer, Operation, Silent};

use crate::ground::{Ground, copy_across};
use crate::{odd, oracle};

fn jobs(number: usize) -> CopyOptions<'static> {
    CopyOptions {
        jobs: NonZeroUsize::new(number),
        ..CopyOptions::default()
    }
}

#[test]
fn keeps_everything_whatever_the_number_of_threads() {
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    let expected = oracle::facts(&ground.path("odd"));
    for number in [1, 2, 8] {
        let to = format!("copy {number}");
        let report = ground
            .copy_with("odd", &to, &jobs(number), &Silent)
            .unwrap();
        assert_eq!(report, odd::REPORT);
        assert_eq!(ground.difference("odd", &to), None);
        assert_eq!(oracle::facts(&ground.path(&to)), expected);
        // Holes stay holes: 64 MiB of zeros would show.
        let (was, is) = (ground.allocated("odd"), ground.allocated(&to));
        assert!(is <= was + (256 << 10), "{was} bytes became {is}");
    }
}

#[test]
fn does_the_same_as_cp() {
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    let cp = Command::new("cp")
        .arg("-a")
        .arg(ground.path("odd"))
        .arg(ground.path("cp"))
        .status();
    assert!(cp.unwrap().success());
    ground.copy("odd", "copy").unwrap();
    assert_eq!(ground.difference("cp", "copy"), None);
}

#[test]
fn leaves_rsync_nothing_to_do() {
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    // rsync would copy it.
    fs::remove_file(ground.path("odd/socket")).unwrap();
    ground.copy("odd", "copy").unwrap();
    let rsync = Command::new("rsync")
        .args(["-aHAX", "--checksum", "--delete", "-n", "-i"])
        .arg(ground.path("odd/"))
        .arg(ground.path("copy/"))
        .output()
        .unwrap_or_else(|error| panic!("this test needs rsync: {error}"));
    let said = String::from_utf8_lossy(&rsync.stdout);
    assert!(rsync.status.success() && said.is_empty(), "{said}{rsync:?}");
    // And it would tell.
    fs::set_permissions(ground.path("copy/dense"), fs::Permissions::from_mode(0o600)).unwrap();
    let rsync = Command::new("rsync")
        .args(["-aHAX", "--checksum", "--delete", "-n", "-i"])
        .arg(ground.path("odd/"))
        .arg(ground.path("copy/"))
        .output();
    let said = String::from_utf8(rsync.unwrap().stdout).unwrap();
    assert_eq!(said, ".f...p..... dense\n");
}

#[test]
fn keeps_everything_on_another_filesystem() {
    let here = Ground::new();
    let there = Ground::within(Path::new("/dev/shm"));
    let device = |ground: &Ground| fs::metadata(ground.path("")).unwrap().dev();
    assert_ne!(
        device(&here),
        device(&there),
        "needs the temporary folder on a disk"
    );
    odd::make(&here.path("odd"));
    let options = CopyOptions::default();
    let report = copy_across(&here.open("odd"), &there, "copy", &options, &Silent).unwrap();
    assert_eq!(report, odd::REPORT);
    assert_eq!(
        oracle::facts(&there.path("copy")),
        oracle::facts(&here.path("odd"))
    );
    assert!(there.allocated("copy") < 1 << 20);
    // And back, from a filesystem that counts its blocks differently.
    copy_across(&there.open("copy"), &here, "back", &options, &Silent).unwrap();
    assert_eq!(here.difference("odd", "back"), None);
}

#[test]
fn keeps_access_times_and_leaves_those_of_the_source() {
    let ground = Ground::new();
    let folder = ground.folder("tree/folder");
    fs::write(folder.join("file"), "x").unwrap();
    symlink("x", ground.path("tree/link")).unwrap();
    let names = ["tree/folder/file", "tree/link", "tree/folder", "tree"];
    for (number, name) in names.iter().enumerate() {
        odd::age(&ground.path(name), 1_000_000_000 + number as i64, 17);
    }
    let times = |name: &str| {
        let found = fs::symlink_metadata(ground.path(name)).unwrap();
        (
            found.atime(),
            found.atime_nsec(),
            found.mtime(),
            found.mtime_nsec(),
        )
    };
    let before = names.map(times);
    ground.copy("tree", "copy").unwrap();
    let copied = names.map(|name| times(&name.replacen("tree", "copy", 1)));
    assert_eq!(copied, before);
    // Reading a symlink's target moves its access time; there is no asking not to.
    for (name, before) in names
        .iter()
        .zip(before)
        .filter(|(name, _)| **name != "tree/link")
    {
        assert_eq!(times(name), before, "{name}");
    }
}

#[test]
fn takes_nothing_from_the_folder_it_is_made_in() {
    let ground = Ground::new();
    let plain = ground.folder("plain/in");
    fs::write(plain.join("file"), "x").unwrap();
    let parent = ground.folder("parent");
    odd::set_default_acl(&parent);
    std::os::unix::fs::chown(&parent, Some(5), Some(6)).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o2777)).unwrap();
    let there = Ground::within(&parent);
    // The temporary folder between the two inherited all that; its mode was set after it.
    fs::set_permissions(there.path(""), fs::Permissions::from_mode(0o2777)).unwrap();
    copy_across(
        &ground.open("plain"),
        &there,
        "copy",
        &CopyOptions::default(),
        &Silent,
    )
    .unwrap();
    assert_eq!(
        oracle::facts(&there.path("copy")),
        oracle::facts(&ground.path("plain"))
    );
}

#[test]
fn wide_folders_are_copied_by_several_threads() {
    struct Sum(AtomicU64, AtomicU64, AtomicU64);
    impl Observer for Sum {
        fn advanced(&self, entries: u64, bytes: u64) {
            self.0.fetch_add(entries, Ordering::Relaxed);
            self.1.fetch_add(bytes, Ordering::Relaxed);
            self.2.fetch_add(1, Ordering::Relaxed);
        }
    }
    let ground = Ground::new();
    let wide = ground.folder("wide");
    for number in 0..20_000 {
        fs::write(wide.join(number.to_string()), b"abc").unwrap();
    }
    // Names of one file spread over all tasks, so that threads meet at them.
    for number in 0..3000 {
        fs::hard_link(
            wide.join((number % 7).to_string()),
            wide.join(format!("l{number}")),
        )
        .unwrap();
    }
    let sum = Sum(0.into(), 0.into(), 0.into());
    let report = ground.copy_with("wide", "copy", &jobs(4), &sum).unwrap();
    let expected = CopyReport {
        directories: 1,
        files: 20_000,
        hard_links: 3000,
        bytes_copied: 60_000,
        bytes_apparent: 60_000,
        ..CopyReport::default()
    };
    assert_eq!(report, expected);
    assert_eq!(ground.difference("wide", "copy"), None);
    assert_eq!(
        sum.0.into_inner(),
        23_000,
        "each entry below the root is told once"
    );
    assert_eq!(sum.1.into_inner(), 60_000);
    assert!(sum.2.into_inner() < 200, "told in batches");
    assert_eq!(ground.remove("copy").unwrap().entries, 23_001);
}

#[test]
fn skips_what_it_is_told_to_skip() {
    let ground = Ground::new();
    for name in [
        "tree/overlay2/abc/diff",
        "tree/overlay2/abc/work",
        "tree/containers/x/y",
    ] {
        let folder = ground.folder(name);
        fs::write(folder.join("file"), "x").unwrap();
    }
    let skip = |path: &[u8]| {
        path == b"overlay2/abc/diff" || path == b"containers" || path.ends_with(b"/nothing")
    };
    let options = CopyOptions {
        skip: Some(&skip),
        ..CopyOptions::default()
    };
    let report = ground.copy_with("tree", "copy", &options, &Silent).unwrap();
    assert_eq!(
        (report.directories, report.files, report.skipped),
        (4, 1, 2)
    );
    let there = oracle::facts(&ground.path("copy"));
    let there: Vec<_> = there.keys().map(|path| path.to_str().unwrap()).collect();
    let expected = [
        "",
        "overlay2",
        "overlay2/abc",
        "overlay2/abc/work",
        "overlay2/abc/work/file",
    ];
    assert_eq!(there, expected);
}

#[test]
fn refuses_names_that_are_none_and_names_that_are_taken() {
    let ground = Ground::new();
    ground.folder("tree");
    ground.folder("taken");
    for name in ["", ".", "..", "a/b", "/", "nul\0"] {
        let error = ground.copy("tree", name).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{name:?}: {error}");
        let error = ground.remove(name).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{name:?}: {error}");
    }
    let error = ground.copy("tree", "taken").unwrap_err();
    assert_eq!(error.to_string(), "failed to create: taken");
    let Error::Io { source, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn refuses_to_copy_a_tree_into_itself() {
    let ground = Ground::new();
    ground.folder("tree/a/b");
    let inside = File::open(ground.path("tree/a")).unwrap();
    let error = treeclone::copy_tree(
        ground.open("tree").as_fd(),
        inside.as_fd(),
        "copy".as_ref(),
        &CopyOptions::default(),
        &Silent,
    );
    let error = error.unwrap_err();
    assert!(
        matches!(&error, Error::IntoItself { path } if path.as_bytes() == b"a/copy"),
        "{error}"
    );
}

#[test]
fn names_the_attribute_that_the_destination_does_not_take() {
    let ground = Ground::new();
    let folder = ground.folder("tree/folder");
    fs::write(folder.join("file"), "x").unwrap();
    odd::set(&folder.join("file"), "user.mime", b"text");
    let there = crate::mounts::Mounted::filesystem("ramfs", &ground.folder("ramfs"));
    let error = ground.copy("tree", "ramfs/copy").unwrap_err();
    assert!(matches!(error, Error::Name { .. }));
    let parent = File::open(there.path()).unwrap();
    let error = treeclone::copy_tree(
        ground.open("tree").as_fd(),
        parent.as_fd(),
        "copy".as_ref(),
        &CopyOptions::default(),
        &Silent,
    );
    let error = error.unwrap_err();
    let expected = "failed to set the extended attribute user.mime of: folder/file";
    assert_eq!(error.to_string(), expected);
    assert!(
        error.help().unwrap().contains("extended attributes"),
        "{:?}",
        error.help()
    );
    let Error::Io { operation, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(operation, Operation::WriteXattr(b"user.mime".to_vec()));
}

#[test]
fn stops_when_told_to_and_the_rest_can_be_removed() {
    struct After(AtomicU64, u64);
    impl Observer for After {
        fn interrupted(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) >= self.1
        }
    }
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    for after in [0, 1, 5, 20] {
        let observer = After(0.into(), after);
        let error = ground
            .copy_with("odd", "copy", &jobs(2), &observer)
            .unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
        ground.remove("copy").unwrap();
        assert!(!ground.path("copy").exists());
    }
    // In the middle of one large file, too.
    let large = ground.folder("large").join("file");
    fs::write(large, vec![1; 64 << 20]).unwrap();
    let error = ground
        .copy_with("large", "copy", &jobs(1), &After(0.into(), 3))
        .unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    let partial = fs::metadata(ground.path("copy/file")).unwrap().len();
    assert!(partial > 0 && partial < 64 << 20, "{partial}");
}

#[test]
fn a_panic_of_the_observer_ends_all_threads() {
    struct Panics;
    impl Observer for Panics {
        fn advanced(&self, _: u64, _: u64) {
            panic!("the observer's own");
        }
    }
    let ground = Ground::new();
    let wide = ground.folder("wide");
    for number in 0..2000 {
        fs::write(wide.join(number.to_string()), b"abc").unwrap();
    }
    let copied = std::panic::catch_unwind(|| ground.copy_with("wide", "copy", &jobs(4), &Panics));
    assert!(copied.is_err());
}

#[test]
fn a_folder_that_is_there_can_become_the_copy() {
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    let there = ground.folder("there");
    let inode = fs::metadata(&there).unwrap().ino();
    let into = CopyOptions {
        into_existing: true,
        ..CopyOptions::default()
    };
    let report = ground.copy_with("odd", "there", &into, &Silent).unwrap();
    assert_eq!(report, odd::REPORT);
    assert_eq!(ground.difference("odd", "there"), None);
    assert_eq!(fs::metadata(&there).unwrap().ino(), inode);
    // What is not there is not made, and what is no folder is not written to.
    symlink("there", ground.path("link")).unwrap();
    for name in ["nothing", "link"] {
        ground.copy_with("odd", name, &into, &Silent).unwrap_err();
    }
    assert!(!ground.path("nothing").exists());
}
