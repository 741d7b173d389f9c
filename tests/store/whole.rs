//! Goldens that are btrfs subvolumes with their layers inside.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cachecore::dataroot::Kind;
use cachecore::record::Form;
use cachecore::strategy::Strategy;
use camino::Utf8Path;
use goldenstore::{ErrorClass, ImportRequest, Silent, StoreError};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, Place, api, base, import_of, project, refused, session};
use crate::layers_on_disk::stamps;

fn is_subvolume(path: impl AsRef<Path>) -> bool {
    subvolume::is_subvolume(File::open(path.as_ref()).unwrap()).unwrap()
}

fn is_read_only(path: impl AsRef<Path>) -> bool {
    subvolume::is_read_only(File::open(path.as_ref()).unwrap()).unwrap()
}

fn make_subvolume(path: &Utf8Path) {
    let parent = File::open(path.parent().unwrap()).unwrap();
    subvolume::create(parent.as_fd(), path.file_name().unwrap().as_ref()).unwrap();
}

/// What a generation does not keep.
fn dropped(path: &Path) -> bool {
    ["containers", "network", "swarm", "runtimes", "tmp"]
        .iter()
        .any(|name| path.starts_with(name))
        || path.starts_with("image/overlay2/layerdb/mounts")
        || path.to_str().is_some_and(|path| path.contains("-init"))
        || path.ends_with("written-by-the-container")
}

/// Dropping things moves the times of the folders above them.
fn above(path: &Path) -> bool {
    path.components().count() <= 3
}

/// What every kind of source becomes, by move and by copy.
#[test]
fn every_data_root_becomes_whole() {
    for of in ["folder", "subvolume", "received", "elsewhere"] {
        for copy in [false, true] {
            let keeper = Keeper::on(Place::Btrfs);
            let other = (of == "elsewhere").then(Keeper::new);
            let from = other.as_ref().unwrap_or(&keeper).path("docker");
            if of == "subvolume" || of == "received" {
                make_subvolume(&from);
            }
            api().write(&from);
            if of == "received" {
                subvolume::set_read_only(File::open(&from).unwrap(), true).unwrap();
            }
            let source = Checksum::of(&from);
            let request = ImportRequest {
                copy,
                ..import_of("api", &from)
            };
            let imported = keeper.store.import(&request, &Silent);
            if of == "elsewhere" && !copy {
                let error = refused(imported);
                assert!(error.help().unwrap().contains("--copy"), "{error}");
                source.assert_same(&Checksum::of(&from), "the data root");
                keeper.assert_tidy();
                continue;
            }
            let report = imported.unwrap();
            assert_eq!((report.layers, report.layers_moved), (0, 0));
            assert_eq!(from.exists(), copy, "{of}");
            if copy {
                source.assert_same(&Checksum::of(&from), "the source");
                assert_eq!(of == "received", is_subvolume(&from) && is_read_only(&from));
            }
            let golden = keeper.generation("api", 1);
            assert!(is_subvolume(&golden) && is_read_only(&golden), "{of}");
            let kept = source.without(dropped).without_times(above);
            let gone = |path: &Path| {
                let in_golden = golden.as_std_path().join(path);
                let folder = path.iter().take(2).collect::<std::path::PathBuf>();
                // The container's own folders and their short links.
                path.starts_with("overlay2") && !golden.as_std_path().join(folder).exists()
                    || path.parent() == Some(Path::new("overlay2/l"))
                        && in_golden.symlink_metadata().is_err()
            };
            kept.without(gone)
                .assert_same(&Checksum::of(&golden).without_times(above), "the golden");
            let manifest = keeper.manifest("api");
            assert_eq!(
                (manifest.form, manifest.kind),
                (Form::Whole, Kind::Overlay2)
            );
            assert_eq!(manifest.layers, []);
            assert!(manifest.sizes.shared_bytes > 0 && manifest.sizes.mutable_bytes == 0);
            assert_eq!(stamps(&keeper).len(), 0);
            assert_eq!(keeper.store.list_sessions().unwrap(), []);
            keeper.assert_tidy();
        }
    }
}

