//! Arbitrary small trees on disk, imported: whatever is in them, what lies outside stays as it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use cachecore::promotion::Volumes;
use goldenstore::{ImportRequest, Silent, Store};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};
use testbed::ground::Ground;
use walkdir::WalkDir;

use crate::lots::Lots;

/// Puts something else in the place of an entry, or beside it.
fn disturb(lots: &mut Lots, root: &Path) {
    let all: Vec<_> = WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .collect();
    let victim = &all[lots.below(all.len())];
    let name = loop {
        let name = lots.folder();
        if !name.is_empty()
            && !name.contains(&b'/')
            && !name.contains(&0)
            && name != b".."
            && name != b"."
        {
            break name;
        }
    };
    let path = if lots.once_in(2) {
        let meta = victim.symlink_metadata().unwrap();
        if meta.is_dir() {
            fs::remove_dir_all(victim).unwrap();
        } else {
            fs::remove_file(victim).unwrap();
        }
        victim.clone()
    } else {
        victim.with_file_name(OsStr::from_bytes(&name))
    };
    if path.symlink_metadata().is_ok() {
        return;
    }
    let mode = Mode::from_raw_mode(0o600);
    match lots.below(7) {
        0 => fs::create_dir(path).unwrap(),
        1 => mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap(),
        // A device that no driver serves.
        2 => mknodat(CWD, path, FileType::CharacterDevice, mode, makedev(240, 7)).unwrap(),
        3 => {
            let mut target = lots.target();
            target.retain(|byte| *byte != 0);
            target.push(b'x');
            symlink(OsStr::from_bytes(&target), path).unwrap();
        }
        4 => fs::File::create(path).unwrap().set_len(4 << 30).unwrap(),
        5 => fs::write(path, lots.folder()).unwrap(),
        _ => fs::write(path, lots.bytes(300)).unwrap(),
    }
}

#[test]
fn no_import_of_an_arbitrary_tree_reaches_outside() {
    import_disturbed(false);
}

#[test]
fn no_import_of_an_arbitrary_containerds_root_reaches_outside() {
    import_disturbed(true);
}

/// Imports data roots that were disturbed, or the roots of containerds beside them.
fn import_disturbed(elsewhere: bool) {
    let ground = Ground::new();
    Store::init(&ground.path("store")).unwrap();
    let store = Store::open(&ground.path("store")).unwrap();
    fs::create_dir(ground.path("outside")).unwrap();
    fs::write(ground.path("outside/file"), "outside").unwrap();
    let before = Checksum::of(ground.path("outside"));
    let layer = Layer::new("base").file("etc/a", "a").file("etc/b", "b");
    let (mut taken, mut refused) = (0, 0);
    for number in crate::seed()..crate::seed() + 150 {
        let mut lots = Lots::new(number);
        let from = ground.path("docker");
        let containerd = ground.path("containerd");
        let root = DataRoot::new().image("one", std::slice::from_ref(&layer));
        let disturbed = if elsewhere {
            root.on_containerd_at(&containerd).write(&from);
            &containerd
        } else {
            root.write(&from);
            &from
        };
        for _ in 0..1 + lots.below(3) {
            disturb(&mut lots, disturbed.as_std_path());
        }
        let request = ImportRequest {
            project: "fuzz".parse().unwrap(),
            from: from.clone(),
            copy: lots.once_in(3),
            volumes: Volumes::Keep,
            revision: None,
        };
        let imported = match elsewhere {
            true => store.import_with_containerd(&request, &containerd, &Silent),
            false => store.import(&request, &Silent),
        };
        match imported {
            Ok(_) => taken += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty(), "seed {number}");
                refused += 1;
            }
        }
        for left in [&from, &containerd] {
            if left.exists() {
                fs::remove_dir_all(left).unwrap();
            }
        }
        before.assert_same(
            &Checksum::of(ground.path("outside")),
            &format!("seed {number}"),
        );
    }
    assert!(taken > 5 && refused > 5, "{taken} taken, {refused} refused");
}
