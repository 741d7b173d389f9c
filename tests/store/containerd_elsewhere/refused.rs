//! What must not come in, and what was cut short on the way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use cachecore::collection::Policy;
use cachecore::id::SessionId;
use cachecore::record::{Purpose, SessionRecord};
use camino::Utf8Path;
use goldenstore::{ErrorClass, Silent, StoreError};
use rustix::fs::{FlockOperation, flock};
use testbed::mounted::Mounted;

use super::{BLOBS, Folders, META, SNAPSHOTS, api, assert_same, with_api};
use crate::keeper::{Keeper, Place, import_of, project, refused, session};
use crate::live::Elsewhere;

crate::keeper::on_each_place!(
    what_is_refused_stays_where_it_was,
    an_import_that_was_killed_between_the_folders_is_finished,
);

/// As containerd does for as long as it lives.
fn hold(database: &Utf8Path) -> fs::File {
    let file = fs::File::open(database).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

fn what_is_refused_stays_where_it_was(place: Place) {
    let keeper = with_api(place);
    let folders = Folders::write(&keeper, "web", api());
    // A session that could not be filled was there for a moment.
    let visited = |path: &Path| path == Path::new("sessions") || path == Path::new("trash");
    let store = || keeper.checksum().without_times(visited);
    let before = (store(), folders.checksums());
    let unchanged = |error: &StoreError| {
        before.0.assert_same(&store(), &error.to_string());
        assert_same(&before.1, &folders.checksums(), &error.to_string());
    };

    // A containerd that lives.
    for copy in [false, true] {
        let _lives = hold(&folders.containerd.join(META));
        let error = refused(folders.import(&keeper, "web", copy));
        assert!(matches!(error, StoreError::DaemonAlive { .. }), "{error}");
        unchanged(&error);
    }

    // Something mounted in the second folder.
    {
        let inside = folders.containerd.join(SNAPSHOTS);
        let _mounted = Mounted::tmpfs(&inside);
        let error = refused(folders.import(&keeper, "web", false));
        assert!(matches!(error, StoreError::Mounted { .. }), "{error}");
    }

    // A second folder that is none, or that cannot be moved.
    let nested = folders.docker.join("containerd");
    let request = import_of("web", &folders.docker);
    let import = |containerd: &Utf8Path| {
        refused(
            keeper
                .store
                .import_with_containerd(&request, containerd, &Silent),
        )
    };
    let error = import(&nested);
    assert!(matches!(error, StoreError::NotBeside { .. }), "{error}");
    unchanged(&error);
    let error = import(&keeper.root().join("layers"));
    assert!(
        matches!(error, StoreError::PartOfTheStore { .. }),
        "{error}"
    );
    unchanged(&error);
    let far = keeper.path("far");
    fs::create_dir(&far).unwrap();
    let _far = Mounted::tmpfs(&far);
    let there = far.join("containerd");
    fs::create_dir(&there).unwrap();
    let error = import(&there);
    assert!(error.help().unwrap().contains("--copy"), "{error}");
    unchanged(&error);
    assert_eq!(keeper.store.list_sessions().unwrap(), []);
}

/// A session is in use as long as either of its folders is.
#[test]
fn a_session_whose_containerd_lives_or_is_mounted_stays() {
    let keeper = with_api(Place::Here);
    let containerd = keeper.start("api", "s1").containerd.unwrap();
    let idle = Policy {
        session_idle: Some(Duration::ZERO),
        ..Policy::default()
    };
    let refusals = |expected: fn(&StoreError) -> bool| {
        let errors = [refused(keeper.promote("s1")), refused(keeper.remove("s1"))];
        for error in errors {
            assert!(expected(&error), "{error}");
        }
    };
    {
        let _lives = hold(&containerd.join(META));
        refusals(|error| matches!(error, StoreError::DaemonAlive { .. }));
        keeper.store.collect(&idle, &Silent).unwrap();
        assert!(containerd.exists());
    }
    {
        let there = keeper.path("there");
        fs::create_dir(&there).unwrap();
        let _session = Elsewhere::after(&format!("mount --bind {containerd} {there}"));
        refusals(|error| matches!(error, StoreError::InUse { .. }));
        keeper.store.collect(&idle, &Silent).unwrap();
        assert!(containerd.exists());
    }
    keeper.promote("s1").unwrap();
}

fn an_import_that_was_killed_between_the_folders_is_finished(place: Place) {
    let keeper = with_api(place);
    let folders = Folders::write(&keeper, "web", api());
    let id = SessionId::of_import(&project("web"), folders.docker.as_str());
    // What the killed command has left: the session, and in it the first folder.
    keeper.start("api", "s1");
    let mut record: SessionRecord = keeper.store.session(&session("s1")).unwrap();
    record.session = id.clone();
    record.project = project("web");
    record.generation = None;
    record.purpose = Purpose::Import {
        from: folders.docker.clone(),
        containerd: Some(folders.containerd.clone()),
    };
    let opened = keeper.store.layout().session(&id);
    let leave = || {
        fs::create_dir(&opened).unwrap();
        let json = serde_json::to_string(&record).unwrap();
        fs::write(opened.join("session.json"), json).unwrap();
        fs::rename(&folders.docker, opened.join("docker")).unwrap();
    };
    leave();

    // Without the second folder it is not the same import.
    let request = import_of("web", &folders.docker);
    let error = refused(keeper.store.import(&request, &Silent));
    assert!(
        error.to_string().contains("begun with --containerd"),
        "{error}"
    );
    assert!(opened.join("docker").exists());

    // While it cannot come in, the first goes back to where it was.
    {
        let _lives = hold(&folders.containerd.join(META));
        let error = refused(folders.import(&keeper, "web", false));
        assert_eq!(error.class(), ErrorClass::Busy, "{error}");
        assert!(folders.docker.exists() && folders.containerd.exists() && !opened.exists());
    }
    leave();
    let report = folders.import(&keeper, "web", false).unwrap();
    assert_eq!(report.session, id);
    assert!(!folders.docker.exists() && !folders.containerd.exists());
    assert!(keeper.manifest("web").containerd);
    let again = folders.import(&keeper, "web", false).unwrap();
    assert_eq!(again.generation, report.generation);
    keeper.assert_tidy();
}

/// What a stranger may have left in containerd's folder.
type Trap = fn(&Keeper, &Folders);

fn link_instead(path: &Utf8Path, target: impl AsRef<Utf8Path>) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        fs::remove_file(path).unwrap();
    }
    symlink(target.as_ref(), path).unwrap();
}

