//! Build, run, session, and again, with real daemons on one store: nothing grows.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

use testbed::engines::{Release, Workplace};
use walkdir::WalkDir;

use crate::golden_build::with_golden;

/// How many cycles.
const VARIABLE: &str = "CACHECORE_SOAK_BUILDS";
const CYCLES: u64 = 3;

/// Where BuildKit notes what it did in each build, in databases and blobs. It forgets builds itself that
/// are neither among its last ones nor of these days.
const NOTES: &str = "/docker/buildkit/";

/// What a store holds.
struct Held {
    layers: Vec<String>,
    generations: Vec<String>,
    builds: usize,
    /// All but the notes.
    inodes: usize,
    bytes: u64,
    /// Files and folders that are notes.
    notes: usize,
}

impl Held {
    fn of(work: &Workplace) -> Self {
        let mut generations = work.names("golden/shop");
        generations.retain(|name| name.starts_with("gen-"));
        let mut held = Self {
            layers: work.names("layers"),
            generations,
            builds: work.names("builds").len(),
            inodes: 0,
            notes: 0,
            bytes: 0,
        };
        let mut seen = BTreeSet::new();
        for entry in WalkDir::new(work.root()) {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if !seen.insert(meta.ino()) {
                continue;
            }
            if entry.path().to_string_lossy().contains(NOTES) {
                held.notes += 1;
            } else {
                held.inodes += 1;
                held.bytes += meta.blocks() * 512;
            }
        }
        held
    }
}

#[test]
fn nothing_grows_from_one_build_to_the_next() {
    let cycles: u64 = std::env::var(VARIABLE).map_or(CYCLES, |value| value.parse().unwrap());
    let work = with_golden(Release::V26_1);
    let mut first: Option<Held> = None;
    for nth in 1..=cycles {
        work.build("shop", &[], &work.project.rebuild()).ok();
        work.run("shop", &["docker", "run", "--rm", "app", "true"])
            .ok();
        work.goldenctl(["session", "start", "shop", "s"]).ok();
        work.goldenctl(["session", "rm", "s"]).ok();
        work.goldenctl(["gc", "--keep=1", "--keep-builds=1"]).ok();
        // No process, mount, interface, control group, runtime folder, session, or trash.
        work.assert_nothing_is_left();
        let held = Held::of(&work);
        eprintln!(
            "after {nth} cycles: {} bytes, {} inodes; {} notes of BuildKit's",
            held.bytes, held.inodes, held.notes
        );
        assert_eq!(held.generations, [format!("gen-{:06}", nth + 1)]);
        assert_eq!(held.builds, 1);
        let Some(first) = &first else {
            first = Some(held);
            continue;
        };
        assert_eq!(held.layers, first.layers, "after {nth} cycles");
        assert_eq!(held.inodes, first.inodes, "after {nth} cycles");
        assert_eq!(held.bytes, first.bytes, "after {nth} cycles");
    }
}
