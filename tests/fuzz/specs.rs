//! Arbitrary specs of environments: nothing panics, what is wrong is told in a place of the text, and what is
//! read leads to Dockerfiles that say no more than the template.

use cachecore::environment::key::keys;
use cachecore::environment::materials::{Base, File, Materials};
use cachecore::environment::plan::plan;
use cachecore::environment::spec::Spec;
use cachecore::environment::template::{TEMPLATE, builds};

use crate::lots::Lots;

/// Pieces of which texts are put together.
const PIECES: [&str; 58] = [
    "version: 1\n",
    "version: 2\n",
    "image: debian:12\n",
    "name: web\n",
    "stages:\n",
    "- name: a\n",
    "- name: b\n",
    "  script: a.sh\n",
    "  inline: |\n    ls\n",
    "  inline: \"#!/bin/sh\\nls\"\n",
    "  sources: [a, b/c]\n",
    "  after: a\n",
    "  after: b\n",
    "  cache: false\n",
    "  secrets: [npm]\n",
    "  args: {A: \"\\n<<E\\\\\"}\n",
    "  user: root\n",
    "run: {inline: x}\n",
    "secrets: {npm: {env: A}}\n",
    "args: {A: 1.0}\n",
    "environment: &x {A: b}\n",
    "limits: {cpus: 1}\n",
    "network: none\n",
    "platform: linux/amd64\n",
    "*x",
    "&x ",
    "<<: *x\n",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    "- ",
    "? ",
    "| ",
    "> ",
    "\"",
    "'",
    "#",
    "!!str ",
    "!x ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    "  ",
    "\\",
    "\u{0}",
    "\u{feff}",
    "\u{e9}",
    "\u{1f600}",
    "\u{2028}",
    "null",
    "~",
];

fn arbitrary(lots: &mut Lots) -> Vec<u8> {
    if lots.once_in(20) {
        return lots.bytes(200);
    }
    // Mostly one that is nearly right: what follows is read then.
    let mut text = String::new();
    if !lots.once_in(5) {
        text += "version: 1\nimage: debian:12\nsecrets: {npm: {env: A}}\n";
    }
    if lots.once_in(2) {
        text += "stages:\n- name: a\n  inline: ls\n";
    }
    for _ in 0..lots.below(12) {
        text += lots.one_of(&PIECES);
    }
    let mut bytes = text.into_bytes();
    if lots.once_in(4) && !bytes.is_empty() {
        let at = lots.below(bytes.len());
        bytes[at] = u8::try_from(lots.below(256)).unwrap();
    }
    bytes
}

#[test]
fn no_spec_makes_a_dockerfile_that_says_more_than_the_template() {
    let mut read = 0;
    let first = crate::seed();
    for seed in first..first + crate::inputs(8_000) {
        let lots = &mut Lots::new(seed);
        let bytes = arbitrary(lots);
        let spec = match Spec::parse_bytes(&bytes, "web.yaml") {
            Ok(spec) => spec,
            Err(error) => {
                let lines = String::from_utf8_lossy(&bytes).lines().count() + 2;
                let line = usize::try_from(error.at.line).unwrap();
                assert!((1..=lines).contains(&line), "seed {seed}: {error}");
                assert!(!error.to_string().contains('\n'), "seed {seed}: {error}");
                continue;
            }
        };
        read += 1;
        let json = serde_json::to_string(&spec).unwrap();
        let again = Spec::parse(&json, "other.json").map_err(|error| error.to_string());
        assert_eq!(again.as_ref(), Ok(&spec), "seed {seed}: {json}");
        look(&spec, lots, seed);
    }
    let asked = crate::inputs(8_000);
    assert!(read > asked / 20, "only {read} of {asked} are specs");
}

fn look(spec: &Spec, lots: &mut Lots, seed: u64) {
    let read = |path: &camino::Utf8Path| {
        Ok::<_, ()>(File {
            path: path.to_owned(),
            executable: lots.once_in(2),
            bytes: [&b"#!"[..], &lots.bytes(60)].concat(),
        })
    };
    let materials = Materials::gather(spec, read).unwrap();
    let base = Base {
        name: spec.image.clone(),
        id: format!("sha256:{}", "00".repeat(32)),
        user: "dev".to_owned(),
    };
    let keys = keys(spec, &materials, &base);
    let builds = builds(spec, &materials, &base, &keys);
    let words: Vec<&str> = TEMPLATE
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    for build in &builds {
        let mut expected = words.iter();
        for line in build.dockerfile.lines() {
            let word = line.split(' ').next().unwrap_or_default();
            assert!(expected.any(|known| *known == word), "seed {seed}: {line}");
            assert!(line.len() < 1 << 16, "seed {seed}");
            assert!(!line.ends_with('\\'), "seed {seed}: {line}");
        }
        let tag = build.image.rsplit(':').next().unwrap_or_default();
        assert!(tag.len() <= 128, "seed {seed}: {tag}");
    }
    let there: Vec<bool> = builds.iter().map(|_| lots.once_in(2)).collect();
    let is_there = |image: &str| {
        let at = builds.iter().position(|build| build.image == image);
        at.is_some_and(|at| there[at])
    };
    let plan = plan(spec, &base, &builds, is_there, &[].into());
    assert_eq!(plan.steps.len(), spec.stages.len(), "seed {seed}");
}
