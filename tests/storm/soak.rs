//! Thousands of commands one after the other, on one store: nothing grows.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use cachecore::collection::Policy;
use cachecore::id::{ProjectId, SessionId};
use goldenstore::{PromoteOptions, Silent, StartRequest, Store};
use testbed::dataroot::DataRoot;
use testbed::engines::remains;

use crate::model;
use crate::number;
use crate::place::{MIDDLES, Place, TOPS, image};

/// How many cycles.
const VARIABLE: &str = "CACHECORE_SOAK_CYCLES";
const CYCLES: u64 = 60;
/// After so many a look is taken.
const ROUND: u64 = 15;

/// What there is of everything that could grow.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    /// Bytes and inodes of the store's filesystem.
    bytes: u64,
    inodes: u64,
    /// Mounts that have to do with the store. Others on this machine may have a copy of each in a
    /// namespace of their own, so only this process's count.
    mounts: usize,
    /// Processes that were told of the store.
    processes: usize,
    /// Namespaces that threads of this process are in.
    namespaces: usize,
    /// Threads and open files of this process.
    threads: usize,
    files: usize,
}

impl Figures {
    fn of(place: &Place) -> Self {
        let stat = rustix::fs::statvfs(place.memory().as_std_path()).unwrap();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let about_us = |line: &&str| line.contains(place.memory().as_str());
        let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
        Self {
            bytes: model::used(place),
            inodes: stat.f_files - stat.f_ffree,
            mounts: mounts.lines().filter(about_us).count(),
            processes: remains::processes_of(place.memory().as_str()).len(),
            namespaces: namespaces(),
            threads: count("/proc/self/task"),
            files: count("/proc/self/fd"),
        }
    }
}

fn namespaces() -> usize {
    let mut found = BTreeSet::new();
    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
        for kind in std::fs::read_dir(thread.unwrap().path().join("ns")).unwrap() {
            found.insert(std::fs::read_link(kind.unwrap().path()).unwrap());
        }
    }
    found.len()
}

/// Runs cycles, of which the first two rounds bring every image, and compares all looks that follow.
fn soak(place: &Place, cycle: impl Fn(u64)) {
    const {
        assert!(
            ROUND == (MIDDLES * TOPS) as u64,
            "each look finds the same images"
        )
    };
    let cycles = number(VARIABLE).unwrap_or(CYCLES);
    let mut first = None;
    for nth in 1..=cycles {
        cycle(nth);
        if nth < 2 * ROUND || nth % ROUND != 0 {
            continue;
        }
        model::assert_exact(place);
        let figures = Figures::of(place);
        let first = first.get_or_insert_with(|| Figures::of(place));
        assert_eq!(
            figures,
            *first,
            "after {nth} cycles, and after {}",
            2 * ROUND
        );
    }
    assert!(first.is_some(), "{VARIABLE} must be at least {}", 2 * ROUND);
    place.ok(&["verify", "--full"]);
}

/// As a daemon would that builds an image.
fn build(place: &Place, session: &str, nth: u64) {
    let drawn = usize::try_from(nth).unwrap();
    let (middle, top) = (drawn % MIDDLES, drawn % TOPS);
    DataRoot::new()
        .of_daemon("api")
        .image(&format!("image-{middle}-{top}"), &image(middle, top))
        .volume("work", &[("owner", session)])
        .write(place.data_root(session));
}

#[test]
fn nothing_grows_from_one_command_to_the_next() {
    let _alone = crate::alone();
    let place = Place::new();
    soak(&place, |nth| {
        let (builds, looks) = (format!("builds-{nth:06}"), format!("looks-{nth:06}"));
        place.ok(&["session", "start", "api", &builds]);
        build(&place, &builds, nth);
        place.ok(&["session", "promote", &builds]);
        place.ok(&["session", "start", "api", &looks, "--strategy", "copy"]);
        place.ok(&["session", "rm", &looks]);
        place.ok(&["gc", "--keep", "1"]);
    });
}

#[test]
fn nothing_grows_in_a_program_that_keeps_a_store_open() {
    let _alone = crate::alone();
    let place = Place::new();
    let store: Store = place.store();
    let session = |id: &str| SessionId::new(id).unwrap();
    let start = |id: &str| {
        let request = StartRequest::new(ProjectId::new("api").unwrap(), session(id));
        store.start_session(&request, &Silent).unwrap();
    };
    let policy = Policy {
        keep: NonZeroUsize::MIN,
        ..Policy::default()
    };
    soak(&place, |nth| {
        let (builds, looks) = (format!("builds-{nth:06}"), format!("looks-{nth:06}"));
        start(&builds);
        build(&place, &builds, nth);
        let options = PromoteOptions::default();
        store
            .promote_session(&session(&builds), &options, &Silent)
            .unwrap();
        start(&looks);
        store.list_sessions().unwrap();
        store.remove_session(&session(&looks), &Silent).unwrap();
        store.collect(&policy, &Silent).unwrap();
    });
}
