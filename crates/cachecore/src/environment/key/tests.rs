mod anything;

use super::*;
use crate::environment::materials::File;

fn spec(text: &str) -> Spec {
    Spec::parse(text, "web.yaml").unwrap()
}

fn file(path: &str, bytes: &[u8]) -> File {
    File {
        path: path.into(),
        executable: path.ends_with(".sh"),
        bytes: bytes.to_vec(),
    }
}

fn materials(spec: &Spec) -> Materials {
    let read = |path: &camino::Utf8Path| Ok::<_, ()>(file(path.as_str(), path.as_str().as_bytes()));
    Materials::gather(spec, read).unwrap()
}

fn base() -> Base {
    Base {
        name: "debian:12".to_owned(),
        id: format!("sha256:{}", "ab".repeat(32)),
        user: String::new(),
    }
}

const TWO: &str = "
version: 1
image: debian:12
platform: linux/amd64
args: {NODE: 22}
secrets: {npm: {env: TOKEN}}
stages:
  - {name: system, script: system.sh, sources: [lib/b, lib/a], user: root}
  - {name: tools, inline: npm ci, secrets: [npm], network: none}
run: {script: run.sh}
";

#[test]
fn known_keys_stay() {
    // These images are on disks. Whoever changes the encoding, or the template, gives it another number and
    // has everybody build everything again.
    let spec = spec(TWO);
    let keys = keys(&spec, &materials(&spec), &base());
    let keys: Vec<String> = keys.iter().map(Digest::to_string).collect();
    assert_eq!(
        keys,
        [
            "5206f2f41f009457be9c9df65009f2e0a33be50564fa14c886f456530bf699f7",
            "a7edff5505551021b8dc475542fdec411551a7d8ff697081ab8c7c02c43e0fa7",
        ]
    );
}

#[test]
fn each_input_is_told_with_the_digest_that_its_file_has() {
    let spec = spec(TWO);
    let inputs = inputs(&spec, &materials(&spec), &base());
    let names: Vec<String> = inputs[0].inputs.iter().map(Input::to_string).collect();
    assert_eq!(
        names,
        [
            "base",
            "template",
            "platform",
            "network",
            "user",
            "script system.sh",
            "mode of system.sh",
            "source lib/a",
            "mode of lib/a",
            "source lib/b",
            "mode of lib/b",
            "arg NODE",
        ]
    );
    // printf system.sh | sha256sum
    assert_eq!(inputs[0].inputs[5].hash, Digest::of(b"system.sh"));
    assert_eq!(
        inputs[1].inputs[0].hash,
        Digest::of(inputs[0].key.to_string().as_bytes())
    );
    let names: Vec<String> = inputs[1].inputs.iter().map(Input::to_string).collect();
    assert_eq!(names.first().map(String::as_str), Some("parent"));
    assert_eq!(names.last().map(String::as_str), Some("secret npm"));
}

#[test]
fn the_first_input_that_differs_is_told() {
    let one = spec(TWO);
    let of = |spec: &Spec| inputs(spec, &materials(spec), &base()).remove(0);
    for (change, told) in [
        (("NODE: 22", "NODE: 23"), "arg NODE has changed"),
        (("NODE: 22", "NODE: 22, P: 1"), "arg P is new"),
        (("{NODE: 22}", "{}"), "arg NODE is gone"),
        ((", user: root", ""), "user is gone"),
        (("lib/b, lib/a", "lib/b"), "source lib/a is gone"),
        (("linux/amd64", "linux/arm64"), "platform has changed"),
    ] {
        let other = spec(&TWO.replace(change.0, change.1));
        let difference = difference(&of(&one), &of(&other)).unwrap();
        assert_eq!(difference.to_string(), told);
    }
    assert_eq!(difference(&of(&one), &of(&one)), None);
}
