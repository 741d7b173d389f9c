//! Sessions whose files share the blocks of the golden's.

use std::fs;

use cachecore::strategy::Strategy;
use goldenstore::Silent;
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, Place, base, import_of, refused};

fn holds_a_layer(path: &std::path::Path) -> bool {
    path.starts_with("overlay2") && path.components().count() == 2
}

#[test]
fn a_session_by_reflink_is_complete_and_copies_nothing() {
    let keeper = Keeper::with_api_on(Place::Xfs);
    let golden = keeper
        .seen(keeper.generation("api", 1))
        .without_times(holds_a_layer);
    let report = keeper.start_by("api", "s1", Strategy::Reflink).unwrap();
    assert_eq!(
        report.why,
        ["reflink: asked for; xfs shares blocks here (tried)"]
    );
    assert_eq!(report.bytes_copied, 0);
    assert!(
        report.bytes_shared > 0 && report.files_copied > 0,
        "{report:?}"
    );
    assert_eq!(report.mounts.len(), 1);
    let session = Checksum::of(keeper.data_root("s1")).without_times(holds_a_layer);
    golden.assert_same(&session, "the session");
    // A copy is one.
    let report = keeper.start_by("api", "s2", Strategy::Copy).unwrap();
    assert_eq!(report.bytes_shared, 0);
    assert!(report.bytes_copied > 0);
    // What a linked session has of its own is shared too.
    let report = keeper.start_by("api", "s3", Strategy::Link).unwrap();
    assert_eq!(report.bytes_copied, 0);
    assert!(report.bytes_shared > keeper.manifest("api").sizes.shared_bytes);
}

#[test]
fn auto_shares_blocks_where_there_is_nothing_to_link() {
    let vfs = DataRoot::new()
        .on_vfs()
        .image("api", &[base(), Layer::new("app").files(5, 100)]);
    for (place, expected) in [
        (Place::Here, Strategy::Copy),
        (Place::Xfs, Strategy::Reflink),
    ] {
        let keeper = Keeper::on(place);
        let (from, _) = keeper.write("docker", &vfs);
        keeper
            .store
            .import(&import_of("api", &from), &Silent)
            .unwrap();
        let expected = match keeper.store.shares_blocks().unwrap() {
            // This machine's disk may be anything.
            true if place == Place::Here => Strategy::Reflink,
            _ => expected,
        };
        let report = keeper.start("api", "s1");
        assert_eq!(report.strategy, expected, "{:?}", report.why);
        assert!(
            report.why.iter().any(|why| why.contains("(tried)")),
            "{:?}",
            report.why
        );
    }
}

/// Tried once, and again when the store lies elsewhere or the record cannot be read.
#[test]
fn what_was_tried_is_remembered() {
    let keeper = Keeper::with_api_on(Place::Xfs);
    let record = keeper.root().join("sharing.json");
    keeper.start("api", "s1");
    assert!(!record.exists(), "links need no trial");
    keeper.start_by("api", "s2", Strategy::Reflink).unwrap();
    let known = fs::read_to_string(&record).unwrap();
    assert!(known.contains("\"shares_blocks\": true"), "{known}");
    // Believed: it is not tried again.
    fs::write(&record, known.replace("true", "false")).unwrap();
    let error = refused(keeper.start_by("api", "s3", Strategy::Reflink));
    assert!(
        error.to_string().contains("xfs does not here (tried)"),
        "{error}"
    );
    for unusable in [
        known.replace("\"golden\": \"", "\"golden\": \"0"),
        "{".to_owned(),
    ] {
        fs::write(&record, unusable.replace("true", "false")).unwrap();
        keeper.start_by("api", "s4", Strategy::Reflink).unwrap();
        assert_eq!(fs::read_to_string(&record).unwrap(), known);
        keeper.remove("s4").unwrap();
    }
}
