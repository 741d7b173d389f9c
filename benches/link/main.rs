//! `cargo bench --bench link [-- --quick]`: starting a session by links against `cp -a` of the same
//! data root.
//!
//! Measures both in turns, in one run, on data roots that differ in bytes and files or in layers and
//! in nothing else, prints a table, and ends with exit code 1 if a claim of `docs/benchmarks.md` does
//! not hold. Needs root and 40 GB of disk (`--quick`, which leaves out 5 GB: 8 GB), under `target/tmp`
//! or `$CACHECORE_BENCH_DIR`.
//!
//! Nothing is removed before everything is started: ext4 without a journal does not use an inode again for one to
//! five minutes after its removal, and searches past all of those for each new file, so that the
//! removal of one copy would make everything after it several times slower.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod claims;
mod dataroot;

use std::error::Error;
use std::fs::{self, File};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cachecore::id::ProjectId;
use cachecore::promotion::Volumes;
use cachecore::strategy::{Requested, Strategy};
use camino::Utf8PathBuf;
use dataroot::Shape;
use goldenstore::{ImportRequest, Observer, StartReport, StartRequest, Store};
use rustix::fs::FlockOperation;
use testbed::stopwatch::timed;

/// How often each data root is copied, and how many sessions are started after each copy.
const TURNS: usize = 3;
const SESSIONS: usize = 5;

/// A data root to measure.
struct Case {
    name: &'static str,
    shape: Shape,
}

const fn case(name: &'static str, layers: usize, files: usize, bytes: u64) -> Case {
    Case {
        name,
        shape: Shape {
            layers,
            files,
            bytes,
        },
    }
}

/// The first three differ in bytes and files, the first and the last in layers.
const CASES: [Case; 4] = [
    case("0.1 GB", 20, 5_000, 100_000_000),
    case("1 GB", 20, 50_000, 1_000_000_000),
    case("5 GB", 20, 150_000, 5_000_000_000),
    case("0.1 GB, 100 layers", 100, 5_000, 100_000_000),
];
const LARGEST: &str = "5 GB";

/// What was measured of a case.
struct Measured {
    case: &'static Case,
    project: ProjectId,
    data_root: Utf8PathBuf,
    copies: Vec<Duration>,
    links: Vec<Duration>,
    removals: Vec<Duration>,
    report: Option<StartReport>,
}

