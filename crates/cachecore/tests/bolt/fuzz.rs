//! Whatever the bytes are, reading them ends within its limits and without a panic.

use cachecore::bolt::{Bolt, Entry, Limits};
use proptest::collection::vec;
use proptest::prelude::*;
use testbed::bolt::{Shape, Tree, bucket, file, put};

use crate::walk::{Watched, walk};

const LIMITS: Limits = Limits {
    page_bytes: 64 << 10,
    bytes: 1 << 20,
    depth: 8,
};

/// Reads all that can be read, and holds the reader to its limits.
fn read_within_limits(bytes: &[u8]) {
    let watched = Watched::new(bytes);
    if let Ok(bolt) = Bolt::open(&watched, LIMITS) {
        drop(walk(&bolt.root()));
        let found = bolt.root().get(b"v1");
        if let Ok(Some(Entry::Bucket(bucket))) = found {
            drop(bucket.get(b"snapshots"));
        }
    }
    // The meta pages are read before any limit counts.
    assert!(watched.bytes.get() <= LIMITS.bytes + 16 * 80);
    assert!(watched.longest.get() as u64 <= LIMITS.page_bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_are_refused(bytes in vec(any::<u8>(), 0..5000)) {
        read_within_limits(&bytes);
    }

    #[test]
    fn random_pages_behind_a_sound_meta_page_end(pages in vec(any::<u8>(), 0..4096)) {
        let mut bytes = file(&Tree::new(), Shape { page_size: 512, ..Shape::default() });
        let root = 3 * 512;
        bytes.truncate(root + 16);
        bytes.extend(pages);
        bytes.resize(bytes.len().max(4096), 0);
        read_within_limits(&bytes);
    }
}

/// A small generator of numbers; what it draws follows from where it starts.
struct Lot(u64);

impl Lot {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Databases of real engines, and one of small pages with everything that the format has.
fn seeds() -> Vec<(usize, Vec<u8>)> {
    let mut tree = Tree::new();
    for number in 0..60 {
        put(
            &mut tree,
            &["v1", "snapshots", &format!("{number}"), "kind"],
            [3],
        );
        put(&mut tree, &["many", &format!("{number}")], [1; 30]);
    }
    put(&mut tree, &["large"], vec![1; 5000]);
    bucket(&mut tree, &["deep", "deeper", "deepest"]);
    let mut shape = Shape {
        page_size: 512,
        elements: 4,
        ..Shape::default()
    };
    let inline = file(&tree, shape);
    shape.inline = false;
    vec![
        (512, inline),
        (512, file(&tree, shape)),
        (4096, include_bytes!("real/snapshots.db").to_vec()),
        (4096, include_bytes!("real/metadata.db").to_vec()),
    ]
}

/// Bytes that say something in this format.
const MEANT: [u8; 10] = [0, 1, 2, 3, 4, 8, 16, 127, 128, 255];

fn mutated(times: usize) {
    let mut lot = Lot(0x5EED_0000_0001);
    let seeds = seeds();
    for round in 0..times {
        let (page, seed) = &seeds[round % seeds.len()];
        let mut bytes = seed.clone();
        for _ in 0..=lot.below(6) {
            // Headers and elements come first in a page, and the meta pages only say "refused".
            let pages = bytes.len() / page;
            let within = if lot.below(4) == 0 { *page } else { 96 };
            let at = (2 + lot.below(pages - 2)) * page + lot.below(within);
            match lot.below(5) {
                0 => bytes[at] = MEANT[lot.below(MEANT.len())],
                1 => bytes[at] ^= 1 << lot.below(8),
                2 => bytes[at] = lot.below(256) as u8,
                3 => {
                    // A page in the place of another.
                    let (from, to) = (lot.below(pages), 2 + lot.below(pages - 2));
                    bytes.copy_within(from * page..(from + 1) * page, to * page);
                    bytes[to * page..to * page + 8].copy_from_slice(&(to as u64).to_le_bytes());
                }
                _ => {
                    // A number of a page, where numbers of pages stand.
                    let at = at & !7;
                    let number = (lot.below(pages + 2) as u64).to_le_bytes();
                    bytes[at..at + 8].copy_from_slice(&number);
                }
            }
        }
        read_within_limits(&bytes);
    }
}

#[test]
fn thousands_of_mutated_databases_end_within_the_limits() {
    mutated(5_000);
}

/// `cargo test --release -p cachecore --test bolt -- --ignored`
#[test]
#[ignore = "a million inputs take minutes"]
fn a_million_mutated_databases_end_within_the_limits() {
    mutated(1_000_000);
}
