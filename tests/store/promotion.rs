//! A session becomes the next generation.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;
use std::time::SystemTime;

use cachecore::id::Generation;
use cachecore::record::{Origin, Purpose, Status};
use cachecore::strategy::Strategy;
use goldenstore::{ErrorClass, PromoteOptions, Silent, StartRequest, StoreError};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, lremovexattr, lsetxattr, mknodat};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, Place, api, base, import_of, project, refused, session};
use crate::layers_on_disk::stamps;

crate::keeper::here_and_on_btrfs!(
    a_session_of_an_older_golden_is_refused_unless_forced,
    a_first_promotion_that_is_refused_leaves_no_project,
    a_promotion_notes_what_the_caller_says,
);

/// A new build of `api` on the base that it always had.
fn rebuilt(nth: u32) -> DataRoot {
    let app = Layer::new("app").file("app/version", &nth.to_string());
    DataRoot::new().image("api", &[base(), app])
}

#[test]
fn only_the_layers_of_the_changed_image_move() {
    let keeper = Keeper::with_api();
    for strategy in [Strategy::Link, Strategy::Copy] {
        let nth = u32::from(strategy == Strategy::Copy) + 2;
        keeper.start_by("api", "s1", strategy).unwrap();
        let before = stamps(&keeper);
        let first = keeper.seen(keeper.generation("api", 1));
        let image = rebuilt(nth).write(keeper.data_root("s1"));
        let image = image.image("api").clone();
        let expected = keeper.seen(keeper.data_root("s1"));

        let report = keeper.promote("s1").unwrap();
        assert_eq!(report.generation.number(), u64::from(nth));
        assert_eq!(report.layers_moved, 1, "{strategy}");
        let after = stamps(&keeper);
        for (name, stamp) in &before {
            assert_eq!(after[name], *stamp, "layer {name} was touched");
        }
        let new: Vec<&String> = after
            .keys()
            .filter(|name| !before.contains_key(*name))
            .collect();
        assert_eq!(new, [&image.layers[1].chain]);

        // The generation is what the session was, and the session is gone.
        let golden = keeper.generation("api", u64::from(nth));
        let dropped = |path: &Path| {
            ["containers", "network", "swarm", "runtimes", "tmp"]
                .iter()
                .any(|name| path.starts_with(name))
                || path.starts_with("image/overlay2/layerdb/mounts")
        };
        let moved = |path: &Path| path.components().count() <= 3;
        expected
            .without(dropped)
            .without_times(moved)
            .assert_same(&keeper.seen(&golden).without_times(moved), "the generation");
        first.assert_same(
            &keeper.seen(keeper.generation("api", 1)),
            "the first generation",
        );
        let manifest = keeper.manifest("api");
        assert_eq!(manifest.base.unwrap().number(), u64::from(nth) - 1);
        assert_eq!(
            manifest.origin,
            Origin::Session {
                session: session("s1")
            }
        );
        assert_eq!(keeper.store.list_sessions().unwrap(), []);
        keeper.assert_tidy();
    }
}

fn a_promotion_notes_what_the_caller_says(place: Place) {
    let keeper = Keeper::with_api_on(place);
    keeper.start("api", "s1");
    let options = PromoteOptions {
        revision: Some("4f2c".to_owned()),
        engine: Some("26.1.5".to_owned()),
        ..PromoteOptions::default()
    };
    keeper.promote_with("s1", &options).unwrap();
    let manifest = keeper.manifest("api");
    assert_eq!(manifest.revision.as_deref(), Some("4f2c"));
    assert_eq!(manifest.engine.as_deref(), Some("26.1.5"));
    let state = keeper.store.project_state(&project("api")).unwrap();
    assert_eq!(state.status, Status::Ready);
    assert_eq!(state.reason, "generation 2 was promoted from session s1");
    assert_eq!(state.last_ready_at, Some(manifest.promoted_at));
}

