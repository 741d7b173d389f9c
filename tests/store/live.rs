//! Data roots that somebody uses right now, and folders that are none.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use camino::Utf8PathBuf;
use goldenstore::{ErrorClass, ImportRequest, PromoteOptions, Silent, StoreError};
use rustix::fs::{FlockOperation, flock};
use testbed::checksum::Checksum;
use testbed::mounted::Mounted;

use crate::keeper::{Keeper, Place, api, import_of, refused};

crate::keeper::here_and_on_btrfs!(
    the_data_root_of_a_live_daemon_is_refused,
    what_has_something_mounted_inside_is_refused,
    a_data_root_that_is_a_mount_point_cannot_be_moved_but_copied,
    a_data_root_that_another_namespace_has_mounted_is_refused,
    a_namespace_that_inherited_the_disk_of_a_data_root_is_in_nobodys_way,
);

/// Imports by move and by copy, and ends the test unless both are refused and change nothing.
fn assert_import_refused(keeper: &Keeper, from: &Utf8PathBuf) -> StoreError {
    let before = (keeper.checksum(), Checksum::of(from));
    let mut said = Vec::new();
    for copy in [false, true] {
        let request = ImportRequest {
            copy,
            ..import_of("web", from)
        };
        said.push(refused(keeper.store.import(&request, &Silent)));
        before.0.assert_same(&keeper.checksum(), "the store");
        before.1.assert_same(&Checksum::of(from), "the data root");
    }
    assert_eq!(said[0].to_string(), said[1].to_string());
    said.remove(0)
}

