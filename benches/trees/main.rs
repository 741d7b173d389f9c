//! `cargo bench --bench trees [-- --quick | --peers]`: copying and removing trees against `cp -a`,
//! `cp -a --reflink=always` and `rm -rf`.
//!
//! Measures all in turns, in one run, on an ext4 and an XFS that it makes in memory, prints a table,
//! and ends with exit code 1 if a claim of `docs/benchmarks.md` does not hold. `--peers` adds rsync,
//! and xcp where `scripts/benchmarks` has installed it. Needs root, 8 GB of free memory
//! (`--quick`: 2 GB) and two cores: most of the claims are about using both.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod contestant;
mod disk;
mod tree;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use contestant::{Contestant, Stage};
use disk::Room;

/// How much of everything.
struct Scale {
    files: usize,
    large: u64,
    turns: usize,
    memory: u64,
    /// What part of a claim must be met. With fewer files and turns the start of a program and a
    /// single interruption weigh more; a machine that does nothing else needs no allowance.
    allowance: f64,
}

const FULL: Scale = Scale {
    files: 100_000,
    large: 1 << 30,
    turns: 3,
    memory: 8 << 30,
    allowance: 1.0,
};
const QUICK: Scale = Scale {
    files: 20_000,
    large: 256 << 20,
    turns: 3,
    memory: 2 << 30,
    allowance: 0.8,
};

/// How many times faster than its peer.
const FASTER: f64 = 1.5;
/// One large file is one stream of bytes through the same system call on either side: they take the
/// same, and two measurements of the same differ by so much.
const NOT_SLOWER: f64 = 0.85;

/// What was measured of one task.
struct Case {
    task: String,
    /// The peer to hold against, then the others, and ourselves last.
    times: Vec<(String, Vec<Duration>)>,
    /// How many times faster than the first we are at least.
    claim: f64,
}