#[test]
fn auto_takes_a_snapshot_which_is_complete_and_needs_no_layers() {
    let keeper = Keeper::with_api_on(Place::Btrfs);
    let golden = Checksum::of(keeper.generation("api", 1));
    let report = keeper.start("api", "s1");
    assert_eq!(report.strategy, Strategy::Snapshot);
    assert_eq!(
        report.why,
        ["snapshot: taken; the golden is a btrfs subvolume"]
    );
    assert_eq!(report.mounts.len(), 1, "{:?}", report.mounts);
    assert_eq!(
        report.bytes_shared,
        keeper.manifest("api").sizes.shared_bytes
    );
    assert_eq!(
        (report.layers, report.bytes_copied, report.files_copied),
        (0, 0, 0)
    );
    golden.assert_same(&Checksum::of(keeper.data_root("s1")), "the session");
    assert!(!is_read_only(keeper.data_root("s1")));

    for strategy in [Strategy::Reflink, Strategy::Copy] {
        let report = keeper.start_by("api", strategy.name(), strategy).unwrap();
        let copied = strategy == Strategy::Copy;
        assert_eq!(report.bytes_copied > 0, copied, "{report:?}");
        assert_eq!(report.bytes_shared > 0, !copied, "{report:?}");
        golden.assert_same(
            &Checksum::of(keeper.data_root(strategy.name())),
            "the session",
        );
        assert!(is_subvolume(keeper.data_root(strategy.name())));
    }
    let error = refused(keeper.start_by("api", "s2", Strategy::Link));
    assert!(error.to_string().contains("layers inside"), "{error}");
}

/// Promoted, promoted again from each kind of clone, and gone again when it is removed.
#[test]
fn a_whole_session_becomes_a_whole_generation() {
    let keeper = Keeper::with_api_on(Place::Btrfs);
    for (nth, strategy) in Place::Btrfs.strategies().iter().enumerate() {
        let number = nth as u64 + 2;
        let first = Checksum::of(keeper.generation("api", 1));
        keeper.start_by("api", "s1", *strategy).unwrap();
        let app = Layer::new("app").file("app/version", &number.to_string());
        DataRoot::new()
            .image("api", &[base(), app])
            .container("more")
            .write(keeper.data_root("s1"));
        let report = keeper.promote("s1").unwrap();
        assert_eq!(report.generation.number(), number);
        let golden = keeper.generation("api", number);
        assert!(is_subvolume(&golden) && is_read_only(&golden));
        assert!(!golden.join("containers").exists());
        first.assert_same(
            &Checksum::of(keeper.generation("api", 1)),
            "the first generation",
        );
        assert_eq!(keeper.start("api", "s2").strategy, Strategy::Snapshot);
        keeper.remove("s2").unwrap();
        keeper.assert_tidy();
    }
}

