use cachecore::bolt::{Bolt, BoltError, Entry, Limits};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use testbed::bolt::{Node, Shape, Tree, bucket, file, put};

use crate::walk::{tree, walk};

fn some_tree() -> impl Strategy<Value = Tree> {
    let key = || vec(any::<u8>(), 1..12);
    let value = vec(any::<u8>(), 0..900).prop_map(Node::Value);
    let node = value.prop_recursive(4, 60, 20, move |inner| {
        btree_map(key(), inner, 0..20).prop_map(Node::Bucket)
    });
    btree_map(key(), node, 0..20)
}

fn some_shape() -> impl Strategy<Value = Shape> {
    let sizes = prop_oneof![Just(512_usize), Just(4096), Just(65_536)];
    (sizes, 1..9_usize, any::<bool>(), 2..9_u64).prop_map(
        |(page_size, elements, inline, transaction)| Shape {
            page_size,
            elements,
            inline,
            transaction,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_written_is_read(written in some_tree(), shape in some_shape()) {
        prop_assert_eq!(tree(&file(&written, shape)).unwrap(), written);
    }

    #[test]
    fn every_key_is_found_and_no_other(written in some_tree(), shape in some_shape(), other in vec(any::<u8>(), 0..4)) {
        let file = file(&written, shape);
        let bolt = Bolt::open(&file[..], Limits::default()).unwrap();
        for (key, node) in &written {
            match (bolt.root().get(key).unwrap(), node) {
                (Some(Entry::Value(found)), Node::Value(value)) => prop_assert_eq!(&found, value),
                (Some(Entry::Bucket(found)), Node::Bucket(tree)) => prop_assert_eq!(&walk(&found).unwrap(), tree),
                (found, _) => prop_assert!(false, "{:?}: {:?}", key, found),
            }
        }
        prop_assert_eq!(bolt.root().get(&other).unwrap().is_some(), written.contains_key(&other));
    }
}

#[test]
fn paths_lead_to_buckets_and_values() {
    let mut written = Tree::new();
    put(&mut written, &["v1", "snapshots", "7", "kind"], [3]);
    bucket(&mut written, &["v1", "empty"]);
    for inline in [true, false] {
        let shape = Shape {
            inline,
            ..Shape::default()
        };
        let file = file(&written, shape);
        let bolt = Bolt::open(&file[..], Limits::default()).unwrap();
        let seven = bolt.bucket(["v1", "snapshots", "7"]).unwrap().unwrap();
        assert_eq!(seven.value(b"kind").unwrap(), Some(vec![3]));
        assert_eq!(seven.value(b"size").unwrap(), None);
        let empty = bolt.bucket(["v1", "empty"]).unwrap().unwrap();
        assert_eq!(empty.entries().count(), 0);
        for nowhere in [["v1", "nothing"], ["v2", "empty"]] {
            assert!(bolt.bucket(nowhere).unwrap().is_none(), "{nowhere:?}");
        }
        let value = bolt.bucket(["v1", "snapshots", "7", "kind"]).unwrap();
        assert!(value.is_none(), "a value is no bucket");
    }
}

#[test]
fn deep_trees_and_values_of_many_pages_are_read() {
    let mut written = Tree::new();
    for number in 0..3000 {
        put(&mut written, &["many", &format!("{number:05}")], [7; 3]);
    }
    put(&mut written, &["large"], vec![5; 200 << 10]);
    for elements in [2, 40] {
        let shape = Shape {
            elements,
            page_size: 512,
            ..Shape::default()
        };
        assert!(tree(&file(&written, shape)).unwrap() == written);
    }
}

#[test]
fn of_two_meta_pages_the_later_sound_one_counts() {
    let small = |value: &str| {
        let mut tree = Tree::new();
        put(&mut tree, &["key"], value);
        tree
    };
    for page_size in [512, 1024, 4096, 16_384, 65_536] {
        for transaction in [2, 3] {
            let shape = Shape {
                page_size,
                transaction,
                ..Shape::default()
            };
            let written = file(&small("new"), shape);
            // Torn, the later is as good as not there; then neither is.
            for torn in [0, page_size] {
                let mut file = written.clone();
                file[torn + 60] ^= 1;
                let read = tree(&file).unwrap_or_else(|e| panic!("{page_size} {torn}: {e}"));
                assert_eq!(read, small("new"));
                file[(page_size - torn) + 60] ^= 1;
                assert!(matches!(tree(&file), Err(BoltError::NoMeta)));
            }
        }
    }
}

#[test]
fn databases_of_real_engines_are_read() {
    let snapshots = tree(include_bytes!("real/snapshots.db")).unwrap();
    let committed = snapshots
        .values()
        .filter(|node| matches!(node, Node::Bucket(b) if b.contains_key(&b"iscommitted"[..])));
    assert_eq!((snapshots.len(), committed.count()), (21, 7));
    let file = include_bytes!("real/metadata.db");
    let bolt = Bolt::open(&file[..], Limits::default()).unwrap();
    let snapshots = bolt.bucket(["v1", "snapshots"]).unwrap().unwrap();
    let kinds = snapshots.entries().map(|entry| match entry.unwrap().1 {
        Entry::Bucket(snapshot) => snapshot.value(b"kind").unwrap().unwrap(),
        Entry::Value(value) => panic!("{value:?}"),
    });
    let kinds: Vec<Vec<u8>> = kinds.collect();
    assert_eq!(kinds.len(), 28);
    assert!(kinds.iter().all(|kind| matches!(kind[..], [1..=3])));
}
