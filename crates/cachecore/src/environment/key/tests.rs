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
