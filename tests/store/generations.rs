//! Many generations of several projects, and the room that they take together.

use std::collections::BTreeMap;

use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, base, project};
use crate::layers_on_disk::{allocated, stamps};

const GENERATIONS: u64 = 10;

/// The two projects are built by different daemons, in turns: each generation brings a layer of its
/// own and one that the other project has too.
#[test]
fn each_layer_is_on_disk_once() {
    let keeper = Keeper::new();
    for number in 1..=GENERATIONS {
        for of in ["api", "web"] {
            let own = Layer::new(&format!("{of}-{number}")).files(12, 900);
            let common = Layer::new(&format!("common-{number}")).files(12, 900);
            let root = DataRoot::new()
                .of_daemon(of)
                .image(of, &[base(), own])
                .image("common", &[base(), common])
                .volume("db", &[("generation", &number.to_string())]);
            if number == 1 {
                keeper.import(of, &root);
            } else {
                keeper.start(of, "s1");
                root.write(keeper.data_root("s1"));
                let report = keeper.promote("s1").unwrap();
                // The second project finds the common layer in the store.
                let moved = if of == "api" { 2 } else { 1 };
                assert_eq!(report.layers_moved, moved, "generation {number} of {of}");
            }
            assert_eq!(keeper.current(of), Some(number));
        }
    }

    // Base, a lower build step of each daemon, a layer of each generation of each, and the common.
    let on_disk = stamps(&keeper);
    let expected = 1 + 2 + 2 * GENERATIONS + GENERATIONS;
    assert_eq!(on_disk.len() as u64, expected);
    let mut named = BTreeMap::new();
    let mut mutable = 0;
    for of in ["api", "web"] {
        let generations = keeper.store.generations(&project(of)).unwrap();
        assert_eq!(generations.len() as u64, GENERATIONS);
        for generation in generations {
            let manifest = keeper.store.manifest(&project(of), generation).unwrap();
            assert_eq!(manifest.layers.len() as u64, 2 + 2 * generation.number());
            let sum: u64 = manifest.layers.iter().map(|layer| layer.bytes).sum();
            assert_eq!(manifest.sizes.shared_bytes, sum);
            let docker = keeper.generation(of, generation.number());
            assert_eq!(manifest.sizes.mutable_bytes, allocated(docker));
            mutable += manifest.sizes.mutable_bytes;
            for layer in manifest.layers {
                let bytes = named.insert(layer.layer.clone(), layer.bytes);
                assert!(bytes.is_none_or(|b| b == layer.bytes), "{}", layer.layer);
            }
        }
    }
    for layer in named.keys() {
        assert!(on_disk.contains_key(layer.as_str()), "{layer} is missing");
    }
    assert_eq!(named.len(), on_disk.len());

    // The whole store takes the layers once, the mutable parts, and a block or two for each folder
    // and record around them.
    let shared: u64 = named.values().sum();
    let total = allocated(keeper.root());
    assert!(total >= shared + mutable, "{total} < {shared} + {mutable}");
    let around = total - shared - mutable;
    let room = 4096 * (2 * on_disk.len() as u64 + 8 * 2 * GENERATIONS + 20);
    assert!(
        around <= room,
        "{around} bytes around the layers, at most {room} expected"
    );
    // Without sharing it would be several times as much.
    let apart: u64 = ["api", "web"]
        .iter()
        .flat_map(|of| (1..=GENERATIONS).map(|number| (*of, number)))
        .map(|(of, number)| {
            let generation = cachecore::id::Generation::new(number);
            let manifest = keeper.store.manifest(&project(of), generation).unwrap();
            manifest.sizes.shared_bytes
        })
        .sum();
    assert!(apart > 4 * shared, "{apart} apart, {shared} shared");
}
