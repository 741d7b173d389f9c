//! A session is a full session however it was cloned: by a btrfs snapshot, or by shared blocks.

use std::fs;

use testbed::checksum::Checksum;
use testbed::disk::{Disk, Kind};
use testbed::engines::{Place, Release, Session, Workplace};

use crate::full_session::{
    a_rebuild_is_cached, a_restart_keeps_everything, containers_change_what_is_below,
    everything_can_be_pruned, images_are_listed, images_are_saved_and_loaded,
    images_are_tagged_committed_and_removed, new_steps_build_on_cached_ones, volumes_are_private,
};

/// Room for all that the project builds; it is taken only as it is written.
const SIZE: u64 = 6 << 30;

crate::on_each_engine!(a_snapshot_is_a_full_session);

/// The golden build starts empty, the next one from a snapshot of it.
fn a_snapshot_is_a_full_session(release: Release) {
    let disk = Disk::of_size(Kind::Btrfs, SIZE);
    let work = Workplace::with_store_on(release, Some(disk));
    work.build("shop", &[], &work.project.startup()).ok();
    let manifest = manifest(&work, 1);
    assert_eq!(manifest["form"], "whole", "{manifest}");
    assert_eq!(manifest["kind"], serde_json::json!({"store": "overlay2"}));
    a_full_session(&work, "auto", "snapshot");

    let golden = Checksum::of(work.generation("shop", 1));
    work.build("shop", &[], &work.project.rebuild()).ok();
    assert_eq!(work.status("shop")["generation"], 2);
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");
    work.assert_nothing_is_left();
}

#[test]
fn a_reflinked_session_is_a_full_session() {
    let disk = Disk::of_size(Kind::Xfs, SIZE);
    let work = Workplace::with_store_on(Release::V26_1, Some(disk));
    work.build("shop", &[], &work.project.startup()).ok();
    assert_eq!(manifest(&work, 1)["form"], "layered");
    a_full_session(&work, "reflink", "reflink");
}

fn a_full_session(work: &Workplace, asked: &str, strategy: &str) {
    let golden = Checksum::of(work.generation("shop", 1));
    let layers = Checksum::of(work.root().join("layers"));
    let asked = format!("--strategy={asked}");
    let words = ["--json", "session", "start", "shop", "one", &asked];
    let report = work.goldenctl(words).ok().json();
    assert_eq!(report["strategy"], strategy, "{report}");
    assert_eq!(report["mounts"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["bytes_copied"], 0, "{report}");
    assert!(report["bytes_shared"].as_u64() > Some(0), "{report}");

    let mut session = Session::start(work, Place::Enclosed, &report);
    images_are_listed(work, &mut session);
    containers_change_what_is_below(&mut session);
    volumes_are_private(&mut session);
    a_rebuild_is_cached(work, &mut session);
    new_steps_build_on_cached_ones(work, &mut session);
    images_are_saved_and_loaded(&mut session);
    images_are_tagged_committed_and_removed(&mut session);
    a_restart_keeps_everything(&mut session);
    everything_can_be_pruned(&mut session);
    session.stop();
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");
    layers.assert_same(&Checksum::of(work.root().join("layers")), "the layers");
    work.goldenctl(["session", "rm", "one"]).ok();
    work.assert_nothing_is_left();
}

fn manifest(work: &Workplace, number: u64) -> serde_json::Value {
    let manifest = work.generation("shop", number).join("manifest.json");
    serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap()
}