/// As bbolt does for as long as a daemon lives.
fn hold(database: &camino::Utf8Path) -> fs::File {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(database)
        .unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

fn the_data_root_of_a_live_daemon_is_refused(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let (from, _) = keeper.write("docker", &api());
    keeper.start("api", "s1");
    let session_root = keeper.data_root("s1");
    for database in [
        "buildkit/cache.db",
        "buildkit/snapshots.db",
        "volumes/metadata.db",
        "network/files/local-kv.db",
    ] {
        let held = hold(&from.join(database));
        let error = assert_import_refused(&keeper, &from);
        assert!(matches!(error, StoreError::DaemonAlive { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Busy);
        let pid = std::process::id().to_string();
        assert!(error.to_string().contains(&pid), "{error} names the holder");
        assert!(
            error.to_string().contains(database),
            "{error} names the file"
        );
        drop(held);
        if !session_root.join(database).exists() {
            continue;
        }
        let held = hold(&session_root.join(database));
        let before = keeper.checksum();
        for error in [refused(keeper.promote("s1")), refused(keeper.remove("s1"))] {
            assert!(matches!(error, StoreError::DaemonAlive { .. }), "{error}");
        }
        before.assert_same(&keeper.checksum(), "the store");
        drop(held);
    }
    keeper.promote("s1").unwrap();
    keeper
        .store
        .import(&import_of("web", &from), &Silent)
        .unwrap();
}

fn what_has_something_mounted_inside_is_refused(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let (from, _) = keeper.write("docker", &api());
    keeper.start("api", "s1");
    let inside = "volumes/db/_data";
    {
        let _mounted = Mounted::tmpfs(from.join(inside));
        let error = assert_import_refused(&keeper, &from);
        assert!(matches!(error, StoreError::Mounted { .. }), "{error}");
        assert!(error.to_string().contains(inside), "{error}");
        assert_eq!(error.class(), ErrorClass::Busy);
    }
    {
        let _mounted = Mounted::tmpfs(keeper.data_root("s1").join(inside));
        let before = keeper.checksum();
        for error in [refused(keeper.promote("s1")), refused(keeper.remove("s1"))] {
            assert!(matches!(error, StoreError::Mounted { .. }), "{error}");
        }
        before.assert_same(&keeper.checksum(), "the store");
    }
    keeper.promote("s1").unwrap();
    keeper
        .store
        .import(&import_of("web", &from), &Silent)
        .unwrap();
}

fn a_data_root_that_is_a_mount_point_cannot_be_moved_but_copied(place: Place) {
    let keeper = Keeper::on(place);
    let from = keeper.path("mounted");
    fs::create_dir(&from).unwrap();
    let _mounted = Mounted::tmpfs(&from);
    testbed::dataroot::DataRoot::new()
        .image(
            "api",
            &[testbed::dataroot::Layer::new("small").file("a", "b")],
        )
        .write(&from);
    let before = Checksum::of(&from);
    let error = refused(keeper.store.import(&import_of("api", &from), &Silent));
    assert!(matches!(error, StoreError::CannotMove { .. }), "{error}");
    assert!(error.help().unwrap().contains("--copy"), "{error}");
    before.assert_same(&Checksum::of(&from), "the data root");
    assert_eq!(
        keeper.store.list_sessions().unwrap(),
        [],
        "nothing is left of it"
    );
    assert!(
        keeper.store.projects().unwrap().is_empty(),
        "nor of its project"
    );

    let request = ImportRequest {
        copy: true,
        ..import_of("api", &from)
    };
    keeper.store.import(&request, &Silent).unwrap();
    before.assert_same(&Checksum::of(&from), "the data root");
}

#[test]
fn a_folder_that_is_no_data_root_is_refused() {
    let keeper = Keeper::with_api();
    let home = keeper.path("home");
    fs::create_dir_all(home.join("image")).unwrap();
    fs::write(home.join("image/holiday.jpg"), "sea").unwrap();
    let error = assert_import_refused(&keeper, &home);
    assert!(
        error
            .to_string()
            .ends_with("the folder is not a Docker data root"),
        "{error}"
    );

    let file = keeper.path("file");
    fs::write(&file, "text").unwrap();
    let error = assert_import_refused(&keeper, &file);
    assert!(
        error.to_string().contains("not a Docker data root"),
        "{error}"
    );

    let (from, _) = keeper.write("docker", &api());
    let link = keeper.path("link");
    symlink(&from, &link).unwrap();
    let error = assert_import_refused(&keeper, &link);
    assert!(
        error.to_string().contains("not a Docker data root"),
        "{error}"
    );

    fs::create_dir_all(from.join("image/devicemapper")).unwrap();
    let error = assert_import_refused(&keeper, &from);
    assert!(
        error.to_string().contains("storage driver devicemapper"),
        "{error}"
    );
}

#[test]
fn a_data_root_that_is_not_there_is_refused() {
    let keeper = Keeper::with_api();
    let before = keeper.checksum();
    for path in ["nothing", "nothing/at/all"] {
        let from = keeper.path(path);
        let error = refused(keeper.store.import(&import_of("web", &from), &Silent));
        assert!(error.to_string().contains("nothing"), "{error}");
    }
    before.assert_same(&keeper.checksum(), "the store");
}

#[test]
fn the_store_and_the_data_root_may_not_lie_inside_each_other() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    let around = keeper.path("");
    for from in [
        keeper.data_root("s1"),
        keeper.generation("api", 1),
        keeper.root(),
        around.parent().unwrap().to_owned(),
        keeper.path("sideways/../store/sessions/docker-data-s1/docker"),
    ] {
        fs::create_dir_all(keeper.path("sideways")).unwrap();
        let before = keeper.checksum();
        for copy in [false, true] {
            let request = ImportRequest {
                copy,
                ..import_of("web", &from)
            };
            let error = refused(keeper.store.import(&request, &Silent));
            assert!(error.to_string().contains("part of"), "{error}");
            assert!(
                !error.to_string().contains("cannot hold a golden store"),
                "{error}"
            );
        }
        before.assert_same(&keeper.checksum(), "the store");
    }
}

/// A process in a mount namespace of its own, until it is dropped.
pub(crate) struct Elsewhere(Child);

impl Elsewhere {
    /// Enters a new namespace, runs a shell command there, and stays.
    pub(crate) fn after(command: &str) -> Self {
        let script = format!("{command} && echo there && read -r _");
        let mut child = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "there\n");
        Self(child)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

fn a_data_root_that_another_namespace_has_mounted_is_refused(place: Place) {
    let keeper = Keeper::with_api_on(place);
    keeper.start("api", "s1");
    let (data_root, there) = (keeper.data_root("s1"), keeper.path("there"));
    fs::create_dir(&there).unwrap();
    let elsewhere = Elsewhere::after(&format!("mount --bind {data_root} {there}"));
    let before = keeper.checksum();
    let promoted =
        keeper
            .store
            .promote_session(&"s1".parse().unwrap(), &PromoteOptions::default(), &Silent);
    let removed = keeper
        .store
        .remove_session(&"s1".parse().unwrap(), &Silent)
        .map(drop);
    for error in [promoted.map(drop).unwrap_err(), removed.unwrap_err()] {
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Busy);
    }
    before.assert_same(&keeper.checksum(), "the store");
    drop(elsewhere);
    keeper.remove("s1").unwrap();

    let (from, _) = keeper.write("docker", &api());
    let _elsewhere = Elsewhere::after(&format!("mount --bind {from} {there}"));
    let error = assert_import_refused(&keeper, &from);
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
}

fn a_namespace_that_inherited_the_disk_of_a_data_root_is_in_nobodys_way(place: Place) {
    let keeper = Keeper::on(place);
    let from = keeper.path("disk");
    fs::create_dir(&from).unwrap();
    let _mounted = Mounted::tmpfs(&from);
    api().write(&from);
    let _elsewhere = Elsewhere::after("true");
    let request = ImportRequest {
        copy: true,
        ..import_of("api", &from)
    };
    keeper.store.import(&request, &Silent).unwrap();
}
