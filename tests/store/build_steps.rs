//! Folders that BuildKit keeps beside the images: those that it is done with become layers.

use std::fs;

use goldenstore::Silent;
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, base, import_of};

fn with_stages() -> DataRoot {
    DataRoot::new()
        .image("api", &[base(), Layer::new("app").file("app", "1")])
        .stage("copied-from", false)
        .stage("built-on", true)
}

#[test]
fn the_last_step_of_a_stage_becomes_a_layer_and_a_cache_mount_does_not() {
    let keeper = Keeper::new();
    let report = keeper.import("api", &with_stages());
    // The image's two, the lower step, and the last steps of both stages.
    assert_eq!((report.layers, report.notes.as_slice()), (5, &[][..]));
    let golden = keeper.generation("api", 1);
    let mut linked = Vec::new();
    let mut own = Vec::new();
    for folder in fs::read_dir(golden.join("overlay2")).unwrap() {
        let folder = folder.unwrap().path();
        let diff = folder.join("diff");
        for name in ["copied-from", "built-on", "cache mount", "upper step"] {
            if !diff.join(name).exists() {
                continue;
            }
            if diff.is_symlink() {
                // overlay2 mounts only what is marked for reading.
                assert!(folder.join("committed").is_file(), "{name}");
                linked.push(name);
            } else {
                own.push(name);
            }
        }
    }
    linked.sort_unstable();
    own.sort_unstable();
    assert_eq!(linked, ["built-on", "copied-from"]);
    assert_eq!(own, ["cache mount", "upper step"]);

    // What is promoted again is the same, and moves nothing.
    keeper.start("api", "s1");
    let again = keeper.promote("s1").unwrap();
    assert_eq!((again.layers, again.layers_moved), (5, 0));
    let (first, second) = (golden, keeper.generation("api", 2));
    keeper
        .seen(first)
        .assert_same(&keeper.seen(second), "the next generation");
}

#[test]
fn books_that_cannot_be_read_cost_a_copy_and_are_told() {
    for (name, book) in [("cut", "snapshots.db"), ("torn", "metadata_v2.db")] {
        let keeper = Keeper::new();
        let (from, _) = keeper.write("docker", &with_stages());
        let path = from.join("buildkit").join(book);
        let mut bytes = fs::read(&path).unwrap();
        match name {
            "cut" => bytes.truncate(3 * 4096),
            _ => bytes[3 * 4096 + 8] = 0x7f,
        }
        fs::write(&path, bytes).unwrap();
        let before = Checksum::of(&path);
        let imported = keeper.store.import(&import_of("api", &from), &Silent);
        let report = imported.unwrap();
        // Without the snapshots nothing is known; without the records, what is committed is.
        let expected = if book == "snapshots.db" { 3 } else { 4 };
        assert_eq!(report.layers, expected, "{book}");
        let said = format!("buildkit/{book} cannot be read");
        assert!(
            report.notes.iter().any(|note| note.starts_with(&said)),
            "{report:?}"
        );
        let after = keeper.generation("api", 1).join("buildkit").join(book);
        before.assert_same(&Checksum::of(after), "the book");
    }
}
