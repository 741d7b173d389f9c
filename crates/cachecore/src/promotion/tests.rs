use std::collections::BTreeSet;

use super::{LayerAction, Plan, Refusal, Volumes, plan};
use crate::dataroot::listing::Listing;
use crate::dataroot::survey;
use crate::dataroot::tests::{LAYERS, Sample, chain};
use crate::id::LayerName;
use crate::record::Form;

fn planned(listing: &Listing, volumes: &Volumes, store: &[&str]) -> Result<Plan, Refusal> {
    planned_as(Form::Layered, listing, volumes, store)
}

fn planned_as(
    form: Form,
    listing: &Listing,
    volumes: &Volumes,
    store: &[&str],
) -> Result<Plan, Refusal> {
    let store: BTreeSet<LayerName> = store.iter().map(|n| LayerName::new(n).unwrap()).collect();
    let root = survey(listing, LAYERS.into());
    plan(listing, &root, form, volumes, &store)
}

fn two_layers() -> Sample {
    Sample::default()
        .folder("base", &[])
        .registered('a', "base", None)
        .folder("top", &["base"])
        .registered('b', "top", Some('a'))
}

fn drops(plan: &Plan) -> Vec<String> {
    plan.drops
        .iter()
        .map(|drop| String::from_utf8_lossy(&drop.path).into_owned())
        .collect()
}

#[test]
fn only_new_layers_move() {
    let listing = two_layers()
        .linked("base", &format!("{LAYERS}/{}/diff", chain('a')))
        .listing();
    let plan = planned(&listing, &Volumes::Keep, &[&chain('a')]).unwrap();
    let actions: Vec<_> = plan
        .layers
        .iter()
        .map(|l| (l.folder.to_string(), l.action))
        .collect();
    assert_eq!(
        actions,
        [
            ("base".to_owned(), LayerAction::Keep),
            ("top".to_owned(), LayerAction::Adopt)
        ]
    );
}

#[test]
fn a_layer_that_the_store_has_is_replaced_by_a_link() {
    let plan = planned(&two_layers().listing(), &Volumes::Keep, &[&chain('a')]).unwrap();
    let actions: Vec<_> = plan.layers.iter().map(|l| l.action).collect();
    assert_eq!(actions, [LayerAction::Replace, LayerAction::Adopt]);
}

#[test]
fn a_link_to_a_layer_that_the_store_lacks_is_damage() {
    let listing = two_layers()
        .linked("base", &format!("{LAYERS}/{}/diff", chain('a')))
        .listing();
    let refusal = planned(&listing, &Volumes::Keep, &[]).unwrap_err();
    assert!(
        refusal.to_string().contains("which the store lacks"),
        "{refusal}"
    );
}

#[test]
fn containers_networks_and_identities_are_dropped() {
    let listing = two_layers().container("box", &["top", "base"]).listing();
    let plan = planned(&listing, &Volumes::Keep, &[]).unwrap();
    let drops = drops(&plan);
    for path in [
        "containers",
        "network",
        "swarm",
        "image/overlay2/layerdb/mounts",
        "overlay2/box",
        "overlay2/box-init",
        "overlay2/l/BOXSHORT",
        "overlay2/l/BOXINITSHORT",
    ] {
        assert!(drops.iter().any(|drop| drop == path), "{path} in {drops:?}");
    }
    for path in [
        "buildkit",
        "volumes",
        "containerd",
        "overlay2/base",
        "overlay2/l/BASESHORT",
    ] {
        assert!(
            !drops.iter().any(|drop| drop == path),
            "{path} in {drops:?}"
        );
    }
    assert_eq!(plan.layers.len(), 2, "container folders are no layers");
}

#[test]
fn a_short_link_that_leads_elsewhere_is_not_dropped_with_a_container() {
    let mut sample = two_layers().container("box", &["top", "base"]);
    sample.0.folders.get_mut(&b"box"[..]).unwrap().link = crate::dataroot::tests::text("BASESHORT");
    let listing = sample.listing();
    let plan = planned(&listing, &Volumes::Keep, &[]);
    // A folder that claims another's short id is damage, and nothing is planned at all.
    assert!(matches!(plan, Err(Refusal::Damaged(_))));
}

#[test]
fn volumes_are_kept_dropped_or_chosen() {
    let mut listing = two_layers().listing();
    listing.volumes.insert(b"db".to_vec(), Vec::new());
    listing.volumes.insert(b"odd\xff".to_vec(), Vec::new());
    let volumes = |plan: &Plan| -> Vec<Vec<u8>> {
        let drops = plan.drops.iter().map(|d| d.path.clone());
        drops.filter(|p| p.starts_with(b"volumes/")).collect()
    };
    let keep = planned(&listing, &Volumes::Keep, &[]).unwrap();
    assert!(volumes(&keep).is_empty());
    let drop = planned(&listing, &Volumes::Drop, &[]).unwrap();
    assert_eq!(
        volumes(&drop),
        [b"volumes/db".to_vec(), b"volumes/odd\xff".to_vec()]
    );
    let only = Volumes::Only(["db".to_owned(), "absent".to_owned()].into());
    let only = planned(&listing, &only, &[]).unwrap();
    assert_eq!(volumes(&only), [b"volumes/odd\xff".to_vec()]);
    assert_eq!(only.volumes_missing, ["absent"]);
}

#[test]
fn what_is_no_data_root_is_refused() {
    let folder = Listing {
        top: vec![b"src".to_vec()],
        ..Listing::default()
    };
    assert_eq!(
        planned(&folder, &Volumes::Keep, &[]),
        Err(Refusal::NotADataRoot)
    );
    let mut zfs = two_layers().listing();
    zfs.image_drivers.push(b"zfs".to_vec());
    assert_eq!(
        planned(&zfs, &Volumes::Keep, &[]),
        Err(Refusal::Foreign {
            driver: "zfs".into()
        })
    );
}

#[test]
fn what_is_whole_keeps_its_layers_inside() {
    let store = [&*chain('a')];
    let plan = planned_as(Form::Whole, &two_layers().listing(), &Volumes::Drop, &store).unwrap();
    assert_eq!(plan.layers, []);
    let layered = planned(&two_layers().listing(), &Volumes::Drop, &store).unwrap();
    assert_eq!(plan.drops, layered.drops);

    let linked = two_layers().linked("base", &format!("{LAYERS}/{}/diff", chain('a')));
    let refusal = planned_as(Form::Whole, &linked.listing(), &Volumes::Keep, &store);
    let refusal = refusal.unwrap_err().to_string();
    assert!(
        refusal.contains("overlay2/base/diff is a link, but the data root has its layers inside"),
        "{refusal}"
    );
}
