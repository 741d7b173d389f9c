//! Build, run, session, and again, with real daemons on one store: nothing grows.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use testbed::engines::{Release, Workplace};
use walkdir::WalkDir;

use crate::golden_build::with_golden;

/// How many cycles.
const VARIABLE: &str = "CACHECORE_SOAK_BUILDS";
const CYCLES: u64 = 3;

/// Where BuildKit notes what it did in each build, in databases and blobs.
const NOTES: &str = "/docker/buildkit/";
/// More than it remembers of a golden: from then on it forgets as many as it learns.
const REMEMBERED: usize = 9;
/// Blobs that one build may leave: its daemon may end before the collector has worked, whose turn comes
/// a second after the start.
const BLOBS: usize = 4;
/// Databases grow by pages, and which are free when one is needed is a matter of chance.
const PAGES: u64 = 128 << 10;
/// BuildKit's cache files what a client sent under the client's session too, which nobody asks for
/// again, and keeps that as long as what was sent: three keys of a few hundred bytes for each build.
const KEYS: u64 = 2 << 10;

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
    note_bytes: u64,
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
            bytes: 0,
            notes: 0,
            note_bytes: 0,
        };
        let mut seen = BTreeSet::new();
        for entry in WalkDir::new(work.root()) {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if !seen.insert(meta.ino()) {
                continue;
            }
            let (count, bytes) = if entry.path().to_string_lossy().contains(NOTES) {
                (&mut held.notes, &mut held.note_bytes)
            } else {
                (&mut held.inodes, &mut held.bytes)
            };
            *count += 1;
            *bytes += meta.blocks() * 512;
        }
        held
    }
}

/// What there is on the machine, of others too: to be read by whoever runs this alone.
fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap();
    let children = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let processes: Vec<PathBuf> = children("/proc".into())
        .map(|entry| entry.path())
        .filter(|path| path.join("ns").exists())
        .collect();
    let namespaces: BTreeSet<PathBuf> = processes
        .iter()
        .flat_map(|process| children(process.join("ns")))
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .collect();
    let groups = WalkDir::new("/sys/fs/cgroup").into_iter().flatten();
    format!(
        "{} mounts, {} namespaces, {} processes, {} open files, {} control groups, {} interfaces",
        read("/proc/self/mountinfo").lines().count(),
        namespaces.len(),
        processes.len(),
        read("/proc/sys/fs/file-nr")
            .split('\t')
            .next()
            .unwrap_or_default(),
        groups.filter(|entry| entry.file_type().is_dir()).count(),
        read("/proc/net/dev").lines().count() - 2,
    )
}

#[test]
fn nothing_grows_from_one_build_to_the_next() {
    let cycles: u64 = std::env::var(VARIABLE).map_or(CYCLES, |value| value.parse().unwrap());
    let work = with_golden(Release::V26_1);
    let rebuild = work.project.rebuild();
    let often = [rebuild.as_str(); REMEMBERED].join("\n");
    work.build("shop", &[], &often).ok();
    let mut first: Option<Held> = None;
    for nth in 1..=cycles {
        work.build("shop", &[], &rebuild).ok();
        work.run("shop", &["docker", "run", "--rm", "app", "true"])
            .ok();
        work.goldenctl(["session", "start", "shop", "s"]).ok();
        work.goldenctl(["session", "rm", "s"]).ok();
        work.goldenctl(["gc", "--keep=1", "--keep-builds=1"]).ok();
        // No process, mount, interface, control group, runtime folder, session, or trash.
        work.assert_nothing_is_left();
        let held = Held::of(&work);
        eprintln!(
            "after {nth} cycles: {} bytes, {} inodes; {} notes of BuildKit's, {} bytes; {}",
            held.bytes,
            held.inodes,
            held.notes,
            held.note_bytes,
            machine(),
        );
        assert_eq!(held.generations, [format!("gen-{:06}", nth + 2)]);
        assert_eq!(held.builds, 1);
        let Some(first) = &first else {
            first = Some(held);
            continue;
        };
        assert_eq!(held.layers, first.layers, "after {nth} cycles");
        assert_eq!(held.inodes, first.inodes, "after {nth} cycles");
        assert_eq!(held.bytes, first.bytes, "after {nth} cycles");
        let (notes, bytes) = (first.notes + BLOBS, first.note_bytes + PAGES + KEYS * nth);
        assert!(held.notes <= notes, "after {nth} cycles");
        assert!(held.note_bytes <= bytes, "after {nth} cycles");
    }
}
