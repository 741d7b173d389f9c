//! Arbitrary listings: what is decided on them stays inside.

use std::collections::BTreeSet;

use cachecore::dataroot::listing::{
    Diff, Folder, ImageConfig, Layer, Listing, Mount, Overlay2, Text,
};
use cachecore::dataroot::{Seat, Stray, survey};
use cachecore::id::LayerName;
use cachecore::promotion::{LayerAction, Volumes, plan};
use cachecore::record::Form;

use crate::lots::Lots;

const LAYERS: &str = "/store/layers";

fn text(lots: &mut Lots, bytes: Vec<u8>) -> Text {
    match lots.below(16) {
        0 => Text::Missing,
        1 => Text::Unreadable,
        2 => Text::Bytes(lots.bytes(40)),
        _ => Text::Bytes(bytes),
    }
}

fn listing(lots: &mut Lots) -> Listing {
    let mut listing = Listing::default();
    let names: [&[u8]; 7] = [
        b"image",
        b"containers",
        b"volumes",
        b"network",
        b"buildkit",
        b"overlay2",
        b"..",
    ];
    listing.top = (0..4 + lots.below(5))
        .map(|_| lots.one_of(&names).to_vec())
        .collect();
    if lots.once_in(8) {
        listing
            .image_drivers
            .push(lots.one_of(&["vfs", "zfs", "overlay2", ".."]).into());
    }
    if lots.once_in(20) {
        listing.snapshotters.insert(lots.bytes(9), lots.once_in(2));
    }
    for _ in 0..lots.below(3) {
        let inside = listing.top.clone();
        listing.volumes.insert(lots.folder(), inside);
    }
    if lots.once_in(30) {
        listing.strays.push(Stray::Symlink(lots.bytes(9)));
    }
    if !lots.once_in(20) {
        listing.overlay2 = Some(if lots.once_in(2) {
            overlay2(lots)
        } else {
            nearly_sound(lots)
        });
    }
    listing
}

fn overlay2(lots: &mut Lots) -> Overlay2 {
    let mut facts = Overlay2::default();
    if lots.once_in(5) {
        facts.owner_gid = u32::try_from(lots.next() & 0xffff_ffff).unwrap();
    }
    for _ in 0..lots.below(6) {
        let diff = match lots.below(8) {
            0 => Diff::Missing,
            1 => Diff::Other,
            2 | 3 => Diff::Symlink(lots.target()),
            _ => Diff::Directory,
        };
        let short = lots.short();
        let mut lower = String::new();
        for _ in 0..lots.below(4) {
            lower += &format!("l/{}:", lots.short());
        }
        let folder = Folder {
            diff,
            link: text(lots, short.clone().into_bytes()),
            lower: text(lots, lower.trim_end_matches(':').into()),
        };
        let name = lots.folder();
        let leads = if lots.once_in(6) {
            Some(lots.target())
        } else {
            Some([b"../", name.as_slice(), b"/diff"].concat())
        };
        facts.short_links.insert(short.into_bytes(), leads);
        facts.folders.insert(name, folder);
    }
    for _ in 0..lots.below(5) {
        let cache_id = lots.folder();
        let parent = format!("sha256:{}", lots.chain()).into_bytes();
        let layer = Layer {
            cache_id: text(lots, cache_id),
            parent: if lots.once_in(2) {
                Text::Missing
            } else {
                text(lots, parent)
            },
        };
        facts.layers.insert(lots.chain().into_bytes(), layer);
    }
    for _ in 0..lots.below(2) {
        let (mount, init) = (lots.folder(), lots.folder());
        let mount = Mount {
            mount_id: text(lots, mount),
            init_id: text(lots, init),
        };
        facts.mounts.insert(lots.bytes(9), mount);
    }
    for _ in 0..lots.below(2) {
        let config = if lots.once_in(4) {
            ImageConfig::Unreadable
        } else {
            let count = lots.below(3);
            ImageConfig::DiffIds(
                (0..count)
                    .map(|_| format!("sha256:{}", lots.chain()))
                    .collect(),
            )
        };
        facts.images.insert(lots.bytes(9), config);
    }
    facts
}

