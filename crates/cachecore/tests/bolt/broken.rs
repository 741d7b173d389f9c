//! What is broken on purpose is refused by the page that is broken.

use cachecore::bolt::{Bolt, BoltError, Limits, Malformed};
use testbed::bolt::{Shape, Tree, file, put};

use crate::walk::{tree, walk};

/// A bucket of three leaves under a branch, in a root of its own.
fn sample() -> Vec<u8> {
    let mut tree = Tree::new();
    for key in ["a", "b", "c", "d", "e", "f"] {
        put(&mut tree, &["bucket", key], key.repeat(20));
    }
    let shape = Shape {
        elements: 2,
        inline: false,
        ..Shape::default()
    };
    file(&tree, shape)
}

const SIZE: usize = 4096;

fn problem(file: &[u8]) -> (u64, Malformed) {
    match tree(file) {
        Err(BoltError::Page { page, problem }) => (page, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_page_that_is_broken_is_named() {
    // Pages 3, 4, 5 are leaves; 6 and 7 branches to them, 8 to those; 9 is the root's leaf.
    let element = 16;
    let cases: [(&str, usize, &[u8], u64, Malformed); 12] = [
        ("another number", 3 * SIZE, &[9], 3, Malformed::Misnamed(9)),
        ("no kind", 4 * SIZE + 8, &[3], 4, Malformed::Kind),
        ("a free list", 4 * SIZE + 8, &[0x10], 4, Malformed::Kind),
        (
            "a key outside",
            3 * SIZE + element + 4,
            &[0, 255],
            3,
            Malformed::Element,
        ),
        (
            "a key in the elements",
            3 * SIZE + element + 4,
            &[8, 0],
            3,
            Malformed::Element,
        ),
        (
            "more elements than bytes",
            3 * SIZE + 10,
            &[255, 255],
            3,
            Malformed::Element,
        ),
        ("no key", 3 * SIZE + element + 8, &[0], 3, Malformed::Key),
        (
            "keys out of order",
            3 * SIZE + 16 + 2 * element,
            b"z",
            3,
            Malformed::Order,
        ),
        (
            "a branch to nothing",
            6 * SIZE + 10,
            &[0],
            6,
            Malformed::EmptyBranch,
        ),
        (
            "a branch to itself",
            8 * SIZE + element + 8,
            &[8],
            8,
            Malformed::Twice,
        ),
        (
            "a branch to the meta page",
            8 * SIZE + element + 8,
            &[1],
            1,
            Malformed::OutsideTheFile,
        ),
        (
            "a branch behind the end",
            8 * SIZE + element + 8,
            &[10],
            10,
            Malformed::OutsideTheFile,
        ),
    ];
    for (case, at, bytes, page, expected) in cases {
        let mut file = sample();
        assert_eq!(file.len(), 10 * SIZE);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(problem(&file), (page, expected), "{case}");
    }
}

#[test]
fn leaves_out_of_order_are_refused() {
    let mut file = sample();
    let (first, second) = (6 * SIZE + 16 + 8, 6 * SIZE + 32 + 8);
    file.swap(first, second);
    assert_eq!(problem(&file).1, Malformed::Order);
}

#[test]
fn a_bucket_in_itself_is_refused() {
    let mut file = sample();
    // The root's only element is the bucket; its value begins behind the key.
    let value = 9 * SIZE + 16 + 16 + "bucket".len();
    assert_eq!(file[value], 8, "the bucket's root page");
    file[value] = 9;
    assert_eq!(problem(&file), (9, Malformed::Twice));
    // A root page of 0 says that the page follows in the value, and nothing does.
    file[value] = 0;
    assert_eq!(problem(&file), (9, Malformed::Kind));
}

#[test]
fn a_file_that_was_cut_short_is_refused() {
    let whole = sample();
    for length in (0..whole.len()).step_by(501) {
        let cut = tree(&whole[..length]);
        let said = cut.expect_err("what is missing was needed");
        if length >= 2 * SIZE {
            assert!(matches!(said, BoltError::Read { .. }), "{length}: {said}");
        }
    }
}

#[test]
fn each_limit_holds() {
    let mut large = Tree::new();
    put(&mut large, &["value"], vec![1; 40_000]);
    let mut nested = Tree::new();
    put(&mut nested, &["1", "2", "3", "4", "5"], "deep");
    let shape = Shape {
        inline: false,
        ..Shape::default()
    };
    let tall = Shape {
        elements: 2,
        ..shape
    };
    let mut many = Tree::new();
    for key in 0..64 {
        put(&mut many, &[&format!("{key:02}")], "");
    }
    let enough = Limits {
        page_bytes: 64 << 10,
        bytes: 1 << 20,
        depth: 6,
    };
    for (file, limits, said) in [
        (
            file(&large, shape),
            Limits {
                page_bytes: 32 << 10,
                ..enough
            },
            "bytes of one page",
        ),
        (
            file(&large, shape),
            Limits {
                bytes: 40_000,
                ..enough
            },
            "bytes read in all",
        ),
        (
            file(&nested, shape),
            Limits { depth: 3, ..enough },
            "buckets in buckets",
        ),
        (
            file(&many, tall),
            Limits { depth: 4, ..enough },
            "pages above each other",
        ),
    ] {
        let within = Bolt::open(&file[..], enough).unwrap();
        walk(&within.root()).unwrap();
        let beyond = Bolt::open(&file[..], limits).unwrap();
        let error = walk(&beyond.root()).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
