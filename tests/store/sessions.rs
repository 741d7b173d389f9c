//! Sessions: started, listed, changed, removed.

use std::fs;
use std::io::Write;
use std::path::Path;

use cachecore::id::IdError;
use cachecore::record::{LeaseEnd, Purpose, SessionStage};
use cachecore::strategy::{Requested, Strategy};
use goldenstore::{ErrorClass, MountSpec, Silent, StartRequest, StoreError};
use testbed::checksum::Checksum;
use testbed::dataroot::HOLE;

use crate::keeper::{Keeper, Place, link, project, refused, session};

crate::keeper::on_each_place!(
    what_a_session_changes_shows_nowhere_else,
    removing_a_session_leaves_everything_else,
    without_a_golden_a_session_may_start_empty,
    a_held_session_is_nobody_elses_and_goes_with_its_command,
);

/// Putting a layer in place moves the time of its folder, which no daemon looks at.
fn holds_a_layer(path: &Path) -> bool {
    path.starts_with("overlay2") && path.components().count() == 2
}

#[test]
fn a_linked_and_a_copied_session_are_the_same_and_complete() {
    let keeper = Keeper::with_api();
    keeper.start_by("api", "linked", Strategy::Link).unwrap();
    keeper.start_by("api", "copied", Strategy::Copy).unwrap();
    let golden = keeper.seen(keeper.generation("api", 1));
    let linked = keeper.seen(keeper.data_root("linked"));
    let copied = Checksum::of(keeper.data_root("copied"));
    golden.assert_same(&linked, "the linked session");
    golden
        .clone()
        .without_times(holds_a_layer)
        .assert_same(&copied.without_times(holds_a_layer), "the copied session");

    // Layers are links in the one, and the other has none that leads out.
    for layer in keeper.manifest("api").layers {
        let diff = format!("overlay2/{}/diff", layer.folder);
        let target = keeper.store.layout().layer_diff(&layer.layer);
        assert_eq!(link(keeper.data_root("linked").join(&diff)), target);
        let own = keeper.data_root("copied").join(&diff);
        assert!(own.is_dir() && !own.is_symlink(), "{own}");
    }
}

#[test]
fn auto_takes_links_and_says_why_nothing_better() {
    let keeper = Keeper::with_api();
    let report = keeper.start("api", "s1");
    assert_eq!(report.strategy, Strategy::Link);
    assert_eq!(report.why.len(), 2, "{:?}", report.why);
    assert!(
        report.why[0].starts_with("snapshot: not taken; "),
        "{:?}",
        report.why
    );
    assert!(
        report.why[1].starts_with("link: taken; "),
        "{:?}",
        report.why
    );
    assert_eq!(
        keeper.store.session(&session("s1")).unwrap().why,
        report.why
    );

    let report = keeper.start_by("api", "s2", Strategy::Copy).unwrap();
    assert_eq!(report.why, ["copy: asked for; it serves everywhere"]);
    for strategy in [Strategy::Snapshot, Strategy::Reflink] {
        let error = refused(keeper.start_by("api", "s3", strategy));
        assert!(error.to_string().contains(strategy.name()), "{error}");
        assert!(error.help().unwrap().contains("auto"), "{error}");
    }
    assert!(!keeper.data_root("s3").exists());
    keeper.assert_tidy();
}

/// Files and bytes of a tree, each file once, whatever its names.
fn content(tree: &Checksum, root: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let mut seen = std::collections::HashSet::new();
    let mut sum = (0, 0);
    for path in tree.paths() {
        let meta = root.join(path).symlink_metadata().unwrap();
        if meta.is_file() && seen.insert(meta.ino()) {
            sum.0 += 1;
            sum.1 += meta.len();
        }
    }
    sum
}

#[test]
fn a_report_says_what_was_done() {
    let keeper = Keeper::with_api();
    let manifest = keeper.manifest("api");
    let data_root = keeper.data_root("linked");
    let report = keeper.start("api", "linked");
    let own = MountSpec {
        source: data_root.clone(),
        target: "/var/lib/docker".into(),
        read_only: false,
    };
    let layers = MountSpec {
        source: keeper.root().join("layers"),
        target: keeper.root().join("layers"),
        read_only: true,
    };
    assert_eq!(report.mounts, [own, layers]);
    assert_eq!(
        (report.session.as_str(), report.project.as_str()),
        ("linked", "api")
    );
    assert_eq!(report.generation.unwrap().number(), 1);
    assert_eq!(report.data_root, data_root);
    assert_eq!(report.layers, manifest.layers.len() as u64);
    assert_eq!(report.bytes_shared, manifest.sizes.shared_bytes);
    assert!(report.bytes_shared > 0);
    let (files, bytes) = content(&Checksum::of(&data_root), data_root.as_std_path());
    assert_eq!((report.files_copied, report.bytes_copied), (files, bytes));

    let report = keeper.start_by("api", "copied", Strategy::Copy).unwrap();
    assert_eq!(report.mounts.len(), 1);
    assert_eq!(report.bytes_shared, 0);
    let data_root = keeper.data_root("copied");
    let (files, bytes) = content(&Checksum::of(&data_root), data_root.as_std_path());
    assert_eq!(report.files_copied, files);
    // The hole in the sparse file was not copied.
    assert_eq!(report.bytes_copied, bytes - HOLE);
}

