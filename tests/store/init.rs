//! Making and opening stores.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;
use goldenstore::{ErrorClass, Store, StoreError};
use testbed::checksum::Checksum;
use testbed::ground::Ground;
use testbed::mounted::Mounted;

use crate::child::{self, Task};
use crate::keeper::{Keeper, refused};

fn mode(path: &Utf8Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_second_init_changes_nothing() {
    let ground = Ground::new();
    let root = ground.path("store");
    let report = Store::init(&root).unwrap();
    assert!(report.created);
    assert_eq!(report.root, root);
    let before = Checksum::of(&root);
    let again = Store::init(&root).unwrap();
    assert!(!again.created);
    assert_eq!(again.root, report.root);
    assert_eq!(again.filesystem, report.filesystem);
    before.assert_same(&Checksum::of(&root), "the store");
}

#[test]
fn nobody_but_root_looks_into_a_store() {
    let ground = Ground::new();
    let root = ground.path("store");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    Store::init(&root).unwrap();
    assert_eq!(mode(&root), 0o700);
    // Remapped users of a session are others to the host; they must be able to pass through.
    assert_eq!(mode(&root.join("layers")), 0o711);
    for folder in ["golden", "sessions", "builds", "trash"] {
        assert_eq!(mode(&root.join(folder)), 0o700, "{folder}");
    }
}

#[test]
fn init_completes_what_a_killed_init_left() {
    let ground = Ground::new();
    let root = ground.path("store");
    fs::create_dir_all(root.join("layers")).unwrap();
    fs::write(root.join(".store.json.1-2-3"), "{").unwrap();
    assert!(matches!(
        Store::open(&root),
        Err(StoreError::NoStore { .. })
    ));
    assert!(Store::init(&root).unwrap().created);
    Store::open(&root).unwrap();
}

#[test]
fn a_strangers_folder_is_refused_and_left_alone() {
    let ground = Ground::new();
    let root = ground.path("photos");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("holiday.jpg"), "sea").unwrap();
    let before = Checksum::of(&root);
    let error = refused(Store::init(&root));
    assert!(
        matches!(error, StoreError::UnsuitableRoot { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("holiday.jpg"), "{error}");
    let error = refused(Store::open(&root));
    assert!(matches!(error, StoreError::NoStore { .. }), "{error}");
    before.assert_same(&Checksum::of(&root), "the folder");
}

#[test]
fn a_newer_format_is_refused_and_the_store_untouched() {
    let keeper = Keeper::with_api();
    let root = keeper.root();
    let record = fs::read_to_string(root.join("store.json")).unwrap();
    let newer = record.replace("\"format\": 1", "\"format\": 2");
    assert_ne!(record, newer);
    fs::write(root.join("store.json"), newer).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o750)).unwrap();
    let before = Checksum::of(&root);
    for error in [refused(Store::open(&root)), refused(Store::init(&root))] {
        assert_eq!(error.class(), ErrorClass::Integrity);
        assert!(error.to_string().contains("format 2"), "{error}");
        assert!(
            error.to_string().contains("use the version that wrote it"),
            "{error}"
        );
    }
    before.assert_same(&Checksum::of(&root), "the store");
}

#[test]
fn a_store_that_was_moved_is_refused_until_it_is_back() {
    let keeper = Keeper::with_api();
    let (made, moved) = (keeper.root(), keeper.path("moved"));
    fs::rename(&made, &moved).unwrap();
    let before = Checksum::of(&moved);
    for error in [refused(Store::open(&moved)), refused(Store::init(&moved))] {
        assert!(matches!(error, StoreError::Moved { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Integrity);
        assert!(error.help().unwrap().contains(made.as_str()), "{error}");
    }
    before.assert_same(&Checksum::of(&moved), "the store");
    fs::rename(&moved, &made).unwrap();
    Store::open(&made).unwrap();
}

#[test]
fn a_symlink_to_a_store_is_the_store() {
    let keeper = Keeper::with_api();
    let link = keeper.path("link");
    std::os::unix::fs::symlink(keeper.root(), &link).unwrap();
    assert_eq!(Store::init(&link).unwrap().root, keeper.root());
    // Links into layers/ must be the same whichever way the store was reached.
    let store = Store::open(&link).unwrap();
    assert_eq!(store.layout().layers(), keeper.root().join("layers"));
}

#[test]
fn where_nothing_is_there_is_no_store() {
    let ground = Ground::new();
    let missing = ground.path("nowhere/store");
    let error = refused(Store::open(&missing));
    assert_eq!(error.class(), ErrorClass::NotFound);
    assert!(error.help().unwrap().contains("init"), "{error}");
    let error = refused(Store::init(&missing));
    assert!(error.to_string().contains("nowhere/store"), "{error}");
    assert!(!ground.path("nowhere").exists());

    let empty = ground.path("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(refused(Store::open(&empty)).class(), ErrorClass::NotFound);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);

    let file = ground.path("file");
    fs::write(&file, "text").unwrap();
    for error in [refused(Store::open(&file)), refused(Store::init(&file))] {
        assert!(error.to_string().contains("file"), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[test]
fn a_store_on_overlayfs_is_refused() {
    let ground = Ground::new();
    for folder in ["lower", "upper", "work", "merged"] {
        fs::create_dir(ground.path(folder)).unwrap();
    }
    let _mounted = Mounted::overlay(
        ground.path("merged"),
        ground.path("lower"),
        ground.path("upper"),
        ground.path("work"),
    );
    let error = refused(Store::init(&ground.path("merged")));
    assert!(error.to_string().contains("overlayfs"), "{error}");
    assert_eq!(fs::read_dir(ground.path("merged")).unwrap().count(), 0);
}

#[test]
fn only_root_may_use_a_store() {
    let keeper = Keeper::with_api();
    let before = Checksum::of(keeper.root());
    for task in [Task::Init, Task::Open] {
        let said = child::as_nobody(&task, &keeper.root());
        assert_eq!(said, "the golden store needs root, and this is user 65534");
    }
    before.assert_same(&Checksum::of(keeper.root()), "the store");
}
