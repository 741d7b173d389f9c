//! Thirty at work on one store.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ending::Tally;
use crate::model;
use crate::number;
use crate::place::{BRIEF, PROJECTS, Place};
use crate::watchdog::BOUND;
use crate::worker::{EXPIRING, Worker, look};

/// How long, in seconds.
const SECONDS: &str = "CACHECORE_STORM_SECONDS";
/// Which lots are drawn. The moments in which commands meet are not among them.
const SEED: &str = "CACHECORE_STORM_SEED";

const WORKERS: usize = 30;
/// After so many seconds every kind of command has come about, on any machine.
const LONG: u64 = 300;

/// Commands that meet say at most that somebody else was there. Sessions stay what their workers have
/// made of them, and in the end the store holds what is needed and nothing else.
#[test]
fn many_commands_at_once_are_only_in_each_others_way() {
    let _alone = crate::alone();
    let seconds = number(SECONDS).unwrap_or(15);
    let seed = number(SEED).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::from(now.unwrap().subsec_nanos())
    });
    let again = format!("{SEED}={seed}");
    // Captured unless the test fails.
    report(&format!("the lots of {again}"));
    let place = Place::new();
    let stop = AtomicBool::new(false);
    let until = Instant::now() + Duration::from_secs(seconds);
    let (workers, complaints) = std::thread::scope(|scope| {
        let running: Vec<_> = (0..WORKERS)
            .map(|number| {
                let (place, stop) = (&place, &stop);
                scope.spawn(move || {
                    let mut worker = Worker::new(place, seed, number);
                    let done = worker.work(until, stop);
                    if done.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    (worker, done.err())
                })
            })
            .collect();
        let ended = running.into_iter().map(|run| run.join().unwrap());
        ended.unzip::<_, _, Vec<_>, Vec<_>>()
    });
    let mut tally = Tally::default();
    let mut held = Vec::new();
    for worker in workers {
        tally.add(worker.tally);
        held.extend(worker.held);
    }
    let complaints: Vec<String> = complaints.into_iter().flatten().collect();
    assert!(
        complaints.is_empty(),
        "{again}\n{}",
        complaints.join("\n\n")
    );
    report(&format!("{} commands\n{}", tally.total(), tally.lines()));
    // A storm in which nothing succeeds shows nothing.
    let always = [
        "session start",
        "session promote",
        "session rm",
        "gc",
        "verify",
    ];
    let in_the_long_run = ["rm", "import", "enable", "disable", "cancel", "trigger"];
    let expected = match seconds {
        LONG.. => [&always[..], &in_the_long_run].concat(),
        _ => always.to_vec(),
    };
    for what in expected {
        let succeeded = tally.of(what, "0");
        assert!(
            succeeded > 0,
            "{again}: no {what} succeeded\n{}",
            tally.lines()
        );
    }

    for project in PROJECTS {
        place.ok(&["disable", project]);
    }
    place.wait_for_builders();
    let brief: Vec<String> = model::names(&place.root().join("golden"))
        .into_iter()
        .filter(|project| project.starts_with(BRIEF))
        .collect();
    assert!(
        !brief.is_empty(),
        "{again}: nobody had a project of his own"
    );
    // One that was killed goes on where it was.
    let import = |project: &str, from: &str| {
        let incoming = place.incoming(from);
        place.ok(&["import", project, "--copy", "--from", incoming.as_str()]);
    };
    for project in PROJECTS {
        import(project, project);
    }
    for project in &brief {
        for from in PROJECTS {
            import(project, from);
        }
        place.ok(&["rm", project]);
    }
    let begun = Instant::now();
    let expiring = format!("docker-data-{EXPIRING}");
    loop {
        place.ok(&["gc", "--keep", "1", "--keep-builds", "0"]);
        let sessions = model::names(&place.root().join("sessions"));
        if !sessions
            .iter()
            .any(|session| session.starts_with(&expiring))
        {
            break;
        }
        assert!(begun.elapsed() < BOUND, "{again}: {sessions:?}");
    }
    for held in &held {
        let looked = look(&place.data_root(&held.id), held);
        assert_eq!(looked, Ok(()), "{again}");
    }
    let there: BTreeSet<String> = model::names(&place.root().join("sessions"))
        .into_iter()
        .collect();
    let held: BTreeSet<String> = held
        .iter()
        .map(|held| format!("docker-data-{}", held.id))
        .collect();
    for session in there.symmetric_difference(&held) {
        let common = session.starts_with("docker-data-common-");
        assert!(common, "{again}: somebody has lost {session}, or left it");
    }
    model::assert_exact(&place);
    place.ok(&["verify", "--full"]);

    for session in there {
        let id = session.strip_prefix("docker-data-").unwrap();
        place.ok(&["session", "rm", id]);
    }
    place.ok(&["gc", "--max-size", "0", "--keep-builds", "0"]);
    model::assert_empty(&place);
    for project in PROJECTS {
        let status = place.ok(&["status", project, "--json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        assert!(status["generation"].is_null(), "{again}: {status}");
    }
}

#[expect(
    clippy::print_stderr,
    reason = "how it went is for whoever reads the log of a long run"
)]
fn report(text: &str) {
    eprintln!("{text}");
}
