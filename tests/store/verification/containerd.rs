//! Goldens of containerd's store: blobs by their digests, snapshots by the archives that they were
//! unpacked from, as far as these are there.

use std::fs;

use goldenstore::{Depth, VerifyReport};

use super::{damaged, verify};
use crate::keeper::{Keeper, api, import_of};

/// The layers whose names begin so, with how much of them was verified.
fn depths(report: &VerifyReport, prefix: &str) -> Vec<Depth> {
    let layers = report.layers.iter();
    layers
        .filter(|layer| layer.layer.as_str().starts_with(prefix))
        .map(|layer| layer.depth)
        .collect()
}

fn keeper() -> Keeper {
    let keeper = Keeper::new();
    keeper.import("api", &api().on_containerd());
    keeper
}

#[test]
fn what_was_unpacked_is_held_against_what_it_was_unpacked_from() {
    let keeper = keeper();
    let before = keeper.checksum();
    for (full, depth) in [(false, Depth::Structure), (true, Depth::Contents)] {
        let report = verify(&keeper, "api", full);
        assert!(report.is_sound(), "{report:#?}");
        assert_eq!(depths(&report, "ctr-"), [depth; 2]);
        assert_eq!(depths(&report, "blob-"), [depth; 4]);
        // A step of a build has no archive.
        assert_eq!(depths(&report, "snap-"), [Depth::Structure]);
        assert_eq!(report.generations[0].layers, 7);
    }
    before.assert_same(&keeper.checksum(), "verifying changes nothing");
}

#[test]
fn a_blob_that_rots_is_found_and_speaks_against_no_snapshot() {
    let keeper = keeper();
    let layers = fs::read_dir(keeper.root().join("layers")).unwrap();
    let blobs = layers.map(|layer| layer.unwrap().path().join("diff"));
    let archives =
        blobs.filter(|diff| diff.is_file() && fs::read(diff).unwrap().starts_with(&[0x1f, 0x8b]));
    for archive in archives {
        let mut bytes = fs::read(&archive).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&archive, &bytes).unwrap();
        assert!(
            verify(&keeper, "api", false).is_sound(),
            "its length is right"
        );
        let report = verify(&keeper, "api", true);
        let found = damaged(&report);
        assert_eq!(found.len(), 1, "{report:#?}");
        assert!(found[0].layer.is_blob(), "{report:#?}");
        assert!(found[0].findings[0].contains("its bytes have the digest"));
        let unsure: Vec<_> = report
            .layers
            .iter()
            .filter(|layer| layer.layer.as_str().starts_with("ctr-"))
            .filter_map(|layer| layer.because.as_deref())
            .collect();
        assert_eq!(unsure.len(), 1, "{report:#?}");
        assert!(
            unsure[0].starts_with("its archive cannot be used"),
            "{unsure:?}"
        );
        assert!(report.generations[0].quarantined, "{report:#?}");
        bytes[middle] ^= 1;
        fs::write(&archive, &bytes).unwrap();
        let report = verify(&keeper, "api", true);
        assert!(
            report.is_sound() && !report.generations[0].quarantined,
            "{report:#?}"
        );

        fs::write(&archive, &bytes[..middle]).unwrap();
        let report = verify(&keeper, "api", false);
        assert!(
            damaged(&report)[0].findings[0].contains("bytes, and had"),
            "{report:#?}"
        );
        fs::write(&archive, &bytes).unwrap();
        verify(&keeper, "api", true);
    }
}

#[test]
fn a_snapshot_whose_archive_was_removed_is_verified_in_structure() {
    let keeper = Keeper::new();
    let (from, _) = keeper.write("docker", &api().on_containerd());
    let blobs = from.join("containerd/daemon/io.containerd.content.v1.content/blobs/sha256");
    for blob in fs::read_dir(blobs).unwrap() {
        let blob = blob.unwrap().path();
        if fs::read(&blob).unwrap().starts_with(&[0x1f, 0x8b]) {
            fs::remove_file(blob).unwrap();
        }
    }
    keeper
        .store
        .import(&import_of("api", &from), &goldenstore::Silent)
        .unwrap();
    let report = verify(&keeper, "api", true);
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!(depths(&report, "ctr-"), [Depth::Structure; 2]);
    let because = report
        .layers
        .iter()
        .filter_map(|layer| layer.because.as_deref());
    let archive = because.filter(|why| why.contains("unpacked from is not there"));
    assert_eq!(archive.count(), 2, "{report:#?}");
}
