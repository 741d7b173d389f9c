//! Walks all points of a command with all faults.

use camino::Utf8PathBuf;
use testbed::engines::goldenctl_program;

use crate::picture::Picture;
use crate::scene::Scene;
use crate::tracer::{self, Ended, Fault, Point};

/// How the repetition of a command may end, beside well: what it was to make is there, or what it
/// was to take away is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Works,
    IsTaken,
    IsGone,
    /// A copy that came in unnoticed is followed by another: who asks twice gets two.
    MakesAnother,
}

impl Again {
    fn code(self) -> i32 {
        match self {
            Self::Works | Self::MakesAnother => 0,
            Self::IsTaken => 4,
            Self::IsGone => 3,
        }
    }
}

/// Which error a call fails with: what its like really fail with, in turns.
fn errors_of(point: &Point) -> [&'static str; 3] {
    match point.call.as_str() {
        "openat" | "openat2" => ["EMFILE", "EIO", "ENOSPC"],
        "fsync" | "fdatasync" | "syncfs" | "getdents64" => ["EIO", "EIO", "EIO"],
        _ => ["EIO", "ENOSPC", "EROFS"],
    }
}

/// Whether being killed there can leave something: calls that only look cannot.
fn changes(point: &Point) -> bool {
    match point.call.as_str() {
        "getdents64" => false,
        "openat" | "openat2" => {
            point.shown.contains("O_CREAT") || point.shown.contains("O_TMPFILE")
        }
        _ => true,
    }
}

/// Set to `all`, every point is walked with every fault, which takes half an hour. Otherwise each point
/// has one fault, and of calls that copy or remove a tree entry by entry a few stand for all.
const VARIABLE: &str = "CACHECORE_FAULTS";
const FEW: usize = 8;

/// The points to walk, with the faults of each.
fn faults(points: &[Point]) -> Vec<(&Point, Fault)> {
    let all = std::env::var(VARIABLE).is_ok_and(|value| value == "all");
    let mut chosen = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let alike = || points.iter().filter(|other| other.call == point.call);
        let (count, nth) = (alike().count(), alike().position(|other| other == point));
        let each = ["rename", "sync", "write"]
            .iter()
            .any(|part| point.call.contains(part));
        // Evenly over all of them, the first and the last among them.
        let stands = nth.is_some_and(|nth| (nth + 1) * FEW / count > nth * FEW / count || nth == 0);
        if !(all || each || stands) {
            continue;
        }
        let error = Fault::Error(errors_of(point)[number % 3]);
        if changes(point) && (all || number % 2 == 0) {
            chosen.push((point, Fault::Killed));
        }
        if all || !changes(point) || number % 2 == 1 {
            chosen.push((point, error));
        }
    }
    chosen
}

/// Walks the points of `goldenctl` with these words.
pub(crate) fn walk(words: &[&str], again: Again) {
    walk_in(&Scene::new(), words, again);
}

/// Walks the points of `goldenctl` with these words in a scene.
pub(crate) fn walk_in(scene: &Scene, words: &[&str], again: Again) {
    let goldenctl = goldenctl_program();
    let store = scene.store();
    let fill = |word: &str| word.replace("STAGE", scene.stage().as_str());
    let words: Vec<String> = words.iter().map(|word| fill(word)).collect();
    let mut program = vec![goldenctl.as_str()];
    if !words.iter().any(|word| word == "--root") {
        program.extend(["--root", store.as_str()]);
    }
    program.extend(words.iter().map(String::as_str));
    let log = scene.log();

    let (points, ended) = tracer::points(&program, scene.stage(), &log);
    assert_eq!(ended.code, Some(0), "without a fault: {}", ended.stderr);
    assert!(points.len() > 10, "only {} points were found", points.len());
    settle(scene);
    let mut expected = vec![scene.picture()];
    if again == Again::MakesAnother {
        repeat(scene, &program, again, "without a fault");
        settle(scene);
        expected.push(scene.picture());
    }

    let faults = faults(&points);
    for (point, fault) in &faults {
        scene.reset();
        let ended = tracer::inject(&program, point, *fault, &log);
        let when = format!("after `{}` with {fault:?} at {point}", words.join(" "));
        assert_ended_well(&ended, *fault, &when);
        scene.assert_untouched(&when);
        if ended.code != Some(0) {
            repeat(scene, &program, again, &when);
        }
        assert_nothing_happened(scene, &expected, &when);
    }
    tell(&words, faults.len(), points.len());
}

/// Seen with `--nocapture`.
#[expect(clippy::print_stdout, reason = "tests may say what they have done")]
fn tell(words: &[String], faults: usize, points: usize) {
    println!("{}: {faults} faults at {points} points", words.join(" "));
}

/// A fault is survived, or said in a sentence.
fn assert_ended_well(ended: &Ended, fault: Fault, when: &str) {
    assert!(
        !ended.stderr.contains("panicked"),
        "{when}: {}",
        ended.stderr
    );
    if fault == Fault::Killed {
        assert!(ended.killed, "{when}: it was not killed: {ended:?}");
        return;
    }
    let code = ended.code.unwrap_or(-1);
    assert!((0..=5).contains(&code), "{when}: {ended:?}");
    if code != 0 {
        assert!(ended.stderr.contains("goldenctl: "), "{when}: {ended:?}");
    }
}

/// The same command again, without a fault.
fn repeat(scene: &Scene, program: &[&str], again: Again, when: &str) {
    let repeated = std::process::Command::new(program[0])
        .args(&program[1..])
        .env_remove("CACHECORE_LOG")
        .output()
        .unwrap();
    let code = repeated.status.code();
    let said = String::from_utf8_lossy(&repeated.stderr);
    assert!(
        code == Some(0) || code == Some(again.code()),
        "{when}, again: {code:?} {said}"
    );
    scene.assert_untouched(when);
}

/// Collected, the store is as if there had been no fault.
fn assert_nothing_happened(scene: &Scene, expected: &[Picture], when: &str) {
    settle(scene);
    scene.assert_untouched(when);
    let found = scene.picture();
    if !expected.contains(&found)
        && let Some(difference) = found.first_difference(&expected[0])
    {
        panic!("{when}, collected: {difference}");
    }
}

/// Lets the next commands return what is not needed.
fn settle(scene: &Scene) {
    let root: Utf8PathBuf = scene.store();
    let store = goldenstore::Store::open(&root).unwrap();
    let policy = cachecore::collection::Policy::default();
    let report = store.collect(&policy, &goldenstore::Silent).unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(report.plan.unjudged.is_empty(), "{report:?}");
}
