//! Verification: what it finds, what becomes of a golden that is damaged, and what repairs it.

mod containerd;
mod damage;
mod newcomers;
mod quarantine;
mod whole;

use std::path::PathBuf;

use goldenstore::{Depth, LayerFindings, Silent, VerifyOptions, VerifyReport};

use crate::keeper::{Keeper, project};

pub(crate) fn verify(keeper: &Keeper, of: &str, full: bool) -> VerifyReport {
    let options = VerifyOptions { full };
    keeper.store.verify(&project(of), options, &Silent).unwrap()
}

/// The layers of which something was found.
fn damaged(report: &VerifyReport) -> Vec<&LayerFindings> {
    report
        .layers
        .iter()
        .filter(|layer| !layer.findings.is_empty())
        .collect()
}

/// The contents of the one layer in the store that has this path.
fn holding(keeper: &Keeper, path: &str) -> PathBuf {
    let layers = std::fs::read_dir(keeper.root().join("layers")).unwrap();
    let mut found = layers
        .map(|layer| layer.unwrap().path().join("diff"))
        .filter(|diff| diff.join(path).symlink_metadata().is_ok());
    let diff = found.next().unwrap();
    assert!(found.next().is_none(), "{path} lies in one layer only");
    diff
}

#[test]
fn a_golden_is_what_it_was() {
    let keeper = Keeper::with_api();
    let before = keeper.checksum();
    for full in [false, true] {
        let report = verify(&keeper, "api", full);
        assert!(report.is_sound(), "{report:#?}");
        let depths: Vec<Depth> = report.layers.iter().map(|layer| layer.depth).collect();
        let contents = if full {
            Depth::Contents
        } else {
            Depth::Structure
        };
        // The lower step of a build has no image that describes it.
        assert_eq!(depths, [contents, contents, Depth::Structure]);
        let step = report.layers.last().unwrap();
        assert!(step.layer.as_str().starts_with("snap-"), "{step:?}");
        assert_eq!(step.because.is_some(), full);
        let serving: Vec<_> = report
            .generations
            .iter()
            .map(|g| (g.current, g.layers))
            .collect();
        assert_eq!(serving, [(true, 3)]);
    }
    before.assert_same(&keeper.checksum(), "verifying changes nothing");
}

#[test]
fn remapped_owners_are_no_damage() {
    let keeper = Keeper::new();
    keeper.import("api", &crate::keeper::api().remapped(231_072));
    let report = verify(&keeper, "api", true);
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!(report.layers[0].depth, Depth::Contents);
}