fn main() -> ExitCode {
    let options: Vec<String> = std::env::args().skip(1).collect();
    if let Some(played) = contestant::play(&options) {
        return match played {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("trees: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let asked = |option: &str| options.iter().any(|given| given == option);
    if !asked("--bench") {
        println!("not measured: this is a benchmark, run it with `cargo bench --bench trees`");
        return ExitCode::SUCCESS;
    }
    let scale = if asked("--quick") { QUICK } else { FULL };
    match run(&scale, asked("--peers")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("trees: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and says whether every claim holds.
fn run(scale: &Scale, peers: bool) -> Result<bool, Box<dyn Error>> {
    let mut room = Room::take(scale.memory)?;
    let stage = Stage::new();
    // Both full they must fit: a filesystem whose disk runs out of memory waits for ever.
    let ext4 = room.disk("ext4", &["-F"], scale.memory / 8 * 5)?;
    let xfs = room.disk(
        "xfs",
        &["-m", "reflink=1"],
        scale.memory / 8 * 3 - (64 << 20),
    )?;
    println!("writing {} small files and a large one", scale.files);
    tree::small(&ext4.join("small"), scale.files)?;
    tree::small(&xfs.join("small"), scale.files)?;
    tree::large(&ext4.join("large"), scale.large)?;

    let more = if peers { self::peers() } else { Vec::new() };
    let line = |mut first: Vec<Contestant>, last| {
        first.extend(more.iter().cloned());
        first.push(last);
        first
    };
    let cp = Contestant::new("cp -a", "cp", &["-a"]);
    let reflink = Contestant::new("cp -a --reflink=always", "cp", &["-a", "--reflink=always"]);
    let ours = Contestant::treeclone("possible")?;
    let shared = Contestant::treeclone("always")?;
    let files = scale.files;
    let mut cases = Vec::new();
    let small = line(vec![cp.clone()], ours.clone());
    let (copies, removals) = copies(&stage, &ext4, "small", &small, scale.turns)?;
    cases.push(Case {
        task: format!("copy {files} small files, ext4"),
        times: copies,
        claim: FASTER,
    });
    cases.push(Case {
        task: format!("remove {files} small files, ext4"),
        times: removals,
        claim: FASTER,
    });
    let large = line(vec![cp], ours);
    let (copies, _) = self::copies(&stage, &ext4, "large", &large, scale.turns)?;
    cases.push(Case {
        task: format!("copy one file of {} MiB, ext4", scale.large >> 20),
        times: copies,
        claim: NOT_SLOWER,
    });
    let reflinks = [reflink, shared];
    let (copies, _) = self::copies(&stage, &xfs, "small", &reflinks, scale.turns)?;
    cases.push(Case {
        task: format!("share the blocks of {files} small files, XFS"),
        times: copies,
        claim: FASTER,
    });
    table(&cases);
    Ok(hold(&cases, scale.allowance))
}

/// rsync, and the tool that `scripts/benchmarks` installs, if it is there. It keeps owners, modes,
/// times and attributes, but loses setuid and the times of folders, and makes files of hard links.
fn peers() -> Vec<Contestant> {
    let mut peers = vec![Contestant::rsync()];
    let xcp = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/xcp");
    if xcp.exists() {
        let arguments = ["-r", "--ownership", "--no-progress"];
        peers.push(Contestant::new("xcp -r --ownership", xcp, &arguments));
    }
    peers
}

type Times = Vec<(String, Vec<Duration>)>;

/// Has the tree copied by each, in turns, and on ext4 the copies removed by `rm -rf` and by us.
fn copies(
    stage: &Stage,
    disk: &Path,
    tree: &str,
    contestants: &[Contestant],
    turns: usize,
) -> Result<(Times, Times), Box<dyn Error>> {
    let mut copies: Times = contestants
        .iter()
        .map(|one| (one.name.clone(), Vec::new()))
        .collect();
    let mut removals: Times = vec![
        ("rm -rf".to_owned(), Vec::new()),
        ("treeclone".to_owned(), Vec::new()),
    ];
    let from = disk.join(tree);
    for turn in 0..turns {
        for number in 0..contestants.len() {
            // Each is first in some turn, and neither always removes the copy of the same one.
            let number = (number + turn) % contestants.len();
            let one = &contestants[number];
            let to = disk.join(format!("copy-{turn}-{number}"));
            disk::settle(disk)?;
            let took = one.copy(stage, &from, &to)?;
            println!(
                "  {tree}, turn {}: {} {:.2} s",
                turn + 1,
                one.name,
                took.as_secs_f64()
            );
            copies[number].1.push(took);
            if disk.ends_with("xfs") {
                // It removes inodes in threads of its own, behind a log that all wait for: what that
                // takes tells nothing about who asks for it.
                continue;
            }
            disk::settle(disk)?;
            let by = (number + turn) % 2;
            let took = match by {
                0 => stage.rm(&to)?,
                _ => stage.remove_tree(&to)?,
            };
            removals[by].1.push(took);
        }
    }
    Ok((copies, removals))
}

impl Case {
    /// Best times: what else the machine does only ever adds.
    fn best(&self, number: usize) -> f64 {
        let times = &self.times[number].1;
        times.iter().min().map_or(f64::NAN, Duration::as_secs_f64)
    }

    fn ratio(&self, number: usize) -> f64 {
        self.best(number) / self.best(self.times.len() - 1)
    }
}

fn table(cases: &[Case]) {
    println!("\n| task | program | best | median | treeclone is faster |\n|---|---|---|---|---|");
    for case in cases {
        for (number, (name, times)) in case.times.iter().enumerate() {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
            println!(
                "| {} | `{name}` | {:.2} s | {:.2} s | {:.2} |",
                case.task,
                case.best(number),
                median.as_secs_f64(),
                case.ratio(number)
            );
        }
    }
    println!();
}

/// Prints each claim with what it rests on; says whether all of them hold.
fn hold(cases: &[Case], allowance: f64) -> bool {
    let mut all = true;
    for case in cases {
        let claim = case.claim;
        let ratio = case.ratio(0);
        let bar = if claim > 1.0 {
            claim * allowance
        } else {
            claim
        };
        let holds = ratio >= bar;
        all &= holds;
        println!(
            "{}: {}: {ratio:.2} times as fast as {}, at least {bar:.2} (the aim is {:.2})",
            if holds { "holds " } else { "BROKEN" },
            case.task,
            case.times[0].0,
            claim,
        );
    }
    all
}