#[test]
fn an_image_that_a_session_removed_is_gone_from_the_next_generation_only() {
    let keeper = Keeper::new();
    let extra = Layer::new("extra").files(5, 100);
    let root = api().image("extra", &[base(), extra]);
    let (from, written) = keeper.write("docker", &root);
    keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    let gone = &written.image("extra").layers[1];
    keeper.start("api", "s1");
    let root = keeper.data_root("s1");
    let short = fs::read_to_string(root.join("overlay2").join(&gone.folder).join("link")).unwrap();
    fs::remove_dir_all(root.join("image/overlay2/layerdb/sha256").join(&gone.chain)).unwrap();
    let id = &written.image("extra").id;
    fs::remove_file(root.join("image/overlay2/imagedb/content/sha256").join(id)).unwrap();
    fs::remove_file(root.join("overlay2/l").join(short)).unwrap();
    fs::remove_dir_all(root.join("overlay2").join(&gone.folder)).unwrap();
    let first = keeper.seen(keeper.generation("api", 1));
    let report = keeper.promote("s1").unwrap();
    assert_eq!((report.layers, report.layers_moved), (3, 0));
    first.assert_same(
        &keeper.seen(keeper.generation("api", 1)),
        "the first generation",
    );
    assert!(
        stamps(&keeper).contains_key(&gone.chain),
        "the first generation has it"
    );
    assert!(
        !keeper
            .generation("api", 2)
            .join("overlay2")
            .join(&gone.folder)
            .exists()
    );
}

fn a_session_of_an_older_golden_is_refused_unless_forced(place: Place) {
    let keeper = Keeper::with_api_on(place);
    for id in ["s1", "s2"] {
        keeper.start("api", id);
        rebuilt(2).write(keeper.data_root(id));
    }
    keeper.promote("s1").unwrap();
    let before = keeper.checksum();
    let error = refused(keeper.promote("s2"));
    assert_eq!(
        error.to_string(),
        "session s2 stands on generation 1, and project api has moved on to generation 2"
    );
    assert!(error.help().unwrap().contains("--force"), "{error}");
    before.assert_same(&keeper.checksum(), "the store");

    let force = PromoteOptions {
        force: true,
        ..PromoteOptions::default()
    };
    let report = keeper.promote_with("s2", &force).unwrap();
    assert_eq!(report.generation.number(), 3);
    assert_eq!(keeper.current("api"), Some(3));
    assert_eq!(keeper.manifest("api").base, Some(Generation::new(1)));
}

#[test]
fn two_sessions_that_started_empty_do_not_both_become_the_first_generation() {
    let keeper = Keeper::new();
    for id in ["s1", "s2"] {
        let request = StartRequest {
            or_empty: true,
            ..StartRequest::new(project("new"), session(id))
        };
        keeper.store.start_session(&request, &Silent).unwrap();
        rebuilt(1).write(keeper.data_root(id));
    }
    keeper.promote("s1").unwrap();
    let before = keeper.checksum();
    let error = refused(keeper.promote("s2"));
    assert!(error.to_string().contains("stands on no golden"), "{error}");
    before.assert_same(&keeper.checksum(), "the store");
}

fn a_first_promotion_that_is_refused_leaves_no_project(place: Place) {
    let keeper = Keeper::on(place);
    let request = StartRequest {
        or_empty: true,
        ..StartRequest::new(project("new"), session("s1"))
    };
    keeper.store.start_session(&request, &Silent).unwrap();
    let image = rebuilt(1).write(keeper.data_root("s1"));
    let folder = &image.image("api").layers[0].folder;
    fs::remove_dir_all(
        keeper
            .data_root("s1")
            .join("overlay2")
            .join(folder)
            .join("diff"),
    )
    .unwrap();
    let before = keeper.checksum();
    let error = refused(keeper.promote("s1"));
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    before.assert_same(&keeper.checksum(), "the store");
    assert!(keeper.store.projects().unwrap().is_empty());
}

#[test]
fn a_promotion_that_was_cut_short_continues() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    rebuilt(2).write(keeper.data_root("s1"));
    let record = keeper.root().join("sessions/docker-data-s1/session.json");
    let text = fs::read_to_string(&record).unwrap();
    let promoting = text.replace("\"stage\": \"ready\"", "\"stage\": \"promoting\"");
    assert_ne!(text, promoting);
    fs::write(&record, promoting).unwrap();
    let report = keeper.promote("s1").unwrap();
    assert_eq!((report.generation.number(), report.layers_moved), (2, 1));
    assert!(!keeper.generation("api", 2).join("../session.json").exists());
}

#[test]
fn sessions_of_commands_are_not_promoted_by_others() {
    let keeper = Keeper::with_api();
    let request = StartRequest::new(project("api"), session("s1"));
    let held = keeper
        .store
        .start_held_session(&request, Purpose::Run, &Silent)
        .unwrap();
    rebuilt(2).write(keeper.data_root("s1"));
    assert!(matches!(
        refused(keeper.promote("s1")),
        StoreError::Busy { .. }
    ));
    let report = keeper
        .store
        .promote_held(&held, &PromoteOptions::default(), &Silent)
        .unwrap();
    assert_eq!(report.generation.number(), 2);
}

