//! `cargo bench --bench snapshot`: starting and removing sessions by btrfs snapshots against
//! `cp -a --reflink=always` and `rm -r` of the same data root, on a btrfs in a file.
//!
//! Measures both in turns, in one run, prints a table, and ends with exit code 1 if a claim of
//! `docs/benchmarks.md` does not hold. Needs root, loop devices, btrfs-progs and 3 GB of disk under
//! `target/ground` or `$CACHECORE_TEST_GROUND`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../link/dataroot.rs"]
mod dataroot;

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use cachecore::strategy::{Requested, Strategy};
use camino::Utf8PathBuf;
use dataroot::Shape;
use goldenstore::{ImportRequest, Silent, StartRequest, Store};
use testbed::disk::{Disk, Kind};
use testbed::stopwatch::{median, milliseconds, timed};

/// How often each data root is copied, and how many sessions are started after each copy.
const TURNS: usize = 3;
const SESSIONS: usize = 7;

const CASES: [(&str, Shape); 2] = [
    ("0.1 GB", shape(5_000, 100_000_000)),
    ("1 GB", shape(50_000, 1_000_000_000)),
];

/// What starting a session may take, whatever the size of the golden.
const START: Duration = Duration::from_millis(50);
/// How many times faster than `cp -a --reflink=always` at 1 GB, at least.
const FASTER: f64 = 50.0;

const fn shape(files: usize, bytes: u64) -> Shape {
    Shape {
        layers: 20,
        files,
        bytes,
    }
}

/// What was measured of a data root.
struct Measured {
    name: &'static str,
    files: usize,
    project: ProjectId,
    data_root: Utf8PathBuf,
    copies: Vec<Duration>,
    copies_removed: Vec<Duration>,
    starts: Vec<Duration>,
    removals: Vec<Duration>,
}

fn main() -> ExitCode {
    if !std::env::args().any(|option| option == "--bench") {
        println!("not measured: this is a benchmark, run it with `cargo bench --bench snapshot`");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("snapshot: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and says whether every claim holds.
fn run() -> Result<bool, Box<dyn Error>> {
    let disk = Disk::of_size(Kind::Btrfs, 8 << 30);
    let root = disk.root().join("store");
    Store::init(&root)?;
    let store = Store::open(&root)?;
    let mut measured = Vec::new();
    for (name, shape) in CASES {
        println!("writing a data root: {name}, {} files", shape.files);
        let project = ProjectId::new(&name.replace(' ', "-").to_lowercase())?;
        let data_root = disk.root().join(project.as_str());
        dataroot::write(data_root.as_std_path(), shape, &AtomicBool::new(false))?;
        let request = ImportRequest {
            project: project.clone(),
            from: data_root.clone(),
            copy: true,
            volumes: Volumes::Keep,
            revision: None,
        };
        store.import(&request, &Silent)?;
        measured.push(Measured {
            name,
            files: shape.files,
            project,
            data_root,
            copies: Vec::new(),
            copies_removed: Vec::new(),
            starts: Vec::new(),
            removals: Vec::new(),
        });
    }
    for turn in 1..=TURNS {
        println!("turn {turn} of {TURNS}");
        for one in &mut measured {
            rustix::fs::sync();
            let copy = disk.root().join("copy");
            let words = [
                "-a",
                "--reflink=always",
                one.data_root.as_str(),
                copy.as_str(),
            ];
            one.copies.push(timed("cp", &words)?);
            rustix::fs::sync();
            one.copies_removed
                .push(timed("rm", &["-r", copy.as_str()])?);
            rustix::fs::sync();
        }
        for _ in 0..SESSIONS {
            for one in &mut measured {
                start_and_remove(&store, one)?;
            }
        }
    }
    table(&measured);
    Ok(claims(&measured))
}

fn start_and_remove(store: &Store, measured: &mut Measured) -> Result<(), Box<dyn Error>> {
    let session = SessionId::new("s1")?;
    let request = StartRequest {
        strategy: Requested::Exactly(Strategy::Snapshot),
        ..StartRequest::new(measured.project.clone(), session.clone())
    };
    let begun = Instant::now();
    let report = store.start_session(&request, &Silent)?;
    measured.starts.push(begun.elapsed());
    // As a session does: a snapshot that nothing was written to would be removed for nothing.
    std::fs::write(report.data_root.join("written"), [0; 100_000])?;
    let begun = Instant::now();
    store.remove_session(&session, &Silent)?;
    measured.removals.push(begun.elapsed());
    Ok(())
}

fn table(measured: &[Measured]) {
    println!(
        "\n{:<12}{:>9}{:>16}{:>12}{:>12}{:>12}",
        "data root", "files", "cp --reflink", "snapshot", "rm -r", "session rm"
    );
    for one in measured {
        println!(
            "{:<12}{:>9}{:>14.2} s{:>9.1} ms{:>10.2} s{:>9.1} ms",
            one.name,
            one.files,
            median(&one.copies).as_secs_f64(),
            milliseconds(median(&one.starts)),
            median(&one.copies_removed).as_secs_f64(),
            milliseconds(median(&one.removals)),
        );
    }
    println!("Medians.\n");
}

/// Prints each claim with what it rests on; says whether all of them hold.
fn claims(measured: &[Measured]) -> bool {
    let mut all = true;
    let mut claim = |holds: bool, text: String| {
        println!("{}: {text}", if holds { "holds " } else { "BROKEN" });
        all &= holds;
    };
    for one in measured {
        let start = median(&one.starts);
        claim(
            start < START,
            format!(
                "a session of {} starts in less than {:.0} ms: {:.1} ms",
                one.name,
                milliseconds(START),
                milliseconds(start)
            ),
        );
    }
    if let Some(largest) = measured.last() {
        for (what, by_us, by_peer, peer) in [
            (
                "starting",
                &largest.starts,
                &largest.copies,
                "cp -a --reflink=always",
            ),
            (
                "removing",
                &largest.removals,
                &largest.copies_removed,
                "rm -r",
            ),
        ] {
            let ratio = median(by_peer).as_secs_f64() / median(by_us).as_secs_f64();
            let least = if what == "starting" {
                FASTER
            } else {
                FASTER / 10.0
            };
            claim(
                ratio >= least,
                format!(
                    "{what} at {} is at least {least} times faster than {peer}: {ratio:.0} times",
                    largest.name
                ),
            );
        }
    }
    all
}