#[test]
fn a_session_that_exists_is_refused_and_kept() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    fs::write(keeper.data_root("s1").join("mine"), "kept").unwrap();
    let before = keeper.checksum();
    let request = StartRequest::new(project("api"), session("s1"));
    let error = refused(keeper.store.start_session(&request, &Silent));
    assert_eq!(error.to_string(), "session s1 exists already");
    assert_eq!(error.class(), ErrorClass::Busy);
    before.assert_same(&keeper.checksum(), "the store");
}

#[test]
fn what_is_not_known_is_not_found() {
    let keeper = Keeper::with_api();
    keeper
        .store
        .update_project(&project("new"), |_| {})
        .unwrap();
    let before = keeper.checksum();
    for (error, said) in [
        (
            refused(keeper.start_by("web", "s1", Strategy::Link)),
            "project web is not known",
        ),
        (
            refused(keeper.start_by("new", "s1", Strategy::Link)),
            "project new has no golden yet",
        ),
        (refused(keeper.remove("s1")), "session s1 is not known"),
        (refused(keeper.promote("s1")), "session s1 is not known"),
        (
            refused(keeper.store.session(&session("s1"))),
            "session s1 is not known",
        ),
    ] {
        assert_eq!(error.to_string(), said);
        assert_eq!(error.class(), ErrorClass::NotFound);
        assert!(error.help().is_some(), "{error}");
    }
    before.assert_same(&keeper.checksum(), "the store");
}

#[test]
fn ids_that_leave_their_folder_are_refused() {
    use cachecore::id::{ProjectId, SessionId};
    for bad in ["../s1", "a/b", ".", "..", "", ".starting-s1", "s1\n", "-rf"] {
        let error: IdError = SessionId::new(bad).unwrap_err();
        assert_eq!(StoreError::from(error).class(), ErrorClass::Usage);
        assert!(ProjectId::new(bad).is_err());
    }
}

fn without_a_golden_a_session_may_start_empty(place: Place) {
    let keeper = Keeper::on(place);
    let request = StartRequest {
        or_empty: true,
        ..StartRequest::new(project("new"), session("s1"))
    };
    let report = keeper.store.start_session(&request, &Silent).unwrap();
    assert_eq!(report.strategy, Strategy::Empty);
    assert_eq!(report.generation, None);
    assert_eq!((report.layers, report.files_copied), (0, 0));
    assert_eq!(fs::read_dir(&report.data_root).unwrap().count(), 0);
    assert_eq!(report.mounts.len(), 1);

    // What a daemon then makes of it becomes the first generation.
    crate::keeper::api().write(&report.data_root);
    let report = keeper.promote("s1").unwrap();
    assert_eq!(report.generation.number(), 1);
    assert_eq!(keeper.manifest("new").base, None);

    // Where there is a golden, it is taken all the same.
    let request = StartRequest {
        or_empty: true,
        ..StartRequest::new(project("new"), session("s2"))
    };
    let report = keeper.store.start_session(&request, &Silent).unwrap();
    assert_eq!(report.generation.unwrap().number(), 1);
}

#[test]
fn sessions_are_listed_in_order_with_what_they_stand_on() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s2");
    keeper.start_by("api", "s10", Strategy::Copy).unwrap();
    let request = StartRequest::new(project("api"), session("held"));
    let held = keeper
        .store
        .start_held_session(&request, Purpose::Run, &Silent)
        .unwrap();
    let listed = keeper.store.list_sessions().unwrap();
    let found: Vec<_> = listed
        .iter()
        .map(|info| {
            let record = &info.record;
            (record.session.as_str(), record.strategy, info.held)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("held", Strategy::Link, true),
            ("s10", Strategy::Copy, false),
            ("s2", Strategy::Link, false)
        ]
    );
    for info in &listed {
        assert_eq!(info.record.project.as_str(), "api");
        assert_eq!(info.record.generation.unwrap().number(), 1);
        assert_eq!(info.record.stage, SessionStage::Ready);
    }
    assert_eq!(listed[0].record.lease.ends, LeaseEnd::Command);
    assert_eq!(listed[1].record.lease.ends, LeaseEnd::Removal);
    keeper.store.discard_session(held, &Silent).unwrap();
    keeper.assert_tidy();
}

