//! Verification of goldens that real engines made: their own descriptions of their layers hold, a
//! byte that changes is found, and a build repairs it.

use std::fs;
use std::os::unix::fs::FileExt;

use camino::Utf8Path;
use serde_json::{Value, json};
use testbed::engines::{Release, Workplace};
use walkdir::WalkDir;

use crate::golden_build::{WORDS, assert_serves, with_golden};

crate::on_each_engine!(a_golden_verifies_and_a_changed_byte_is_found_and_repaired);

fn a_golden_verifies_and_a_changed_byte_is_found_and_repaired(release: Release) {
    let work = with_golden(release);
    let report = work
        .goldenctl(["verify", "shop", "--full", "--json"])
        .ok()
        .json();
    let layers = report[0]["layers"].as_array().unwrap();
    let by_contents = layers.iter().filter(|layer| layer["depth"] == "contents");
    let (by_contents, chains) = (
        by_contents.count(),
        work.names("layers")
            .iter()
            .filter(|name| !name.starts_with("snap-"))
            .count(),
    );
    assert!(by_contents > 2, "{report}");
    assert_eq!(
        by_contents, chains,
        "whatever has a chain id is verified: {report}"
    );
    work.goldenctl(["verify"]).ok();

    let layer = change_busybox(&work.root());
    work.goldenctl(["verify", "shop"]).ok();
    let found = in_one_line(&work.goldenctl(["verify", "--full"]).ended_with(5).stdout);
    assert!(
        found.contains(&format!("layer {layer}: bin/busybox has other contents"))
            && found.contains(&format!("layer {layer}: its contents make an archive")),
        "{found}"
    );
    assert!(
        found.contains("quarantined") && found.contains("goldenctl build shop"),
        "{found}"
    );
    let start = work
        .goldenctl(["session", "start", "shop", "s1"])
        .ended_with(5);
    start
        .says("generation 1 of project shop is quarantined")
        .says("goldenctl build shop");
    work.run("shop", &["true"]).ended_with(5);

    let built = work.build("shop", &[], &work.project.startup()).ok();
    let built = built.says("the build starts from empty").json();
    assert_eq!(built["generation"], 2, "{built}");
    assert_serves(&work, 2, WORDS);
    let repaired = work.goldenctl(["verify", "--full", "--json"]).ok().json();
    assert_eq!(
        repaired[0]["generations"][0]["quarantined"], false,
        "{repaired}"
    );
    work.assert_nothing_is_left();
}

/// What was broken into lines for a terminal.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Changes one byte of busybox, which every image stands on; gives its layer.
fn change_busybox(store: &Utf8Path) -> String {
    let layers = store.join("layers");
    let busybox = WalkDir::new(&layers)
        .into_iter()
        .map(Result::unwrap)
        .find(|entry| {
            let layer = entry.path().strip_prefix(&layers).unwrap();
            // A step of a build is held against nothing.
            let step = layer.to_str().unwrap().starts_with("snap-");
            !step && layer.ends_with("diff/bin/busybox")
        })
        .unwrap();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(busybox.path())
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 100_000).unwrap();
    let layer = busybox.path().strip_prefix(&layers).unwrap();
    layer.iter().next().unwrap().to_str().unwrap().to_owned()
}

/// What containerd unpacked is held against the archives that it keeps.
#[test]
fn a_golden_of_containerds_store_verifies_and_a_changed_byte_is_found() {
    let work = Workplace::new(Release::V26_1);
    let settings = json!({"features": {"containerd-snapshotter": true}});
    let config = format!("--daemon-config={settings}");
    work.build("shop", &[&config], &work.project.startup()).ok();
    let report = work
        .goldenctl(["verify", "shop", "--full", "--json"])
        .ok()
        .json();
    let layers = report[0]["layers"].as_array().unwrap();
    let of = |prefix: &str, depth: &str| {
        let named = |layer: &&Value| layer["layer"].as_str().unwrap().starts_with(prefix);
        let layers = layers.iter().filter(named);
        layers.filter(|layer| layer["depth"] == depth).count()
    };
    assert!(of("ctr-", "contents") > 2, "{report:#}");
    assert!(of("blob-", "contents") > 5, "{report:#}");
    assert_eq!(of("ctr-", "structure"), 0, "{report:#}");
    assert_eq!(of("blob-", "structure"), 0, "{report:#}");
    let layer = change_busybox(&work.root());
    assert!(layer.starts_with("ctr-"), "{layer}");
    let found = in_one_line(&work.goldenctl(["verify", "--full"]).ended_with(5).stdout);
    let said = format!("layer {layer}: bin/busybox has other contents than in its archive");
    assert!(found.contains(&said), "{found}");
    assert!(found.contains("in structure only"), "{found}");
    work.assert_nothing_is_left();
}