const TRAPS: [(&str, Trap); 6] = [
    (
        "io.containerd.snapshotter.v1.overlayfs is not a folder",
        |_, folders| {
            let snapshotter = folders.containerd.join(SNAPSHOTS);
            link_instead(snapshotter.parent().unwrap(), "/etc");
        },
    ),
    ("is a link out of the data root, to /etc", |_, folders| {
        let id = &folders.written.image("api").layers[1].folder;
        link_instead(
            &folders.containerd.join(SNAPSHOTS).join(id).join("fs"),
            "/etc",
        );
    }),
    (
        "is a link out of the data root, to /etc/passwd",
        |_, folders| {
            let config = &folders.written.image("api").id;
            link_instead(&folders.containerd.join(BLOBS).join(config), "/etc/passwd");
        },
    ),
    (
        "may be written by its daemon but is a link",
        |keeper, folders| {
            let chain = &folders.written.image("api").layers[0].chain;
            let layer = keeper.root().join(format!("layers/ctr-{chain}/diff"));
            link_instead(&folders.containerd.join(SNAPSHOTS).join("4/fs"), layer);
        },
    ),
    ("differs from what the store holds", |_, folders| {
        let config = &folders.written.image("api").id;
        fs::write(folders.containerd.join(BLOBS).join(config), "{}").unwrap();
    }),
    // In the data root's own containerd, which nobody uses where another one is.
    ("is a link out of the data root, to /etc", |_, folders| {
        let inside = folders.docker.join("containerd/daemon").join(SNAPSHOTS);
        fs::create_dir_all(inside.join("9")).unwrap();
        symlink("/etc", inside.join("9/fs")).unwrap();
    }),
];

#[test]
fn no_trap_in_the_second_folder_is_taken() {
    for (said, trap) in TRAPS {
        let keeper = with_api(Place::Here);
        let folders = Folders::write(&keeper, "web", api());
        trap(&keeper, &folders);
        let before = (keeper.checksum(), folders.checksums());
        for copy in [false, true] {
            let error = refused(folders.import(&keeper, "web", copy));
            assert_eq!(error.class(), ErrorClass::Integrity, "{error}");
            assert!(error.to_string().contains(said), "{said}: {error}");
            before.0.assert_same(&keeper.checksum(), "the store");
            assert_same(&before.1, &folders.checksums(), "the data root");
        }
    }
}
