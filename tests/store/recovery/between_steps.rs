//! The states between two steps that a kill seldom meets, made by hand.

use std::fs;
use std::os::unix::fs::symlink;

use cachecore::promotion::Volumes;
use cachecore::record::Status;
use goldenstore::{ImportRequest, Silent};
use testbed::checksum::Checksum;
use testbed::mounted::Mounted;

use crate::keeper::{Keeper, Place, api, base, import_of, project, refused};

crate::keeper::on_each_place!(
    the_last_steps_of_a_killed_promotion_are_done_by_the_next_command,
    an_import_that_never_came_to_move_binds_nobody,
    a_session_without_a_usable_record_stops_nobody,
);

/// A promotion that was killed in each of its last steps: the next command lets it serve, says so in
/// the project's state, and forgets the session.
fn the_last_steps_of_a_killed_promotion_are_done_by_the_next_command(place: Place) {
    for (step, first) in [("renamed", false), ("serving", false), ("renamed", true)] {
        let keeper = Keeper::on(place);
        if !first {
            keeper.import("api", &api());
        }
        let request = goldenstore::StartRequest {
            or_empty: true,
            ..goldenstore::StartRequest::new(project("api"), crate::keeper::session("s1"))
        };
        keeper.store.start_session(&request, &Silent).unwrap();
        api().image("more", &[base()]).write(keeper.data_root("s1"));
        let folder = keeper.root().join("golden/api");
        let record = fs::read(keeper.root().join("sessions/docker-data-s1/session.json")).unwrap();
        let state = fs::read(folder.join("state.json"));
        let report = keeper.promote("s1").unwrap();
        let made = report.generation.number();

        // Back to where it was killed.
        let generation = folder.join(format!("gen-00000{made}"));
        fs::write(generation.join("session.json"), record).unwrap();
        match state {
            Ok(state) => fs::write(folder.join("state.json"), state).unwrap(),
            Err(_) => fs::remove_file(folder.join("state.json")).unwrap(),
        }
        if step == "renamed" {
            fs::remove_file(folder.join("current")).unwrap();
            if !first {
                symlink("gen-000001", folder.join("current")).unwrap();
            }
        }
        let golden = keeper.seen(keeper.generation("api", made));

        keeper.store.recover().unwrap();
        assert_eq!(keeper.current("api"), Some(made), "{step}");
        let state = keeper.store.project_state(&project("api")).unwrap();
        assert_eq!(state.status, Status::Ready, "{step}");
        assert_eq!(
            state.last_ready_at,
            Some(keeper.manifest("api").promoted_at)
        );
        assert!(!generation.join("session.json").exists());
        golden.assert_same(
            &keeper.seen(keeper.generation("api", made)),
            "the generation",
        );
        let again = keeper.promote("s1").unwrap();
        assert_eq!(again.generation, report.generation, "{step}");
        assert_eq!(again.notes, ["an earlier run had promoted it already"]);
    }
}

/// Killed between opening its session and moving the data root in, an import may be repeated with
/// `--copy`, by move, or given up.
fn an_import_that_never_came_to_move_binds_nobody(place: Place) {
    for copy in [false, true] {
        let keeper = Keeper::on(place);
        let (from, _) = keeper.write("docker", &api());
        let report = keeper
            .store
            .import(&import_of("api", &from), &Silent)
            .unwrap();
        // The session as the import had opened it: its record without a data root.
        let opened = keeper.open_import(report.session.as_str());

        api().write(&from);
        let source = Checksum::of(&from);
        let request = ImportRequest {
            copy,
            ..import_of("api", &from)
        };
        let report = keeper.store.import(&request, &Silent).unwrap();
        assert_eq!(report.generation.number(), 2);
        assert_eq!(from.exists(), copy);
        if copy {
            source.assert_same(&Checksum::of(&from), "the source");
        }
        keeper.assert_tidy();
        assert!(!opened.exists());
    }
}

/// One session whose record was lost in a power cut does not stop the others.
fn a_session_without_a_usable_record_stops_nobody(place: Place) {
    for broken in ["", "{", "{\"format\": 2}"] {
        let keeper = Keeper::with_api_on(place);
        keeper.start("api", "s1");
        keeper.start("api", "s2");
        let record = keeper.root().join("sessions/docker-data-s1/session.json");
        fs::write(&record, broken).unwrap();
        keeper.store.recover().unwrap();
        keeper.start("api", "s3");
        keeper.promote("s2").unwrap();
        keeper.import("web", &api().of_daemon("another"));
        assert_eq!(keeper.store.list_sessions().unwrap().len(), 1);
        let unusable = keeper.store.unusable_sessions().unwrap();
        assert_eq!(unusable.len(), 1);
        assert_eq!(unusable[0].session, crate::keeper::session("s1"));
        assert!(
            unusable[0].unusable.contains(record.as_str()),
            "{unusable:?} names the record"
        );
        assert!(
            keeper.data_root("s1").exists(),
            "nobody discards what may be of use"
        );
        keeper.remove("s1").unwrap();
        assert_eq!(keeper.store.list_sessions().unwrap().len(), 1);
    }
}

/// Something in the trash that cannot be deleted is kept for later, and fails nobody.
#[test]
fn what_cannot_be_deleted_fails_nobody() {
    let keeper = Keeper::with_api();
    let stuck = keeper.root().join("trash/0-stuck/mounted");
    fs::create_dir_all(&stuck).unwrap();
    fs::create_dir_all(keeper.root().join("trash/1-loose/folder")).unwrap();
    {
        let _mounted = Mounted::tmpfs(&stuck);
        fs::write(stuck.join("foreign"), "kept").unwrap();
        let error = refused(keeper.store.empty_trash(&Silent));
        assert!(error.to_string().contains("0-stuck"), "{error}");
        assert!(
            !keeper.root().join("trash/1-loose").exists(),
            "the rest is deleted"
        );
        keeper.start("api", "s1");
        keeper.start("api", "s2");
        keeper.remove("s1").unwrap();
        keeper.promote("s2").unwrap();
        keeper.import("web", &api().of_daemon("another"));
        assert_eq!(fs::read(stuck.join("foreign")).unwrap(), b"kept");
        let left = fs::read_dir(keeper.root().join("trash")).unwrap().count();
        assert_eq!(left, 1, "only what is stuck is left");
    }
    keeper.store.empty_trash(&Silent).unwrap();
    keeper.assert_tidy();
}

/// What a killed replacement of a record leaves is no record, and no reason to fail.
#[test]
fn records_that_were_not_renamed_yet_are_ignored_and_removed() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    for path in [
        "golden/api/.state.json.1-2-3",
        "golden/api/.current.1-2-3",
        "sessions/docker-data-s1/.session.json.1-2-3",
    ] {
        fs::write(keeper.root().join(path), "{\"half\":").unwrap();
    }
    let request = ImportRequest {
        volumes: Volumes::Drop,
        ..import_of(
            "web",
            &keeper.write("docker", &api().of_daemon("another")).0,
        )
    };
    keeper.store.import(&request, &Silent).unwrap();
    keeper.promote("s1").unwrap();
    keeper.start("api", "s2");
    assert_eq!(keeper.current("api"), Some(2));
    let names: Vec<String> = keeper
        .store
        .projects()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["api", "web"]);
    keeper.assert_tidy();
}