/// What is done to a layer that the store knows, before it comes in a second time.
type Change = fn(&Path);

/// Differences that mean something to an image, and what the store calls them.
const REFUSED: [(&str, Change); 9] = [
    ("the content differs", |diff| {
        let path = diff.join("srv/base-0/000/7.js");
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(path, bytes).unwrap();
    }),
    ("the size differs", |diff| {
        fs::write(diff.join("srv/base-0/000/7.js"), "short").unwrap();
    }),
    ("only in the second tree", |diff| {
        fs::write(diff.join("srv/more"), "").unwrap();
    }),
    ("only in the first tree", |diff| {
        fs::remove_file(diff.join("usr/bin/su")).unwrap();
    }),
    ("the mode differs", |diff| {
        fs::set_permissions(diff.join("usr/bin/su"), fs::Permissions::from_mode(0o755)).unwrap();
    }),
    ("the owner differs", |diff| {
        lchown(diff.join("usr/dangling"), Some(0), None).unwrap();
    }),
    (
        "the extended attribute security.capability differs",
        |diff| {
            lremovexattr(diff.join("usr/bin/ping"), "security.capability").unwrap();
        },
    ),
    (
        "the extended attribute trusted.overlay.opaque differs",
        |diff| {
            lremovexattr(diff.join("var/replaced"), "trusted.overlay.opaque").unwrap();
        },
    ),
    ("the target of the symlink differs", |diff| {
        fs::remove_file(diff.join("usr/absolute")).unwrap();
        std::os::unix::fs::symlink("/etc/shadow", diff.join("usr/absolute")).unwrap();
        lchown(diff.join("usr/absolute"), Some(0), Some(0)).unwrap();
    }),
];

#[test]
fn a_layer_with_other_contents_under_a_known_name_is_refused() {
    let keeper = Keeper::with_api();
    for (nth, (said, change)) in REFUSED.into_iter().enumerate() {
        let root = DataRoot::new()
            .of_daemon("another")
            .image("web", &[base(), Layer::new("web").file("new", "layer")]);
        let (from, written) = keeper.write(&format!("docker-{nth}"), &root);
        let folder = &written.image("web").layers[0].folder;
        change(
            from.join("overlay2")
                .join(folder)
                .join("diff")
                .as_std_path(),
        );
        let before = (keeper.checksum(), Checksum::of(&from));
        let error = refused(keeper.store.import(&import_of("web", &from), &Silent));
        assert!(matches!(error, StoreError::LayerDiffers { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Integrity);
        assert!(error.to_string().contains(said), "{said}: {error}");
        before.0.assert_same(&keeper.checksum(), "the store");
        before.1.assert_same(&Checksum::of(&from), "the data root");
    }
}

#[test]
fn a_layer_that_differs_in_nothing_an_image_means_is_known() {
    let keeper = Keeper::with_api();
    let layer = keeper.root().join("layers");
    let before = Checksum::of(&layer);
    let root = DataRoot::new().of_daemon("another").image("web", &[base()]);
    let (from, written) = keeper.write("docker", &root);
    let chain = &written.image("web").layers[0].chain;
    let diff = from
        .join("overlay2")
        .join(&written.image("web").layers[0].folder)
        .join("diff");
    let file = fs::File::options()
        .write(true)
        .open(diff.join("usr/bin/su"))
        .unwrap();
    file.set_modified(SystemTime::now()).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    mknodat(
        CWD,
        diff.join("usr/socket").as_std_path(),
        FileType::Socket,
        mode,
        0,
    )
    .unwrap();
    for (name, value) in [
        ("trusted.overlay.origin", b"\x00\xfb\x1d".as_slice()),
        ("trusted.overlay.impure", b"y"),
        ("user.overlay.opaque", b"x"),
    ] {
        lsetxattr(
            diff.join("usr").as_std_path(),
            name,
            value,
            XattrFlags::empty(),
        )
        .unwrap();
    }
    let report = keeper
        .store
        .import(&import_of("web", &from), &Silent)
        .unwrap();
    assert_eq!(report.layers_moved, report.layers - 1);
    let new = |path: &Path| !path.starts_with(chain);
    before
        .without(new)
        .assert_same(&Checksum::of(&layer).without(new), "the layer");
}
