//! Verification of goldens that real engines made: their own descriptions of their layers hold, a
//! byte that changes is found, and a build repairs it.

use std::fs;
use std::os::unix::fs::FileExt;

use testbed::engines::Release;
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

    // One byte of busybox, which every image stands on.
    let busybox = WalkDir::new(work.root().join("layers"))
        .into_iter()
        .map(Result::unwrap)
        .find(|entry| entry.path().ends_with("diff/bin/busybox"))
        .unwrap();
    let layer = busybox
        .path()
        .strip_prefix(work.root().join("layers"))
        .unwrap();
    let layer = layer.iter().next().unwrap().to_str().unwrap().to_owned();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(busybox.path())
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 100_000).unwrap();

    work.goldenctl(["verify", "shop"]).ok();
    let found = work.goldenctl(["verify", "--full"]).ended_with(5).stdout;
    assert!(
        found.contains(&format!("layer {layer}: its contents make an archive")),
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
