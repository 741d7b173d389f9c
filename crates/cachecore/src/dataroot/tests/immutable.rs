//! What the rules of `dataroot/immutable.rs` say, case by case. Each line: a data root, a folder in
//! it, and the judgement.

use super::{LAYERS, Sample, chain};
use crate::dataroot::{Immutable, Judgement, Mutable, survey};
use crate::id::{CacheId, ChainId};

fn committed(digit: char) -> Judgement {
    Judgement::Immutable(Immutable::Committed {
        chain: ChainId::new(&chain(digit)).unwrap(),
    })
}

fn below(above: &str) -> Judgement {
    Judgement::Immutable(Immutable::BelowAnother {
        above: CacheId::new(above).unwrap(),
    })
}

#[test]
fn each_folder_is_judged_by_what_names_it() {
    let image = Sample::default()
        .folder("base", &[])
        .registered('a', "base", None)
        .folder("top", &["base"])
        .registered('b', "top", Some('a'));
    let link_to_a = format!("{LAYERS}/{}/diff", chain('a'));
    let cases: Vec<(&str, Sample, &str, Judgement)> = vec![
        (
            "a registered base layer",
            image.clone(),
            "base",
            committed('a'),
        ),
        (
            "a registered layer that nothing stands on",
            image.clone(),
            "top",
            committed('b'),
        ),
        (
            "an intermediate step that another step stands on",
            image
                .clone()
                .folder("step1", &["base"])
                .folder("step2", &["step1", "base"]),
            "step1",
            below("step2"),
        ),
        (
            "the last step of an intermediate stage: nothing says yet that it is finished",
            image.clone().folder("step1", &["base"]),
            "step1",
            Judgement::Mutable(Mutable::NotKnownFinished),
        ),
        (
            "a build context or cache mount",
            image.clone().folder("context", &[]),
            "context",
            Judgement::Mutable(Mutable::NotKnownFinished),
        ),
        (
            "a container's writable folder",
            image.clone().container("box", &["top", "base"]),
            "box",
            Judgement::Mutable(Mutable::Container),
        ),
        (
            "a container's init folder, although it stands in the container's lower",
            image.clone().container("box", &["top", "base"]),
            "box-init",
            Judgement::Mutable(Mutable::ContainerInit),
        ),
        (
            "an init folder of a container that layerdb forgot",
            image
                .clone()
                .folder("gone-init", &["top"])
                .folder("gone", &["gone-init", "top"]),
            "gone-init",
            Judgement::Mutable(Mutable::ContainerInit),
        ),
        (
            "a container's folder that a layer claims as its own",
            image
                .clone()
                .container("box", &["top"])
                .registered('c', "box", Some('b')),
            "box",
            Judgement::Mutable(Mutable::Container),
        ),
        (
            "a linked layer whose image was removed while the build cache kept the folder",
            Sample::default()
                .folder("base", &[])
                .linked("base", &link_to_a),
            "base",
            Judgement::Immutable(Immutable::InTheStore),
        ),
        (
            "a folder that names itself in its lower proves nothing",
            Sample::default().folder("loop", &["loop"]),
            "loop",
            Judgement::Mutable(Mutable::NotKnownFinished),
        ),
    ];
    for (case, sample, folder, expected) in cases {
        let root = survey(&sample.listing(), LAYERS.into());
        let id = CacheId::new(folder).unwrap();
        assert_eq!(root.folders[&id].judgement, expected, "{case}");
        let is_immutable = matches!(expected, Judgement::Immutable(_));
        assert_eq!(
            root.folders[&id].layer.is_some(),
            is_immutable,
            "{case}: layer name"
        );
    }
}

#[test]
fn a_folder_that_two_chains_name_is_one_layer() {
    let sample = Sample::default()
        .folder("base", &[])
        .registered('b', "base", None)
        .registered('a', "base", None);
    let root = survey(&sample.listing(), LAYERS.into());
    assert_eq!(root.immutable().count(), 1);
    assert_eq!(
        root.folders[&CacheId::new("base").unwrap()].judgement,
        committed('a')
    );
}

#[test]
fn layer_names_carry_the_shift_of_owners() {
    let mut sample = Sample::default()
        .folder("base", &[])
        .registered('a', "base", None)
        .folder("step1", &["base"])
        .folder("step2", &["step1"]);
    sample.0.owner_gid = 165_536;
    let root = survey(&sample.listing(), LAYERS.into());
    let names: Vec<&str> = root
        .immutable()
        .map(|(_, layer, _)| layer.as_str())
        .collect();
    assert_eq!(
        names,
        [
            format!("{}-g165536", chain('a')).as_str(),
            "snap-step1-g165536"
        ]
    );
}
