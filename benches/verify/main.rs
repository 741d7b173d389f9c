//! `cargo bench --bench verify`: what reading a layer against its diff id costs, next to
//! `tar c | sha256sum` of the same folders, which reads and digests as much and compares nothing.
//!
//! Measures all in turns, in one run, with a warm page cache, and prints a table. Exit code 1 means that
//! a claim of `docs/benchmarks.md` does not hold. Needs root and 3 GB of disk, under `target/tmp` or
//! `$CACHECORE_BENCH_DIR`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cachecore::id::ProjectId;
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{Depth, ImportRequest, Silent, Store, VerifyOptions};
use testbed::dataroot::{DataRoot, Layer};
use testbed::stopwatch::median;

/// How often each is measured.
const TURNS: usize = 7;

struct Case {
    name: &'static str,
    layers: usize,
    /// Of each layer.
    files: usize,
    /// Of each file.
    bytes: usize,
    containerd: bool,
}

const fn case(name: &'static str, layers: usize, files: usize, bytes: usize) -> Case {
    Case {
        name,
        layers,
        files,
        bytes,
        containerd: false,
    }
}

const CASES: [Case; 4] = [
    case("one layer, large files", 1, 30, 10_000_000),
    case("one layer, small files", 1, 20_000, 4_000),
    case("four layers, files of 100 kB", 4, 750, 100_000),
    Case {
        containerd: true,
        ..case("containerd, four layers", 4, 750, 100_000)
    },
];

struct Measured {
    name: &'static str,
    bytes: u64,
    verify: Duration,
    peer: Duration,
}

fn main() -> ExitCode {
    if !std::env::args().any(|option| option == "--bench") {
        println!("not measured: this is a benchmark, run it with `cargo bench --bench verify`");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let under = std::env::var("CACHECORE_BENCH_DIR").map_or_else(
        |_| Utf8PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        Into::into,
    );
    std::fs::create_dir_all(&under)?;
    let ground = tempfile::tempdir_in(&under)?;
    let ground = Utf8Path::from_path(ground.path()).ok_or("not UTF-8")?;
    println!("| golden | MB | `verify --full` | `tar c \\| sha256sum` | ratio |");
    println!("|---|---|---|---|---|");
    let mut measured = Vec::new();
    for case in &CASES {
        let ground = ground.join(case.name.replace([' ', ','], "-"));
        let found = measure(case, &ground)?;
        println!(
            "| {} | {} | {:.2} s | {:.2} s | {:.2} |",
            found.name,
            found.bytes / 1_000_000,
            found.verify.as_secs_f64(),
            found.peer.as_secs_f64(),
            ratio(&found)
        );
        measured.push(found);
    }
    // containerd's archives are unpacked besides, which the peer does not do.
    let claim = measured[..3].iter().all(|found| ratio(found) < 1.5);
    if !claim {
        eprintln!("verifying took more than 1.5 times as long as `tar c | sha256sum`");
    }
    Ok(claim)
}

fn ratio(measured: &Measured) -> f64 {
    measured.verify.as_secs_f64() / measured.peer.as_secs_f64()
}

fn measure(case: &Case, ground: &Utf8Path) -> Result<Measured, Box<dyn Error>> {
    let layers: Vec<Layer> = (0..case.layers)
        .map(|nth| Layer::new(&format!("{}-{nth}", case.name)).files(case.files, case.bytes))
        .collect();
    let mut root = DataRoot::new().image("api", &layers);
    if case.containerd {
        root = root.on_containerd();
    }
    root.write(ground.join("docker"));
    let store = ground.join("store");
    Store::init(&store)?;
    let store = Store::open(&store)?;
    let project = ProjectId::new("api")?;
    let request = ImportRequest {
        project: project.clone(),
        from: ground.join("docker"),
        copy: false,
        volumes: Volumes::Keep,
        revision: None,
    };
    store.import(&request, &Silent)?;
    let options = VerifyOptions { full: true };
    let (mut verify, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let begun = Instant::now();
        digest(&ground.join("store/layers"))?;
        peer.push(begun.elapsed());
        let begun = Instant::now();
        let report = store.verify(&project, options, &Silent)?;
        verify.push(begun.elapsed());
        let read = report.layers.iter();
        let read = read.filter(|layer| layer.depth == Depth::Contents).count();
        if !report.is_sound() || read < case.layers {
            return Err(format!("{}: {report:?}", case.name).into());
        }
    }
    Ok(Measured {
        name: case.name,
        bytes: (case.layers * case.files * case.bytes) as u64,
        verify: median(&verify),
        peer: median(&peer),
    })
}

/// Reads and digests all that lies in a folder.
fn digest(folder: &Utf8Path) -> Result<(), Box<dyn Error>> {
    let mut tar = Command::new("tar")
        .args(["c", "-C", folder.as_str(), "."])
        .stdout(Stdio::piped())
        .spawn()?;
    let archive = tar.stdout.take().ok_or("no pipe")?;
    let sum = Command::new("sha256sum")
        .stdin(archive)
        .stdout(Stdio::null())
        .status()?;
    match sum.success() && tar.wait()?.success() {
        true => Ok(()),
        false => Err("tar or sha256sum has failed".into()),
    }
}
