use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use cachecore::id::{BuildId, ProjectId, SessionId};
use cachecore::promotion::Volumes;
use cachecore::record::Purpose;
use cachecore::strategy::{Requested, Strategy};
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{
    HeldSession, ImportRequest, Observer, Scratch, StartRequest, Store, StoreError, fresh_build_id,
};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Serialize;

use crate::cli::{Bench, Global};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{exit, show};

/// What was measured. Times are in milliseconds; of several the median.
#[derive(Debug, Serialize)]
struct BenchReport {
    project: ProjectId,
    /// Bytes on disk of a whole copy of the golden.
    bytes: u64,
    /// `cp -a` of such a copy, in turns with the sessions.
    cp_ms: f64,
    /// `rm -rf` of what it made.
    rm_ms: f64,
    strategies: Vec<Measured>,
    /// Strategies that cannot serve here, with the reason.
    unsuitable: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Measured {
    strategy: Strategy,
    sessions: usize,
    start_ms: f64,
    removal_ms: f64,
    bytes_copied: u64,
    /// How many times faster than `cp -a`.
    times_cp: f64,
}

/// Rounds of `cp -a`: each costs as much as everything else together.
const ROUNDS: usize = 3;

/// How often it is looked whether to go on, while another program runs.
const GLANCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

const STRATEGIES: [Strategy; 4] = [
    Strategy::Snapshot,
    Strategy::Link,
    Strategy::Reflink,
    Strategy::Copy,
];

pub(super) fn run(global: &Global, args: &Bench) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let progress = Progress::new("looking for a golden", interrupt::watch(Interactive::No));
    let measured = match &args.from {
        None => {
            largest(&store).and_then(|project| measure(&store, project, args.sessions, &progress))
        }
        Some(from) => store.scratch().map_err(Failure::from).and_then(|scratch| {
            let (other, project) = store_of(&scratch, from, &progress)?;
            measure(&other, project, args.sessions, &progress)
        }),
    };
    drop(progress);
    // What was left in the trash meanwhile, the scratch among it.
    if let Err(error) = store.empty_trash(&goldenstore::Silent) {
        tracing::warn!(%error, "the trash is left for later");
    }
    let report = measured.map_err(|failure| failure.if_interrupted(|| Kept::NoMeasurement))?;
    if global.json {
        show::json(&report);
    } else {
        show_report(&report);
    }
    Ok(exit::OK)
}

/// The project with the largest golden.
fn largest(store: &Store) -> Result<ProjectId, Failure> {
    let mut found: Option<(u64, ProjectId)> = None;
    for project in store.projects()? {
        let Some(golden) = store.serving(&project)? else {
            continue;
        };
        let sizes = golden.sizes;
        let bytes = sizes.shared_bytes + sizes.mutable_bytes;
        if found.as_ref().is_none_or(|(most, _)| bytes > *most) {
            found = Some((bytes, project));
        }
    }
    found
        .map(|(_, project)| project)
        .ok_or(Failure::NothingToMeasure)
}

/// A store of its own with one golden, made of a copy of the data root.
fn store_of(
    scratch: &Scratch,
    from: &Utf8Path,
    progress: &Progress,
) -> Result<(Store, ProjectId), Failure> {
    progress.phase("copying the data root");
    let root = scratch.path().join("store");
    Store::init(&root)?;
    let store = Store::open(&root)?;
    let project = ProjectId::new("bench").map_err(StoreError::from)?;
    let request = ImportRequest {
        project: project.clone(),
        from: from.to_owned(),
        copy: true,
        volumes: Volumes::Keep,
        revision: None,
    };
    store.import(&request, progress)?;
    Ok((store, project))
}

/// What a strategy's sessions took.
#[derive(Default)]
struct Times {
    starts: Vec<Duration>,
    removals: Vec<Duration>,
    bytes_copied: u64,
}

