use super::{LAYERS, Sample};
use crate::dataroot::listing::Listing;
use crate::dataroot::{Kind, Problem, survey};

fn names(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

#[test]
fn the_kind_is_recognised_by_names() {
    let classic = [
        "buildkit",
        "containerd",
        "containers",
        "image",
        "network",
        "volumes",
    ];
    let with = |drivers: &[&str], snapshotters: &[(&str, bool)]| Listing {
        top: names(&classic),
        image_drivers: names(drivers),
        snapshotters: snapshotters
            .iter()
            .map(|(n, used)| (n.as_bytes().to_vec(), *used))
            .collect(),
        overlay2: drivers.contains(&"overlay2").then(Default::default),
        ..Listing::default()
    };
    for (case, listing, expected) in [
        ("an empty folder", Listing::default(), Kind::Empty),
        (
            "some project's folder",
            Listing {
                top: names(&["image", "src"]),
                ..Listing::default()
            },
            Kind::NotADataRoot,
        ),
        ("a classic root", with(&["overlay2"], &[]), Kind::Overlay2),
        (
            "a classic root whose containerd made its empty folders",
            with(&["overlay2"], &[("overlayfs", false), ("native", false)]),
            Kind::Overlay2,
        ),
        (
            "a root on containerd's image store",
            with(&[], &[("native", false), ("overlayfs", true)]),
            Kind::Containerd("overlayfs".into()),
        ),
        (
            "a root that was switched over: what serves is containerd's store",
            with(&["overlay2"], &[("overlayfs", true)]),
            Kind::Containerd("overlayfs".into()),
        ),
        ("vfs", with(&["vfs"], &[]), Kind::PlainFiles("vfs".into())),
        (
            "btrfs",
            with(&["btrfs"], &[]),
            Kind::Foreign("btrfs".into()),
        ),
        (
            "btrfs beside overlay2",
            with(&["overlay2", "btrfs"], &[]),
            Kind::Foreign("btrfs".into()),
        ),
        (
            "a daemon that never had an image",
            with(&[], &[]),
            Kind::Empty,
        ),
    ] {
        assert_eq!(survey(&listing, LAYERS.into()).kind, expected, "{case}");
    }
}

#[test]
fn a_root_whose_images_are_missed_is_noted() {
    let daemons = names(&["buildkit", "containers", "network", "volumes"]);
    let notes = |top: &[Vec<u8>], snapshotters: &[&str], elsewhere: bool| {
        let found = snapshotters
            .iter()
            .map(|name| (name.as_bytes().to_vec(), false));
        let listing = Listing {
            top: top.to_vec(),
            snapshotters: found.collect(),
            elsewhere: elsewhere.then(Default::default),
            ..Listing::default()
        };
        survey(&listing, LAYERS.into()).notes
    };
    assert!(notes(&daemons, &[], false)[0].contains("--containerd"));
    for (top, snapshotters, elsewhere) in [
        (&daemons[..], &["overlayfs"][..], false),
        (&daemons, &[], true),
        (&[], &[], false),
    ] {
        assert_eq!(notes(top, snapshotters, elsewhere), Vec::<String>::new());
    }
}

#[test]
fn a_root_of_another_store_may_have_no_links() {
    let mut listing = Sample::default()
        .folder("base", &[])
        .linked("base", "/store/layers/x/diff")
        .listing();
    listing.snapshotters.insert(b"overlayfs".to_vec(), true);
    assert_eq!(
        survey(&listing, LAYERS.into()).problems,
        [Problem::LinkedInAnotherStore {
            name: "overlay2/base/diff".into()
        }]
    );
}

#[test]
fn a_data_root_in_a_volume_is_found() {
    let mut listing = Sample::default().listing();
    listing
        .volumes
        .insert(b"plain".to_vec(), names(&["data", "image"]));
    listing.volumes.insert(
        b"inner".to_vec(),
        names(&["image", "containers", "overlay2"]),
    );
    let root = survey(&listing, LAYERS.into());
    assert_eq!(root.nested.len(), 1);
    assert_eq!(root.nested[0].volume, "inner");
    assert!(
        root.folders.is_empty(),
        "nothing inside a volume is ever linked"
    );
}
