//! Goldens on btrfs, whose layers lie inside of them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use camino::Utf8PathBuf;
use goldenstore::{Depth, Silent, StartRequest, VerifyReport};
use testbed::dataroot::DataRoot;
use walkdir::WalkDir;

use super::{damaged, verify};
use crate::keeper::{Keeper, Place, api, project, refused, session};

const SU: &str = "usr/bin/su";

/// Changes a byte of the golden, whose subvolume is opened for it.
fn flip(golden: &Utf8PathBuf) {
    let closed = |closed| {
        let folder = File::open(golden).unwrap();
        subvolume::set_read_only(folder, closed).unwrap();
    };
    closed(false);
    let mut files = WalkDir::new(golden).into_iter().map(Result::unwrap);
    let su = files.find(|entry| entry.path().ends_with(SU)).unwrap();
    let file = File::options()
        .read(true)
        .write(true)
        .open(su.path())
        .unwrap();
    let mode = file.metadata().unwrap().permissions();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 3).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 3).unwrap();
    fs::set_permissions(su.path(), mode).unwrap();
    closed(true);
}

fn by_contents(report: &VerifyReport) -> usize {
    let layers = report.layers.iter();
    layers
        .filter(|layer| layer.depth == Depth::Contents)
        .count()
}

fn layers_are_verified_where_they_lie(root: &DataRoot, layers: usize, described: usize) {
    let keeper = Keeper::on(Place::Btrfs);
    keeper.import("api", root);
    let report = verify(&keeper, "api", true);
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!(
        (report.layers.len(), by_contents(&report)),
        (layers, described)
    );
    let golden = keeper.generation("api", 1);
    flip(&golden);
    assert!(verify(&keeper, "api", false).is_sound());
    let report = verify(&keeper, "api", true);
    let found = damaged(&report);
    assert_eq!(found.len(), 1, "{report:#?}");
    assert!(
        found[0].findings[0].starts_with("usr/bin/su has other contents"),
        "{report:#?}"
    );
    // What only reading can find is not forgotten by a look that reads nothing.
    for full in [false, true] {
        let report = verify(&keeper, "api", full);
        assert!(!report.is_sound() && report.generations[0].quarantined);
        let request = StartRequest::new(project("api"), session("s1"));
        let error = refused(keeper.store.start_session(&request, &Silent));
        assert!(error.to_string().contains(SU), "{error}");
    }
    flip(&golden);
    let report = verify(&keeper, "api", true);
    assert!(report.is_sound() && !report.generations[0].quarantined);
    keeper.start("api", "s1");
}

#[test]
fn layers_of_the_classic_store_are_verified_where_they_lie() {
    layers_are_verified_where_they_lie(&api(), 3, 2);
}

#[test]
fn layers_of_containerds_store_are_verified_where_they_lie() {
    layers_are_verified_where_they_lie(&api().on_containerd(), 7, 6);
}