fn a_held_session_is_nobody_elses_and_goes_with_its_command(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let hold = |id: &str| {
        let request = StartRequest::new(project("api"), session(id));
        keeper
            .store
            .start_held_session(&request, Purpose::Run, &Silent)
            .unwrap()
    };
    let held = hold("s1");
    for error in [refused(keeper.remove("s1")), refused(keeper.promote("s1"))] {
        assert!(matches!(error, StoreError::Busy { .. }), "{error}");
        let pid = std::process::id().to_string();
        assert!(error.to_string().contains(&pid), "{error} names its holder");
    }
    keeper.store.recover().unwrap();
    assert!(keeper.data_root("s1").exists());

    let kept = hold("s2");
    keeper.store.keep_session(kept).unwrap();
    drop(held);
    keeper.store.recover().unwrap();
    assert!(!keeper.data_root("s1").exists(), "its command is gone");
    assert!(keeper.data_root("s2").exists(), "it was kept");
    keeper.promote("s2").unwrap();
    keeper.assert_tidy();
}

fn removing_a_session_leaves_everything_else(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let before = keeper.checksum();
    for strategy in place.strategies() {
        keeper.start_by("api", "s1", *strategy).unwrap();
        let entries = match place {
            // A subvolume, which goes as one.
            Place::Btrfs => 1,
            Place::Here | Place::Xfs => Checksum::of(keeper.data_root("s1")).entries(),
        };
        let report = keeper.remove("s1").unwrap();
        assert_eq!(report.session.as_str(), "s1");
        // Beside the data root there are the session's own folder and its record.
        assert_eq!(report.entries, entries as u64 + 2);
        assert!(!keeper.data_root("s1").exists());
    }
    let folders = |path: &Path| path == Path::new("sessions") || path == Path::new("trash");
    before
        .without_times(folders)
        .assert_same(&keeper.checksum().without_times(folders), "the store");
}

#[test]
fn starting_a_session_notes_when_its_golden_was_used() {
    let keeper = Keeper::with_api();
    let used = || keeper.store.last_used(&project("api")).unwrap();
    assert_eq!(used(), None);
    let before = jiff::Timestamp::now().as_second();
    keeper.start("api", "s1");
    let first = used().unwrap().as_second();
    assert!((before..=jiff::Timestamp::now().as_second()).contains(&first));

    // An older time, as if it had been long ago: the next start moves it.
    let path = keeper.root().join("golden/api/last-used");
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    assert_eq!(used().unwrap().as_second(), 0);
    keeper.remove("s1").unwrap();
    assert_eq!(used().unwrap().as_second(), 0, "a removal is no use");
    keeper.start("api", "s2");
    assert!(used().unwrap().as_second() >= before);
}

/// Invariant 3: whatever a session does in its data root stays there.
fn what_a_session_changes_shows_nowhere_else(place: Place) {
    let keeper = Keeper::with_api_on(place);
    for strategy in place.strategies() {
        let (id, other) = (format!("one-{strategy}"), format!("two-{strategy}"));
        let (id, other) = (id.as_str(), other.as_str());
        keeper.start_by("api", id, *strategy).unwrap();
        keeper.start_by("api", other, *strategy).unwrap();
        let golden = Checksum::of(keeper.generation("api", 1));
        let layers = Checksum::of(keeper.root().join("layers"));
        let neighbour = Checksum::of(keeper.data_root(other));
        let root = keeper.data_root(id);
        let files: Vec<_> = Checksum::of(&root).paths().map(Path::to_owned).collect();
        let mut changed = 0;
        for path in files {
            let path = root.as_std_path().join(path);
            let meta = path.symlink_metadata().unwrap();
            if meta.is_file() {
                let mut file = fs::File::options().append(true).open(&path).unwrap();
                file.write_all(b"changed").unwrap();
                changed += 1;
            } else if meta.is_symlink() {
                fs::remove_file(&path).unwrap();
                fs::write(&path, "a file now").unwrap();
                changed += 1;
            } else if meta.is_dir() {
                fs::write(path.join("new in here"), "new").unwrap();
            }
        }
        assert!(changed > 30, "{changed} files were changed");
        golden.assert_same(&Checksum::of(keeper.generation("api", 1)), "the golden");
        layers.assert_same(&Checksum::of(keeper.root().join("layers")), "layers");
        neighbour.assert_same(&Checksum::of(keeper.data_root(other)), "the other session");
    }
}

#[test]
fn a_strategy_that_is_asked_for_by_name_is_parsed() {
    assert_eq!("auto".parse(), Ok(Requested::Auto));
    assert_eq!("link".parse(), Ok(Requested::Exactly(Strategy::Link)));
    assert!("hardlink".parse::<Requested>().is_err());
}
