//! Which snapshots and blobs of containerd's store are immutable, case by case. Each line: the rows of
//! the snapshotter's book, what lies there, and the name in the store, or the problem.

use super::LAYERS;
use crate::bolt::{Bolt, Limits};
use crate::dataroot::buildkit::Book;
use crate::dataroot::containerd::{Blob, Containerd, Row, rows};
use crate::dataroot::listing::{Diff, Listing};
use crate::dataroot::{Kind, Part, Seat, survey};

fn listing(containerd: Containerd) -> Listing {
    Listing {
        top: ["containerd", "containers", "image", "volumes"]
            .map(Vec::from)
            .to_vec(),
        snapshotters: [(b"overlayfs".to_vec(), true)].into(),
        containerd,
        ..Listing::default()
    }
}

fn book(entries: &[(&str, u64, bool)]) -> Book<Row> {
    Book::Read(
        entries
            .iter()
            .map(|(key, id, committed)| {
                let row = Row {
                    id: *id,
                    committed: *committed,
                };
                (key.as_bytes().to_vec(), row)
            })
            .collect(),
    )
}

#[test]
fn each_snapshot_is_judged_by_its_rows() {
    let chain = "a".repeat(64);
    let unpacked = format!("moby/2/sha256:{chain}");
    let unpacked = unpacked.as_str();
    let layer = format!("ctr-{chain}");
    let link = |layer: &str| Diff::Symlink(format!("{LAYERS}/{layer}/diff").into_bytes());
    let blob = link(&format!("blob-{chain}"));
    type Case<'c> = (&'c str, Book<Row>, Diff, Result<Option<&'c str>, &'c str>);
    let cases: Vec<Case<'_>> = vec![
        (
            "unpacked",
            book(&[(unpacked, 7, true)]),
            Diff::Directory,
            Ok(Some(&layer)),
        ),
        (
            "built",
            book(&[("moby/4/crj09vt", 7, true)]),
            Diff::Directory,
            Ok(Some("snap-crj09vt")),
        ),
        (
            "active",
            book(&[("moby/4/crj09vt", 7, false)]),
            Diff::Directory,
            Ok(None),
        ),
        (
            "no row",
            book(&[(unpacked, 8, true)]),
            Diff::Directory,
            Ok(None),
        ),
        ("no book", Book::Missing, Diff::Directory, Ok(None)),
        (
            "two rows, one of which can be written",
            book(&[(unpacked, 7, true), ("moby/4/crj09vt", 7, false)]),
            Diff::Directory,
            Ok(None),
        ),
        (
            "a name that is none",
            book(&[("moby/4/..", 7, true)]),
            Diff::Directory,
            Ok(None),
        ),
        (
            "a key of another form",
            book(&[("moby", 7, true)]),
            Diff::Directory,
            Ok(None),
        ),
        (
            "linked before",
            book(&[(unpacked, 7, true)]),
            link(&layer),
            Ok(Some(&layer)),
        ),
        (
            "linked, and the row is gone",
            book(&[]),
            link(&layer),
            Ok(Some(&layer)),
        ),
        (
            "linked and active",
            book(&[(unpacked, 7, false)]),
            link(&layer),
            Err("may be written"),
        ),
        (
            "linked elsewhere",
            book(&[(unpacked, 7, true)]),
            Diff::Symlink(b"/".to_vec()),
            Err("out of the data root"),
        ),
        (
            "linked to another",
            book(&[(unpacked, 7, true)]),
            link("snap-other"),
            Err("should be layer"),
        ),
        (
            "linked to a blob",
            book(&[]),
            blob,
            Err("out of the data root"),
        ),
    ];
    for (case, snapshots, fs, expected) in cases {
        let root = survey(
            &listing(Containerd {
                snapshots,
                folders: [(b"7".to_vec(), fs)].into(),
                ..Containerd::default()
            }),
            LAYERS.into(),
        );
        assert_eq!(root.kind, Kind::Containerd("overlayfs".to_owned()));
        let judged = &root.contained[&"snapshots/7".parse::<Seat>().unwrap()];
        match expected {
            Ok(name) => {
                assert_eq!(
                    judged.layer.as_ref().map(|layer| layer.as_str()),
                    name,
                    "{case}"
                );
                assert_eq!(root.problems, [], "{case}");
            }
            Err(said) => {
                assert_eq!(root.problems.len(), 1, "{case}: {:?}", root.problems);
                assert!(
                    root.problems[0].to_string().contains(said),
                    "{case}: {}",
                    root.problems[0]
                );
            }
        }
    }
}