fn main() -> ExitCode {
    let options: Vec<String> = std::env::args().skip(1).collect();
    let asked = |option: &str| options.iter().any(|given| given == option);
    if !asked("--bench") {
        println!("not measured: this is a benchmark, run it with `cargo bench --bench link`");
        return ExitCode::SUCCESS;
    }
    match run(asked("--quick")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("link: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and says whether every claim holds.
fn run(quick: bool) -> Result<bool, Box<dyn Error>> {
    let interruption = Interruption::watch()?;
    let room = Room::take(if quick { 8 } else { 40 })?;
    let store_root = room.path.join("store");
    Store::init(&store_root)?;
    let store = Store::open(&store_root)?;
    let mut measured = Vec::new();
    for case in CASES.iter().filter(|case| !quick || case.name != LARGEST) {
        measured.push(prepare(&room, &store, case, &interruption)?);
    }
    for turn in 1..=TURNS {
        println!("turn {turn} of {TURNS}");
        for one in &mut measured {
            // The disk shall be at rest whatever came before.
            rustix::fs::sync();
            let to = room.path.join(format!("cp-{turn}-{}", one.project));
            let took = timed("cp", &["-a", one.data_root.as_str(), to.as_str()])?;
            println!("  {}: cp -a {:.1} s", one.case.name, took.as_secs_f64());
            one.copies.push(took);
            interruption.check()?;
        }
        rustix::fs::sync();
        for _ in 0..SESSIONS {
            for one in &mut measured {
                start(&store, one, &interruption)?;
            }
        }
    }
    rustix::fs::sync();
    for one in &mut measured {
        remove(&store, one, &interruption)?;
    }
    claims::table(&measured);
    Ok(claims::hold(&measured))
}

/// Writes a case's data root, makes a golden of a copy of it, and so has both in the page cache.
fn prepare(
    room: &Room,
    store: &Store,
    case: &'static Case,
    interruption: &Interruption,
) -> Result<Measured, Box<dyn Error>> {
    println!(
        "writing a data root: {}, {} files",
        case.name, case.shape.files
    );
    let project = ProjectId::new(&case.name.replace([' ', ','], "-").to_lowercase())?;
    let data_root = room.path.join(project.as_str());
    dataroot::write(data_root.as_std_path(), case.shape, &interruption.flag)?;
    let request = ImportRequest {
        project: project.clone(),
        from: data_root.clone(),
        copy: true,
        volumes: Volumes::Keep,
        revision: None,
    };
    store.import(&request, interruption)?;
    Ok(Measured {
        case,
        project,
        data_root,
        copies: Vec::new(),
        links: Vec::new(),
        removals: Vec::new(),
        report: None,
    })
}

fn start(
    store: &Store,
    measured: &mut Measured,
    interruption: &Interruption,
) -> Result<(), Box<dyn Error>> {
    let session = format!("{}-{}", measured.project, measured.links.len());
    let request = StartRequest {
        strategy: Requested::Exactly(Strategy::Link),
        ..StartRequest::new(measured.project.clone(), session.parse()?)
    };
    let begun = Instant::now();
    let report = store.start_session(&request, interruption)?;
    measured.links.push(begun.elapsed());
    measured.report = Some(report);
    Ok(())
}

/// Removes the sessions of a case, as `session rm` does.
fn remove(
    store: &Store,
    measured: &mut Measured,
    interruption: &Interruption,
) -> Result<(), Box<dyn Error>> {
    for number in 0..measured.links.len() {
        let session = format!("{}-{number}", measured.project).parse()?;
        let begun = Instant::now();
        store.remove_session(&session, interruption)?;
        measured.removals.push(begun.elapsed());
    }
    Ok(())
}

/// A folder for everything, removed at the end; what a killed run left is removed at the start.
struct Room {
    path: Utf8PathBuf,
    _lock: File,
}

impl Room {
    fn take(gigabytes: u64) -> Result<Self, Box<dyn Error>> {
        let place = std::env::var("CACHECORE_BENCH_DIR")
            .unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
        fs::create_dir_all(&place)?;
        let lock = File::create(format!("{place}/link-bench.lock"))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| format!("another run of this benchmark is at work in {place}"))?;
        let room = Self {
            path: Utf8PathBuf::from(place).join("link-bench"),
            _lock: lock,
        };
        room.clear()?;
        fs::create_dir(&room.path)?;
        let disk = rustix::fs::statvfs(room.path.as_std_path())?;
        let free = disk.f_bavail * disk.f_frsize / 1_000_000_000;
        if free < gigabytes {
            let path = &room.path;
            return Err(format!("needs {gigabytes} GB of disk, {path} has {free}; name another folder in CACHECORE_BENCH_DIR").into());
        }
        Ok(room)
    }

    fn clear(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("link: {} is left: {error}", self.path);
        }
    }
}

/// Ctrl-C ends the work between two steps, so that the room is removed.
struct Interruption {
    flag: Arc<AtomicBool>,
}

impl Interruption {
    fn watch() -> Result<Self, Box<dyn Error>> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self { flag })
    }

    fn check(&self) -> Result<(), Box<dyn Error>> {
        match self.flag.load(Ordering::Relaxed) {
            true => Err("interrupted".into()),
            false => Ok(()),
        }
    }
}

impl Observer for Interruption {
    fn advanced(&self, _entries: u64, _bytes: u64) {}

    fn interrupted(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}