fn measure(
    store: &Store,
    project: ProjectId,
    sessions: u32,
    progress: &Progress,
) -> Result<BenchReport, Failure> {
    let mut unsuitable = Vec::new();
    let mut times: Vec<(Strategy, Times)> = Vec::new();
    let (mut copies, mut removals) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for round in 0..ROUNDS {
        for strategy in STRATEGIES {
            // Copies take as long as `cp -a` does; three of them say enough.
            let wanted = match strategy {
                Strategy::Copy | Strategy::Reflink => 1,
                _ => sessions.div_ceil(ROUNDS as u32),
            };
            for _ in 0..wanted {
                progress.phase("starting sessions");
                match start(store, &project, strategy, progress) {
                    Ok((held, took)) => {
                        let taken = match times.iter_mut().find(|(s, _)| *s == strategy) {
                            Some((_, taken)) => taken,
                            None => {
                                times.push((strategy, Times::default()));
                                &mut times.last_mut().ok_or(Failure::NothingToMeasure)?.1
                            }
                        };
                        taken.starts.push(took);
                        taken.bytes_copied = held.report.bytes_copied;
                        let mut compared = Ok(());
                        if strategy == Strategy::Copy {
                            bytes = held.report.bytes_copied;
                            let peer = peer(store, &held.report.data_root, progress);
                            compared = peer.map(|(copied, removed)| {
                                copies.push(copied);
                                removals.push(removed);
                            });
                        }
                        progress.phase("removing sessions");
                        let begun = Instant::now();
                        store.discard_session(held, progress)?;
                        compared?;
                        taken.removals.push(begun.elapsed());
                    }
                    Err(Failure::Store(StoreError::Strategy(reason))) => {
                        if round == 0 {
                            unsuitable.push(reason.to_string());
                        }
                        break;
                    }
                    Err(e) => return Err(e),
                }
            }
        }
    }
    let cp = median(&mut copies);
    Ok(BenchReport {
        project,
        bytes,
        cp_ms: milliseconds(cp),
        rm_ms: milliseconds(median(&mut removals)),
        strategies: times
            .into_iter()
            .map(|(strategy, mut taken)| {
                let start = median(&mut taken.starts);
                Measured {
                    strategy,
                    sessions: taken.starts.len(),
                    start_ms: milliseconds(start),
                    removal_ms: milliseconds(median(&mut taken.removals)),
                    bytes_copied: taken.bytes_copied,
                    times_cp: cp.as_secs_f64() / start.as_secs_f64().max(1e-6),
                }
            })
            .collect(),
        unsuitable,
    })
}

/// Starts a session that ends with this command.
fn start(
    store: &Store,
    project: &ProjectId,
    strategy: Strategy,
    progress: &Progress,
) -> Result<(HeldSession, Duration), Failure> {
    let name: BuildId = fresh_build_id(Timestamp::now()).map_err(StoreError::from)?;
    let session = SessionId::new(&format!("bench-{name}")).map_err(StoreError::from)?;
    let request = StartRequest {
        strategy: Requested::Exactly(strategy),
        ..StartRequest::new(project.clone(), session)
    };
    let begun = Instant::now();
    let held = store.start_held_session(&request, Purpose::Run, progress)?;
    Ok((held, begun.elapsed()))
}

/// Times `cp -a` of a data root, and `rm -rf` of what that makes.
fn peer(
    store: &Store,
    data_root: &Utf8Path,
    progress: &Progress,
) -> Result<(Duration, Duration), Failure> {
    let scratch = store.scratch()?;
    let target: Utf8PathBuf = scratch.path().join("copy");
    progress.phase("copying with cp -a");
    let mut copy = Command::new("cp");
    let copied = timed(copy.arg("-a").arg(data_root).arg(&target), progress)?;
    progress.phase("removing with rm -rf");
    let mut remove = Command::new("rm");
    let removed = timed(remove.arg("-rf").arg(&target), progress)?;
    Ok((copied, removed))
}

fn timed(command: &mut Command, progress: &Progress) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let program = std::path::PathBuf::from(command.get_program());
    let failed = |source| Failure::Io {
        action: "run",
        path: program,
        source,
    };
    match run_unless_interrupted(command, progress) {
        Ok(_) if progress.interrupted() => Err(StoreError::Interrupted.into()),
        Ok(status) if status.success() => Ok(begun.elapsed()),
        Ok(status) => Err(failed(std::io::Error::other(format!(
            "it ended with {status}"
        )))),
        Err(e) => Err(failed(e)),
    }
}

/// Runs a program to its end, or kills it when this process is asked to end.
fn run_unless_interrupted(
    command: &mut Command,
    progress: &Progress,
) -> std::io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let ended = pidfd_open(pid_of(&child)?, PidfdFlags::empty())?;
    loop {
        let mut fds = [PollFd::new(&ended, PollFlags::IN)];
        if poll(&mut fds, Some(&GLANCE)).is_ok_and(|ready| ready > 0) {
            return child.wait();
        }
        if progress.interrupted() {
            child.kill()?;
        }
    }
}

fn pid_of(child: &Child) -> std::io::Result<Pid> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| std::io::Error::other("it has no process id"))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

fn show_report(report: &BenchReport) {
    show::line(&format!(
        "golden of {}: {} when copied whole; page cache warm, in turns",
        report.project,
        show::size(report.bytes)
    ));
    let time = |ms: f64| match ms {
        ..1000.0 => format!("{ms:.1} ms"),
        _ => format!("{:.2} s", ms / 1000.0),
    };
    let mut rows = vec![vec![
        "cp -a, rm -rf".to_owned(),
        time(report.cp_ms),
        "1.0".to_owned(),
        time(report.rm_ms),
        show::size(report.bytes),
    ]];
    rows.extend(report.strategies.iter().map(|measured| {
        vec![
            measured.strategy.to_string(),
            time(measured.start_ms),
            format!("{:.1}", measured.times_cp),
            time(measured.removal_ms),
            show::size(measured.bytes_copied),
        ]
    }));
    show::table(
        &["way", "start", "times cp", "removal", "bytes copied"],
        rows,
        "",
    );
    for reason in &report.unsuitable {
        show::sentence(reason);
    }
}
