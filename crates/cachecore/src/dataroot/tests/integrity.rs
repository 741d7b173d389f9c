use super::{LAYERS, Sample, chain, short, text};
use crate::dataroot::listing::{Diff, ImageConfig, Listing, Stray, Text};
use crate::dataroot::survey;

fn sound() -> Sample {
    let diff = |digit| format!("sha256:{}", chain(digit));
    Sample::default()
        .folder("base", &[])
        .registered('a', "base", None)
        .folder("top", &["base"])
        .registered('b', "top", Some('a'))
        .image("image", ImageConfig::DiffIds(vec![diff('a')]))
}

#[test]
fn a_sound_root_has_no_problems() {
    for (case, sample) in [
        ("as built", sound()),
        (
            "with a container",
            sound().container("box", &["top", "base"]),
        ),
        (
            "with a link of its own",
            sound().linked("base", &format!("{LAYERS}/{}/diff", chain('a'))),
        ),
        (
            "with a layer that was an intermediate step when it came into the store",
            sound().linked("top", &format!("{LAYERS}/snap-top/diff")),
        ),
        ("with a stale short link", {
            let mut sample = sound();
            sample
                .0
                .short_links
                .insert(b"STALE".to_vec(), Some(b"../gone/diff".to_vec()));
            sample
        }),
        ("with an empty folder that a killed daemon left", {
            let mut sample = sound();
            sample
                .0
                .folders
                .insert(b"half".to_vec(), Default::default());
            sample
        }),
    ] {
        assert_eq!(
            survey(&sample.listing(), LAYERS.into()).problems,
            [],
            "{case}"
        );
    }
}

type Damage = fn(&mut Sample);

#[test]
fn what_is_broken_is_named() {
    let cases: [(&str, Damage, &str); 21] = [
        (
            "a link to /",
            |s| relink(s, "/"),
            "is a link out of the data root, to /",
        ),
        (
            "a link beside layers",
            |s| relink(s, "/store/layers-x/a/diff"),
            "out of the data root",
        ),
        (
            "a link up",
            |s| relink(s, "/store/layers/../x/diff"),
            "out of the data root",
        ),
        (
            "a deep link",
            |s| relink(s, "/store/layers/a/b/diff"),
            "out of the data root",
        ),
        (
            "a relative link",
            |s| relink(s, "../top/diff"),
            "out of the data root",
        ),
        (
            "a link that is no UTF-8",
            |s| relink_bytes(s, b"/store/layers/\xff/diff"),
            "out of the data root",
        ),
        (
            "a link to another layer's contents",
            |s| relink(s, &format!("/store/layers/{}/diff", chain('b'))),
            "but links to bbbb",
        ),
        (
            "a container's folder as a link",
            |s| {
                *s = s
                    .clone()
                    .container("box", &["top"])
                    .linked("box", "/store/layers/x/diff");
            },
            "may be written by its daemon",
        ),
        (
            "a diff that is a file",
            |s| folder(s, "base").diff = Diff::Other,
            "has no diff folder",
        ),
        (
            "a diff that is gone",
            |s| folder(s, "base").diff = Diff::Missing,
            "has no diff folder",
        ),
        (
            "a folder that is gone",
            |s| drop(s.0.folders.remove(&b"base"[..])),
            "which is not there",
        ),
        (
            "no short id",
            |s| folder(s, "top").link = Text::Missing,
            "not reached by its short link",
        ),
        (
            "a short id of another folder",
            |s| folder(s, "top").link = text(&short("base")),
            "overlay2/top is not reached",
        ),
        (
            "a short id that climbs",
            |s| folder(s, "top").link = text("../x"),
            "not reached",
        ),
        (
            "a lower that climbs",
            |s| folder(s, "top").lower = text("l/../../x"),
            "lower names l/../../x",
        ),
        (
            "a lower that is unknown",
            |s| folder(s, "top").lower = text("l/UNKNOWN"),
            "lower names l/UNKNOWN",
        ),
        (
            "a lower whose short link leads out",
            |s| {
                short_link(s, "EVIL", "/etc");
                folder(s, "top").lower = text("l/EVIL");
            },
            "lower names l/EVIL",
        ),
        (
            "a lower whose short link leads to a folder that has another",
            |s| {
                short_link(s, "SECOND", "../base/diff");
                folder(s, "top").lower = text("l/SECOND");
            },
            "lower names l/SECOND",
        ),
        (
            "a cache id that climbs",
            |s| layer(s, 'a').cache_id = text("../../etc"),
            "no usable cache-id",
        ),
        (
            "a parent that is gone",
            |s| layer(s, 'b').parent = text("sha256:x"),
            "parent that is not there",
        ),
        (
            "an image without its layers",
            |s| {
                let config = ImageConfig::DiffIds(vec![format!("sha256:{}", chain('f'))]);
                *s = s.clone().image("other", config);
            },
            "image other needs layer ffff",
        ),
    ];
    for (case, damage, expected) in cases {
        let mut sample = sound();
        damage(&mut sample);
        let problems = survey(&sample.listing(), LAYERS.into()).problems;
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            text.iter().any(|t| t.contains(expected)),
            "{case}: {text:?}"
        );
    }
}

#[test]
fn strangers_names_are_shown_short_and_printable() {
    let mut sample = sound();
    sample.0.folders.insert(
        [b"\x1b[31m\n".as_slice(), &[b'x'; 5000]].concat(),
        Default::default(),
    );
    let problems = survey(&sample.listing(), LAYERS.into()).problems;
    let text = problems[0].to_string();
    assert!(
        text.len() < 200 && !text.contains('\x1b') && !text.contains('\n'),
        "{text}"
    );
}

#[test]
fn what_no_daemon_makes_is_a_problem_of_every_store() {
    for listing in [sound().listing(), Listing::default()] {
        let listing = Listing {
            strays: vec![
                Stray::Symlink(b"volumes/db/_data".to_vec()),
                Stray::NoDatabase(b"buildkit/cache.db".to_vec()),
            ],
            ..listing
        };
        let problems = survey(&listing, LAYERS.into()).problems;
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "volumes/db/_data is a symlink, where no daemon makes one",
                "buildkit/cache.db is not a regular file, as a database is",
            ]
        );
    }
}

fn short_link(sample: &mut Sample, name: &str, target: &str) {
    let links = &mut sample.0.short_links;
    links.insert(name.into(), Some(target.into()));
}

fn relink(sample: &mut Sample, target: &str) {
    relink_bytes(sample, target.as_bytes());
}

fn relink_bytes(sample: &mut Sample, target: &[u8]) {
    folder(sample, "base").diff = Diff::Symlink(target.to_vec());
}

fn folder<'a>(sample: &'a mut Sample, name: &str) -> &'a mut crate::dataroot::Folder {
    sample.0.folders.get_mut(name.as_bytes()).unwrap()
}

fn layer(sample: &mut Sample, digit: char) -> &mut crate::dataroot::Layer {
    sample.0.layers.get_mut(chain(digit).as_bytes()).unwrap()
}
