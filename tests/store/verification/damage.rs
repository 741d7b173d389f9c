//! What can happen to a layer, and what is said of it.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use goldenstore::{Silent, VerifyOptions};
use rustix::fs::{CWD, FileType, Mode, OFlags, XattrFlags, lsetxattr, mknodat};

use super::{damaged, holding, verify};
use crate::keeper::{Keeper, project};

/// A name for the damage, what is said of it, whether it is found without reading contents, and the
/// damage, done to the contents of the layer that has `usr/bin/su`.
type Damage = (&'static str, &'static str, bool, fn(&Path));

const SU: &str = "usr/bin/su";

fn replace(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

fn fifo(path: &Path) {
    let mode = Mode::from_raw_mode(0o4755);
    mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
}

const DAMAGES: &[Damage] = &[
    (
        "a flipped byte",
        "usr/bin/su has other contents than in its archive",
        false,
        |diff| {
            let mut file = fs::File::options().write(true).open(diff.join(SU)).unwrap();
            file.seek(SeekFrom::Start(3)).unwrap();
            file.write_all(b"X").unwrap();
            // Writing takes the bit away.
            fs::set_permissions(diff.join(SU), fs::Permissions::from_mode(0o4755)).unwrap();
        },
    ),
    ("a file is gone", "usr/bin/su is not there", true, |diff| {
        replace(&diff.join(SU))
    }),
    ("a folder is gone", "is not there", true, |diff| {
        replace(&diff.join("usr"))
    }),
    (
        "a file is new",
        "usr/new is not in the layer's archive",
        true,
        |diff| {
            fs::write(diff.join("usr/new"), "").unwrap();
        },
    ),
    (
        "a folder is new",
        "usr/new is not in the layer's archive",
        true,
        |diff| {
            fs::create_dir_all(diff.join("usr/new/below")).unwrap();
        },
    ),
    (
        "a file is shorter",
        "usr/bin/su has 3 bytes, and should have",
        true,
        |diff| {
            fs::write(diff.join(SU), "abc").unwrap();
        },
    ),
    (
        "a sparse file of 4 GB",
        "usr/bin/su has 4294967296 bytes",
        true,
        |diff| {
            let file = fs::File::options().write(true).open(diff.join(SU)).unwrap();
            file.set_len(4 << 30).unwrap();
        },
    ),
    (
        "a fifo for a file",
        "usr/bin/su is not a regular file",
        true,
        |diff| {
            replace(&diff.join(SU));
            fifo(&diff.join(SU));
        },
    ),
    (
        "a link for a file",
        "usr/bin/su is not a regular file",
        true,
        |diff| {
            replace(&diff.join(SU));
            symlink("/etc/passwd", diff.join(SU)).unwrap();
        },
    ),
    ("a link for a folder", "is not there", true, |diff| {
        replace(&diff.join("usr/bin"));
        symlink("/usr/bin", diff.join("usr/bin")).unwrap();
    }),
    (
        "a set-id bit",
        "usr/bin/ping has the mode 4644, and should have 644",
        false,
        |diff| {
            fs::set_permissions(
                diff.join("usr/bin/ping"),
                fs::Permissions::from_mode(0o4644),
            )
            .unwrap();
        },
    ),
    (
        "another owner",
        "usr/lib belongs to 1000:0, and should to 0:0",
        false,
        |diff| {
            lchown(diff.join("usr/lib"), Some(1000), None).unwrap();
        },
    ),
    (
        "another target",
        "usr/absolute is not the symlink",
        false,
        |diff| {
            replace(&diff.join("usr/absolute"));
            symlink("/etc/shadow", diff.join("usr/absolute")).unwrap();
        },
    ),
    (
        "a capability",
        "usr/bin/noted has other capabilities",
        false,
        |diff| {
            let all = [
                1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 1, 0, 0, 0, 0, 0, 0,
            ];
            let path = diff.join("usr/bin/noted");
            lsetxattr(path, "security.capability", &all, XattrFlags::empty()).unwrap();
        },
    ),
    (
        "another device",
        "dev-null is not the device",
        false,
        |diff| {
            replace(&diff.join("dev-null"));
            let (mode, disk) = (Mode::from_raw_mode(0o600), rustix::fs::makedev(8, 0));
            let path = diff.join("dev-null");
            mknodat(CWD, path, FileType::CharacterDevice, mode, disk).unwrap();
        },
    ),
    (
        "10,000 levels",
        "deep is not in the layer's archive",
        true,
        descend,
    ),
    (
        "a hard link that is a copy",
        "git-add is not the other name",
        true,
        |diff| {
            let path = diff.join("usr/lib/git-core/git-add");
            replace(&path);
            fs::copy(diff.join("usr/lib/git-core/git"), path).unwrap();
        },
    ),
];

/// 10,000 folders, one in the other: far longer than any path.
fn descend(diff: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut here = rustix::fs::open(diff, flags, Mode::empty()).unwrap();
    for _ in 0..10_000 {
        rustix::fs::mkdirat(&here, "deep", Mode::RWXU).unwrap();
        here = rustix::fs::openat(&here, "deep", flags, Mode::empty()).unwrap();
    }
}

fn remove(tree: &Path) {
    let parent = fs::File::open(tree.parent().unwrap()).unwrap();
    treeclone::remove_tree(parent.as_fd(), tree.file_name().unwrap(), &Silent).unwrap();
}

#[test]
fn every_damage_is_found_and_named() {
    every_damage_is_found(Keeper::with_api());
}

#[test]
fn every_damage_is_found_in_containerds_store_too() {
    let keeper = Keeper::new();
    keeper.import("api", &crate::keeper::api().on_containerd());
    every_damage_is_found(keeper);
}

fn every_damage_is_found(keeper: Keeper) {
    let mut missed = Vec::new();
    let layer = holding(&keeper, SU);
    let kept = layer.with_file_name("kept");
    let copy = |from: &Path, to: &Path| {
        let done = Command::new("cp")
            .arg("-a")
            .args([from, to])
            .status()
            .unwrap();
        assert!(done.success());
    };
    fs::rename(&layer, &kept).unwrap();
    for (name, said, fast, damage) in DAMAGES {
        copy(&kept, &layer);
        assert!(verify(&keeper, "api", true).is_sound(), "before {name}");
        damage(&layer);
        let report = verify(&keeper, "api", false);
        if report.is_sound() == *fast {
            missed.push(format!("{name}, without reading: {:?}", damaged(&report)));
        }
        let report = verify(&keeper, "api", true);
        let found = damaged(&report);
        if !found
            .iter()
            .flat_map(|layer| &layer.findings)
            .any(|finding| finding.contains(said))
        {
            missed.push(format!("{name}: {found:?}"));
        }
        assert!(report.generations[0].quarantined, "{name}");
        remove(&layer);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    fs::rename(&kept, &layer).unwrap();
    let report = verify(&keeper, "api", true);
    assert!(
        report.is_sound() && !report.generations[0].quarantined,
        "{report:#?}"
    );
    assert_eq!(report.lifted.len(), 1);
}

fn packed(lines: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines {
        packer.write_all(line.as_bytes()).unwrap();
    }
    packer.finish().unwrap()
}

/// A line that stands for so many zeros.
fn zeros(count: usize) -> String {
    let payload = "AAAA".repeat(count / 3);
    format!("{{\"type\":2,\"payload\":\"{payload}\",\"position\":0}}\n")
}

#[test]
fn a_description_that_is_none_is_a_finding_and_no_harm() {
    let keeper = Keeper::with_api();
    let chain = holding(&keeper, SU)
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_owned();
    let layerdb = keeper
        .generation("api", 1)
        .join("image/overlay2/layerdb/sha256");
    let record = layerdb.as_std_path().join(&chain);
    let path = record.join("tar-split.json.gz");
    let good = fs::read(&path).unwrap();
    let of =
        |name: &str| format!("{{\"type\":1,\"name\":\"{name}\",\"size\":1,\"payload\":\"\"}}\n");
    let bomb = || (0..10_000).map(|_| zeros(300_000));
    for (said, bytes) in [
        ("cannot be unpacked", good[..good.len() / 2].to_vec()),
        ("cannot be unpacked", b"no gzip at all".to_vec()),
        ("is not in the layer's archive", packed([])),
        (
            "has no proper end",
            packed(["{\"type\":2,\"payload\":\"AAAB\"}\n".to_owned()]),
        ),
        ("bytes between two entries", packed(bomb().take(40))),
        ("longer than", packed([" ".repeat(4 << 20)])),
        (
            "no whole header stands before it",
            packed([of("../../etc/passwd")]),
        ),
        ("expected value", packed(["hello\n".to_owned()])),
        (
            "not base64",
            packed(["{\"type\":2,\"payload\":\"?\"}\n".to_owned()]),
        ),
        ("unknown type 7", packed(["{\"type\":7}\n".to_owned()])),
    ] {
        fs::write(&path, bytes).unwrap();
        let report = verify(&keeper, "api", true);
        let found = damaged(&report);
        let findings: Vec<_> = found.iter().flat_map(|layer| &layer.findings).collect();
        assert!(
            findings.iter().any(|finding| finding.contains(said)),
            "{said}: {findings:?}"
        );
    }
    fs::remove_file(&path).unwrap();
    fifo(&path);
    assert!(!verify(&keeper, "api", true).is_sound());
    fs::remove_file(&path).unwrap();
    fs::write(&path, good).unwrap();
    fs::write(record.join("diff"), format!("sha256:{}", "1".repeat(64))).unwrap();
    let report = verify(&keeper, "api", true);
    let said = "the diff ids in its records do not make its chain id";
    assert!(
        report.generations[0].findings[0].contains(said),
        "{report:#?}"
    );
}

/// Someone swaps a folder of a layer with a link to another place again and again. Whatever is
/// found, nothing outside was read into it, and the verification ends.
#[test]
fn nothing_outside_is_read_while_folders_and_links_are_swapped() {
    let keeper = Keeper::with_api();
    let diff = holding(&keeper, SU);
    let outside = keeper.path("outside");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(diff.join("usr"))
        .arg(&outside)
        .status()
        .unwrap();
    assert!(copied.success());
    fs::write(outside.join("planted"), "outside").unwrap();
    let link = diff.with_file_name("link");
    symlink(&outside, &link).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            while !stop.load(Ordering::SeqCst) {
                rustix::fs::renameat_with(CWD, &link, CWD, diff.join("usr"), flags).unwrap();
            }
        });
        let options = VerifyOptions { full: true };
        let id = project("api");
        let reports: Vec<_> = (0..10)
            .map(|_| keeper.store.verify(&id, options, &Silent))
            .collect();
        stop.store(true, Ordering::SeqCst);
        for report in reports {
            // It may end with an error, as a tree that does not hold still cannot be measured.
            let said =
                report.map_or_else(|error| error.to_string(), |report| format!("{report:?}"));
            assert!(!said.contains("planted"), "{said}");
        }
    });
    let planted = fs::read_to_string(outside.join("planted")).unwrap();
    assert_eq!(planted, "outside");
}
