//! Layers before they come into the store.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use goldenstore::{ErrorClass, Observer, PromoteOptions, Silent, StoreError};
use testbed::dataroot::{DataRoot, Layer};

use super::verify;
use crate::keeper::{Keeper, api, import_of, refused, session};

/// Somebody with root in a session puts something else under a chain id that others will bring.
#[test]
fn nobody_decides_for_others_what_a_chain_id_stands_for() {
    let keeper = Keeper::new();
    let (from, written) = keeper.write("poison", &api().of_daemon("evil"));
    let base = &written.image("api").layers[0].folder;
    let folder = from.join("overlay2").join(base).join("diff");
    fs::write(folder.join("usr/bin/su"), "evil!").unwrap();
    let error = refused(keeper.store.import(&import_of("evil", &from), &Silent));
    assert_eq!(error.class(), ErrorClass::Integrity, "{error}");
    assert!(error.to_string().contains("usr/bin/su"), "{error}");
    assert!(from.exists());
    assert_eq!(
        fs::read_dir(keeper.root().join("layers")).unwrap().count(),
        0
    );
}

/// Where nothing says what a layer should be, its folder's name is its name.
#[test]
fn what_cannot_be_verified_stays_apart() {
    let keeper = Keeper::new();
    let (from, written) = keeper.write("docker", &api());
    let layers = &written.image("api").layers;
    let record = from
        .join("image/overlay2/layerdb/sha256")
        .join(&layers[0].chain);
    fs::remove_file(record.join("tar-split.json.gz")).unwrap();
    let report = keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    let note = "1 layers cannot be verified by their archives";
    assert!(
        report.notes.iter().any(|said| said.starts_with(note)),
        "{report:?}"
    );
    let names = keeper.manifest("api").layers;
    let of = |folder: &str| {
        let record = names
            .iter()
            .find(|record| record.folder.to_string() == folder);
        record.unwrap().layer.to_string()
    };
    assert_eq!(of(&layers[0].folder), format!("snap-{}", layers[0].folder));
    assert_eq!(of(&layers[1].folder), layers[1].chain);
    // The next one, which can be verified, is not compared with it, and is shared.
    let other = keeper.import("other", &api().of_daemon("another"));
    assert_eq!(other.layers_moved, 2);
    assert!(keeper.root().join("layers").join(&layers[0].chain).exists());
    // A session of the first is promoted like any other.
    keeper.start("api", "s1");
    let report = keeper.promote("s1").unwrap();
    assert_eq!(report.layers_moved, 0);
    assert!(verify(&keeper, "api", true).is_sound());
}

#[test]
fn whoever_is_trusted_is_not_read() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    let layer = Layer::new("more").file("srv/more", "more");
    let root = DataRoot::new().of_daemon("more").image("more", &[layer]);
    let written = root.write(keeper.data_root("s1"));
    let folder = &written.image("more").layers[0].folder;
    let file = keeper
        .data_root("s1")
        .join("overlay2")
        .join(folder)
        .join("diff/srv/more");
    fs::write(file, "less").unwrap();
    let error = refused(keeper.promote("s1"));
    assert!(matches!(error, StoreError::LayerUnsound { .. }), "{error}");
    let options = PromoteOptions {
        trust_layers: true,
        ..PromoteOptions::default()
    };
    keeper.promote_with("s1", &options).unwrap();
    assert!(!verify(&keeper, "api", true).is_sound());
}

/// Counts the bytes of files that a command says it has read.
#[derive(Default)]
struct Reader(AtomicU64);

impl Observer for Reader {
    fn advanced(&self, _entries: u64, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::SeqCst);
    }
}

/// An import looks twice, where the data root lies and where it comes to: it reads once.
#[test]
fn an_import_reads_new_layers_once() {
    let keeper = Keeper::new();
    let layer = Layer::new("large").files(20, 50_000);
    let root = DataRoot::new().image("large", &[layer]);
    let (from, _) = keeper.write("docker", &root);
    let reader = Reader::default();
    let import = import_of("large", &from);
    keeper.store.import(&import, &reader).unwrap();
    assert_eq!(reader.0.into_inner(), 20 * 50_000);
    // A session that brings the same in its own folders is read by its promotion.
    let reader = Reader::default();
    keeper.start("large", "s1");
    let layer = Layer::new("more").files(20, 50_000);
    let root = DataRoot::new().of_daemon("more").image("more", &[layer]);
    root.write(keeper.data_root("s1"));
    let options = PromoteOptions::default();
    keeper
        .store
        .promote_session(&session("s1"), &options, &reader)
        .unwrap();
    assert_eq!(reader.0.into_inner(), 20 * 50_000);
}