#[test]
fn blobs_are_named_by_their_digests() {
    let digest = "b".repeat(64);
    let link = |layer: &str| Blob::Symlink(format!("{LAYERS}/{layer}/diff").into_bytes());
    let own = format!("blob-{digest}");
    for (name, blob, layer, problems) in [
        (digest.as_str(), Blob::File, Some(own.as_str()), 0),
        (&digest, link(&own), Some(&own), 0),
        (&digest, link(&digest), None, 1),
        (&digest, link(&format!("blob-{}", "c".repeat(64))), None, 1),
        (&digest, Blob::Symlink(b"/etc/passwd".to_vec()), None, 1),
        (&digest, Blob::Other, None, 0),
        ("partial", Blob::File, None, 0),
        ("partial", link(&own), None, 1),
    ] {
        let root = survey(
            &listing(Containerd {
                blobs: [(name.as_bytes().to_vec(), blob.clone())].into(),
                ..Containerd::default()
            }),
            LAYERS.into(),
        );
        assert_eq!(
            root.problems.len(),
            problems,
            "{name} {blob:?}: {:?}",
            root.problems
        );
        if problems == 0 {
            let mut names = root.immutable().map(|(_, layer, _)| layer.as_str());
            assert_eq!(names.next(), layer, "{name} {blob:?}");
        }
    }
}

#[test]
fn links_are_a_problem_where_the_images_lie_elsewhere() {
    let mut elsewhere = listing(Containerd {
        folders: [(b"7".to_vec(), Diff::Symlink(b"/".to_vec()))].into(),
        blobs: [(b"b".to_vec(), Blob::Symlink(b"/".to_vec()))].into(),
        ..Containerd::default()
    });
    for (snapshotter, used) in [("overlayfs", false), ("native", true)] {
        elsewhere.snapshotters = [(snapshotter.as_bytes().to_vec(), used)].into();
        assert_eq!(survey(&elsewhere, LAYERS.into()).problems.len(), 2);
    }
}

/// The same rows in the same containerd, wherever its root lies.
#[test]
fn a_containerd_elsewhere_is_judged_like_one_inside() {
    let (chain, digest) = ("a".repeat(64), "b".repeat(64));
    let link = |layer: &str| format!("{LAYERS}/{layer}/diff").into_bytes();
    let keeps = || Containerd {
        snapshots: book(&[
            (&format!("moby/2/sha256:{chain}"), 7, true),
            ("moby/4/crj09vt", 8, true),
            ("moby/6/mount", 9, false),
        ]),
        folders: [
            (b"7".to_vec(), Diff::Symlink(link(&format!("ctr-{chain}")))),
            (b"8".to_vec(), Diff::Directory),
            (b"9".to_vec(), Diff::Directory),
            (b"x".to_vec(), Diff::Symlink(b"/etc".to_vec())),
        ]
        .into(),
        blobs: [(digest.clone().into_bytes(), Blob::Symlink(b"/etc".to_vec()))].into(),
    };
    let both = Listing {
        elsewhere: Some(keeps()),
        ..listing(keeps())
    };
    let root = survey(&both, LAYERS.into());
    let layers = |part: Part| {
        let layers = root.immutable();
        let own = layers.filter(move |(seat, ..)| seat.part() == part);
        own.map(|(_, layer, _)| layer.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(layers(Part::Docker).len(), 3);
    assert_eq!(layers(Part::Docker), layers(Part::Containerd));
    let said: Vec<String> = root.problems.iter().map(ToString::to_string).collect();
    let content = "io.containerd.content.v1.content/blobs/sha256";
    let snapshots = "io.containerd.snapshotter.v1.overlayfs/snapshots";
    for before in ["containerd/daemon", "../containerd"] {
        for expected in [
            format!("{before}/{snapshots}/x/fs is a symlink, where no daemon makes one"),
            format!("{before}/{content}/{digest} is a link out of the data root, to /etc"),
        ] {
            assert!(said.contains(&expected), "{expected}: {said:?}");
        }
    }
    assert_eq!(said.len(), 4, "{said:?}");

    // A daemon that keeps its images in its own store has no links there.
    let classic = Listing {
        snapshotters: [].into(),
        containerd: Containerd::default(),
        ..both
    };
    assert_eq!(survey(&classic, LAYERS.into()).problems.len(), 3);
}

/// The book of a real daemon (26.1): views and active snapshots beside the committed ones.
#[test]
fn a_real_book_tells_what_is_committed() {
    let file = include_bytes!("../../../tests/bolt/real/metadata.db");
    let rows = rows(&Bolt::open(&file[..], Limits::default()).unwrap()).unwrap();
    let committed = rows.values().filter(|row| row.committed).count();
    assert_eq!((rows.len(), committed), (28, 16));
    assert_eq!(
        rows[&b"moby/31/7085o6uc0pdgsi7w18lk8zfmf"[..]],
        Row {
            id: 11,
            committed: true
        }
    );
}