/// Folders that stand on each other as they should, but for at most two fields.
fn nearly_sound(lots: &mut Lots) -> Overlay2 {
    let mut facts = Overlay2::default();
    let chains = ["a", "b", "c", "d"].map(|digit| digit.repeat(64));
    let (count, in_store) = (1 + lots.below(4), lots.below(5));
    let mut below = String::new();
    for (number, chain) in chains.iter().enumerate().take(count) {
        let name = [b"aa", b"bb", b"cc", b"dd"][number].to_vec();
        let short = ["AA", "BB", "CC", "DD"][number];
        let folder = Folder {
            diff: if number < in_store {
                Diff::Symlink(format!("{LAYERS}/{chain}/diff").into_bytes())
            } else {
                Diff::Directory
            },
            link: Text::Bytes(short.into()),
            lower: if number == 0 {
                Text::Missing
            } else {
                Text::Bytes(below.clone().into())
            },
        };
        below = if number == 0 {
            format!("l/{short}")
        } else {
            format!("l/{short}:{below}")
        };
        let leads = [b"../", name.as_slice(), b"/diff"].concat();
        facts.short_links.insert(short.into(), Some(leads));
        let layer = Layer {
            cache_id: Text::Bytes(name.clone()),
            parent: match number.checked_sub(1) {
                None => Text::Missing,
                Some(parent) => Text::Bytes(format!("sha256:{}", chains[parent]).into()),
            },
        };
        facts.folders.insert(name, folder);
        if !lots.once_in(4) || number + 1 < count {
            facts.layers.insert(chain.clone().into(), layer);
        }
    }
    for _ in 0..lots.below(3) {
        let odd = overlay2(lots);
        match lots.below(5) {
            0 => facts.folders.extend(odd.folders),
            1 => facts.short_links.extend(odd.short_links),
            2 => facts.layers.extend(odd.layers),
            3 => facts.mounts.extend(odd.mounts),
            _ => facts.images.extend(odd.images),
        }
    }
    facts
}

/// A path of the data root that is one.
fn stays_inside(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .all(|name| !matches!(name, b"" | b"." | b".."))
}

#[test]
fn no_plan_leaves_the_data_root() {
    let (count, seed) = (crate::inputs(30_000), crate::seed());
    let (mut planned, mut linked) = (0u64, 0u64);
    for number in seed..seed + count {
        let mut lots = Lots::new(number);
        let listing = listing(&mut lots);
        let root = survey(&listing, LAYERS.into());
        let mut in_store: BTreeSet<LayerName> = BTreeSet::new();
        for _ in 0..lots.below(12) {
            in_store.extend(LayerName::new(&lots.chain()));
        }
        let volumes = match lots.below(3) {
            0 => Volumes::Keep,
            1 => Volumes::Drop,
            _ => Volumes::Only(["aa".to_owned()].into()),
        };
        let Ok(mut plan) = plan(&listing, &root, Form::Layered, &volumes, &in_store) else {
            continue;
        };
        planned += 1;
        if lots.once_in(2) {
            let all = root.folders.keys().cloned().collect();
            plan.set_apart(&all, 7, &in_store);
        }
        for step in &plan.layers {
            linked += 1;
            let Seat::Overlay2(folder) = &step.folder else {
                panic!("seed {number}: {step:?}, of which the listing has none");
            };
            for name in [folder.as_str(), step.layer.as_str()] {
                assert!(
                    stays_inside(name.as_bytes()) && !name.contains('/'),
                    "seed {number}: {step:?}"
                );
            }
            // Where a link was, it led exactly to this layer, and the store has it.
            let facts = &listing.overlay2.as_ref().unwrap().folders[folder.as_str().as_bytes()];
            match &facts.diff {
                Diff::Symlink(_) => assert!(
                    step.action != LayerAction::Adopt || step.layer.as_str().starts_with("snap-"),
                    "seed {number}: {step:?}"
                ),
                Diff::Directory => assert_ne!(step.action, LayerAction::Keep, "seed {number}"),
                odd => panic!("seed {number}: {odd:?} is planned"),
            }
        }
        for drop in &plan.drops {
            // Names under `volumes/` are what the folder listing gave, one component each.
            let own = drop.path.strip_prefix(b"volumes/".as_slice());
            assert!(
                own.is_some() || stays_inside(&drop.path),
                "seed {number}: {drop:?}"
            );
        }
    }
    assert!(
        planned * 100 > count,
        "only {planned} of {count} came to a plan"
    );
    assert!(
        linked > planned / 20,
        "only {linked} layers in {planned} plans"
    );
}