/// Invariant 1 is held by the kernel.
#[test]
fn a_golden_cannot_be_written_to() {
    let keeper = Keeper::with_api_on(Place::Btrfs);
    let error = fs::write(keeper.generation("api", 1).join("new"), "x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn a_session_that_started_empty_becomes_whole() {
    let keeper = Keeper::on(Place::Btrfs);
    let request = goldenstore::StartRequest {
        or_empty: true,
        ..goldenstore::StartRequest::new(project("new"), session("s1"))
    };
    let report = keeper.store.start_session(&request, &Silent).unwrap();
    assert_eq!(
        fs::metadata(&report.data_root).unwrap().mode() & 0o7777,
        0o710
    );
    api().write(&report.data_root);
    keeper.promote("s1").unwrap();
    assert_eq!(keeper.manifest("new").form, Form::Whole);
    assert_eq!(keeper.start("new", "s2").strategy, Strategy::Snapshot);
}

/// Killed after it closed the data root: the same promotion goes on, or the session is removed.
#[test]
fn a_session_that_was_closed_already_can_be_promoted_and_removed() {
    let keeper = Keeper::with_api_on(Place::Btrfs);
    for id in ["s1", "s2"] {
        keeper.start("api", id);
        DataRoot::new()
            .container("more")
            .image("api", &[base()])
            .write(keeper.data_root(id));
        subvolume::set_read_only(File::open(keeper.data_root(id)).unwrap(), true).unwrap();
    }
    keeper.promote("s1").unwrap();
    assert_eq!(keeper.current("api"), Some(2));
    keeper.remove("s2").unwrap();
    keeper.assert_tidy();
}

/// Killed while its data root was being copied to a subvolume, or just after they were swapped.
#[test]
fn an_import_that_was_killed_while_it_became_whole_is_finished() {
    for swapped in [false, true] {
        let keeper = Keeper::on(Place::Btrfs);
        let (from, _) = keeper.write("docker", &api());
        let report = keeper
            .store
            .import(&import_of("api", &from), &Silent)
            .unwrap();
        // The session as it was then.
        let opened = keeper.open_import(report.session.as_str());
        let (whole, plain) = match swapped {
            false => (opened.join("docker.whole"), opened.join("docker")),
            true => (opened.join("docker"), opened.join("docker.whole")),
        };
        make_subvolume(&whole);
        if swapped {
            api().write(&whole);
        } else {
            fs::write(whole.join("half"), "copied").unwrap();
        }
        api().write(&plain);
        let report = keeper
            .store
            .import(&import_of("api", &from), &Silent)
            .unwrap();
        assert_eq!(report.generation.number(), 2);
        let golden = keeper.generation("api", 2);
        assert!(is_subvolume(&golden) && !golden.join("half").exists());
        keeper.assert_tidy();
    }
}

/// A session with root makes subvolumes, nests them, and closes them: it is not promoted, it is
/// removed all the same, and what they were snapshots of stays.
#[test]
fn subvolumes_inside_a_data_root_are_refused_and_removed() {
    for place in [
        "volumes/db/_data/own",
        "image/overlay2/own",
        "overlay2/own",
        "own",
    ] {
        for strategy in [Strategy::Snapshot, Strategy::Copy] {
            let keeper = Keeper::with_api_on(Place::Btrfs);
            keeper.start_by("api", "s1", strategy).unwrap();
            let own = keeper.data_root("s1").join(place);
            make_subvolume(&own);
            make_subvolume(&own.join("deeper"));
            fs::write(own.join("deeper/file"), "x").unwrap();
            let golden = File::open(keeper.generation("api", 1)).unwrap();
            let inside = File::open(&own).unwrap();
            subvolume::snapshot(golden.as_fd(), inside.as_fd(), "golden".as_ref()).unwrap();
            for closed in [own.join("deeper"), own.join("golden"), own.clone()] {
                subvolume::set_read_only(File::open(closed).unwrap(), true).unwrap();
            }
            let before = (keeper.checksum(), Checksum::of(keeper.generation("api", 1)));
            let error = refused(keeper.promote("s1"));
            assert!(
                matches!(&error, StoreError::NestedSubvolume { .. })
                    || matches!(&error, StoreError::Refused { .. }),
                "{place}: {error}"
            );
            assert!(error.help().is_some() && error.class() != ErrorClass::Usage);
            before.0.assert_same(&keeper.checksum(), "the store");
            keeper.remove("s1").unwrap();
            before
                .1
                .assert_same(&Checksum::of(keeper.generation("api", 1)), "the golden");
            keeper.assert_tidy();
        }
    }
}

/// A layer of a plain data root has become a subvolume, which cannot be renamed into the store.
/// The kernel destroys neither the default subvolume nor an immutable one.
#[test]
fn a_session_that_made_its_data_root_resist_is_removed() {
    let keeper = Keeper::with_api_on(Place::Btrfs);
    let run = |program: &str, words: &[&str]| {
        let status = std::process::Command::new(program).args(words).status();
        assert!(status.unwrap().success(), "{program} {words:?}");
    };
    for attack in ["default", "immutable", "both"] {
        keeper.start("api", "s1");
        let docker = keeper.data_root("s1");
        let inside = docker.join("volumes/inside");
        make_subvolume(&inside);
        if attack != "immutable" {
            run("btrfs", &["subvolume", "set-default", docker.as_str()]);
        }
        if attack != "default" {
            run("chattr", &["+i", inside.as_str(), docker.as_str()]);
        }
        keeper.remove("s1").unwrap();
        keeper.assert_tidy();
    }
}

#[test]
fn a_subvolume_in_place_of_a_layer_is_refused_at_import() {
    let keeper = Keeper::on(Place::Btrfs);
    let (from, written) = keeper.write("docker", &api());
    let diff = from
        .join("overlay2")
        .join(&written.image("api").layers[0].folder)
        .join("diff");
    fs::remove_dir_all(&diff).unwrap();
    make_subvolume(&diff);
    let before = (keeper.checksum(), Checksum::of(&from));
    let error = refused(keeper.store.import(&import_of("api", &from), &Silent));
    assert!(
        matches!(&error, StoreError::NestedSubvolume { .. }),
        "{error}"
    );
    assert!(error.to_string().contains(diff.as_str()), "{error}");
    before.0.assert_same(&keeper.checksum(), "the store");
    before.1.assert_same(&Checksum::of(&from), "the data root");
}

/// Left-overs of killed commands go with the subvolumes in them, wherever they were when it happened.
#[test]
fn what_killed_commands_left_goes_with_its_subvolumes() {
    let keeper = Keeper::with_api_on(Place::Btrfs);
    for folder in [
        "sessions/.starting-docker-data-s9-1-2-3",
        "trash/1-2-3",
        "trash/4-5-6/deep/er",
    ] {
        let folder = keeper.root().join(folder);
        fs::create_dir_all(&folder).unwrap();
        make_subvolume(&folder.join("docker"));
        fs::write(folder.join("docker/file"), "x").unwrap();
        subvolume::set_read_only(File::open(folder.join("docker")).unwrap(), true).unwrap();
    }
    make_subvolume(&keeper.root().join("trash/itself"));
    keeper.start("api", "s1");
    keeper.remove("s1").unwrap();
    keeper.assert_tidy();
}

/// Goldens that came to a store before it lay on btrfs, or by an older version, have their layers in
/// the store. They go on as they are.
#[test]
fn a_layered_golden_goes_on_being_layered() {
    let keeper = Keeper::on(Place::Btrfs);
    let (from, _) = keeper.write("docker", &api());
    // A plain data root, as older versions made it for sessions that started empty.
    let request = goldenstore::StartRequest {
        or_empty: true,
        ..goldenstore::StartRequest::new(project("api"), session("s1"))
    };
    keeper.store.start_session(&request, &Silent).unwrap();
    let docker = keeper.data_root("s1");
    let folder = File::open(docker.parent().unwrap()).unwrap();
    subvolume::destroy(folder.as_fd(), "docker".as_ref()).unwrap();
    fs::rename(&from, &docker).unwrap();
    keeper.promote("s1").unwrap();
    let manifest = keeper.manifest("api");
    assert_eq!((manifest.form, manifest.layers.len()), (Form::Layered, 3));
    let golden = keeper
        .seen(keeper.generation("api", 1))
        .without_times(above);
    let report = keeper.start("api", "auto");
    assert_eq!(report.strategy, Strategy::Link, "{:?}", report.why);
    assert!(report.why[0].contains("needs a golden that is a subvolume"));
    keeper.start_by("api", "shared", Strategy::Reflink).unwrap();
    for id in ["auto", "shared"] {
        let seen = keeper.seen(keeper.data_root(id)).without_times(above);
        golden.assert_same(&seen, id);
    }
    keeper.promote("shared").unwrap();
    assert_eq!(keeper.manifest("api").form, Form::Layered);
    keeper.remove("auto").unwrap();
    keeper.assert_tidy();
}
