//! Copies share blocks where they can, and only where they may.

use std::fs;
use std::os::fd::AsFd;

use treeclone::{CopyOptions, Error, Operation, Sharing, Silent};

use crate::disk::Disk;
use crate::ground::{Ground, copy_across};
use crate::{odd, oracle};

fn sharing(sharing: Sharing) -> CopyOptions<'static> {
    CopyOptions {
        sharing,
        ..CopyOptions::default()
    }
}

fn probe(from: &Ground, to: &Ground) -> bool {
    let (from_folder, to_folder) = (from.open(""), to.open(""));
    let shares = treeclone::shares_blocks(from_folder.as_fd(), to_folder.as_fd()).unwrap();
    for ground in [from, to] {
        assert_eq!(fs::read_dir(ground.path("")).unwrap().count(), 0);
    }
    shares
}

#[test]
fn blocks_are_shared_where_the_filesystem_can() {
    for (kind, options) in [("xfs", &["-m", "reflink=1"][..]), ("btrfs", &[])] {
        let disk = Disk::new(kind, options);
        let ground = disk.ground();
        assert!(probe(&ground, &ground), "{kind}");
        odd::make(&ground.path("odd"));
        fs::write(ground.path("odd/large"), vec![7; 8 << 20]).unwrap();
        let expected = oracle::facts(&ground.path("odd"));
        for (number, how) in [Sharing::WherePossible, Sharing::Always, Sharing::Never]
            .into_iter()
            .enumerate()
        {
            let to = format!("copy-{number}");
            let options = sharing(how);
            let report = ground.copy_with("odd", &to, &options, &Silent).unwrap();
            assert_eq!(oracle::facts(&ground.path(&to)), expected, "{kind} {how:?}");
            let (some, none) = if how == Sharing::Never {
                (report.bytes_copied, report.bytes_shared)
            } else {
                (report.bytes_shared, report.bytes_copied)
            };
            assert!(some >= 8 << 20 && none == 0, "{kind} {how:?}: {report:?}");
            assert_eq!(shares_extents(&ground, &to), how != Sharing::Never);
        }
    }
}

/// Whether the large file of a copy lies where that of its source does.
fn shares_extents(ground: &Ground, copy: &str) -> bool {
    rustix::fs::sync();
    let extents = |tree: &str| {
        let path = ground.path(tree).join("large");
        let said = std::process::Command::new("filefrag")
            .arg("-v")
            .arg(path)
            .output();
        let said = String::from_utf8(said.unwrap().stdout).unwrap();
        let extent = |line: &str| {
            let column = line.split(':').nth(2)?;
            let first = column.split("..").next()?.trim();
            first.parse::<u64>().ok()
        };
        let extents: Vec<u64> = said.lines().filter_map(extent).collect();
        assert!(!extents.is_empty(), "{said}");
        extents
    };
    extents("odd") == extents(copy)
}

#[test]
fn what_cannot_be_shared_is_copied_or_refused_as_asked() {
    let ext4 = Disk::new("ext4", &[]);
    let xfs = Disk::new("xfs", &["-m", "reflink=1"]);
    let plain = Disk::new("xfs", &["-m", "reflink=0"]);
    let pairs = [
        (&ext4, &ext4),
        (&plain, &plain),
        (&ext4, &xfs),
        (&xfs, &ext4),
    ];
    for (from, to) in pairs {
        let (from, to) = (from.ground(), to.ground());
        assert!(!probe(&from, &to));
        from.folder("tree/folder");
        fs::write(from.path("tree/empty"), "").unwrap();
        fs::write(from.path("tree/folder/file"), "content").unwrap();
        for how in [Sharing::WherePossible, Sharing::Never] {
            let options = sharing(how);
            let report = copy_across(&from.open("tree"), &to, "copy", &options, &Silent).unwrap();
            assert_eq!((report.bytes_copied, report.bytes_shared), (7, 0));
            to.remove("copy").unwrap();
        }
        let options = sharing(Sharing::Always);
        let error = copy_across(&from.open("tree"), &to, "copy", &options, &Silent).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to share the blocks of: folder/file"
        );
        assert!(
            error
                .help()
                .unwrap()
                .contains("filesystem that shares blocks")
        );
        assert!(matches!(
            error,
            Error::Io {
                operation: Operation::Share,
                ..
            }
        ));
    }
}

#[test]
fn subvolumes_of_one_filesystem_share() {
    let disk = Disk::new("btrfs", &[]);
    let ground = disk.ground();
    ground.folder("tree");
    for (volume, content) in [("one", "1"), ("two", "2")] {
        let made = std::process::Command::new("btrfs")
            .args(["-q", "subvolume", "create"])
            .arg(ground.path("tree").join(volume))
            .status();
        assert!(made.unwrap().success());
        fs::write(ground.path("tree").join(volume).join("file"), content).unwrap();
    }
    let options = sharing(Sharing::Always);
    let report = ground.copy_with("tree", "copy", &options, &Silent).unwrap();
    assert_eq!((report.bytes_shared, report.bytes_copied), (2, 0));
    assert_eq!(
        fs::read_to_string(ground.path("copy/two/file")).unwrap(),
        "2"
    );
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_of_the_probe() {
    let ground = Ground::new();
    let proc = fs::File::open("/proc").unwrap();
    let error = treeclone::shares_blocks(proc.as_fd(), ground.open("").as_fd()).unwrap_err();
    assert!(matches!(
        error,
        Error::Io {
            operation: Operation::Create,
            ..
        }
    ));
}
