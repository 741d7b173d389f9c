//! Walks all points of a command with all faults.

use testbed::engines::goldenctl_program;

use crate::picture::Picture;
use crate::scene::Scene;
use crate::tracer::{Ended, Fault, Point, Reach, Tracer};

/// How the repetition of a command may end, beside well: what it was to make is there, or what it
/// was to take away is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Works,
    IsTaken,
    IsGone,
    /// Nothing is left to ask for.
    IsDone,
    /// What came in unnoticed is followed by another: who asks twice gets two.
    MakesAnother,
}

impl Again {
    fn code(self) -> i32 {
        match self {
            Self::Works | Self::MakesAnother => 0,
            Self::IsDone => 1,
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

/// Set to `all`, every call that changes something is walked with both faults, which takes hours, and
/// of those that only look every sixteenth fails. Otherwise each point has one fault, and of calls of
/// one name a few stand for all.
const VARIABLE: &str = "CACHECORE_FAULTS";

/// Of how many calls that only look one is walked, where all are.
const LOOKS: usize = 16;
/// How many of the calls of one name are walked: of those by which things come to be or cease to be,
/// and of the others.
const OF_STEPS: usize = 4;
const OF_OTHERS: usize = 1;
/// One of how many calls that change something is interrupted.
const INTERRUPTIONS: usize = 3;
const STEPS: [&str; 6] = ["rename", "sync", "write", "mount", "unshare", "ioctl"];

/// The points to walk, with the faults of each.
fn faults(points: &[Point]) -> Vec<(&Point, Fault)> {
    let all = std::env::var(VARIABLE).is_ok_and(|value| value == "all");
    let mut chosen = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let alike = |other: &&Point| other.call == point.call && changes(other) == changes(point);
        let count = points.iter().filter(alike).count();
        let nth = points[..number].iter().filter(alike).count();
        let few = match STEPS.iter().any(|part| point.call.contains(part)) {
            _ if all && changes(point) => count,
            _ if all => count.div_ceil(LOOKS),
            true => OF_STEPS,
            false => OF_OTHERS,
        };
        // Evenly over all of them, the last among them.
        if (nth + 1) * few / count == nth * few / count {
            continue;
        }
        let error = Fault::Error(errors_of(point)[number % 3]);
        if changes(point) && (all || number % 2 == 0) {
            chosen.push((point, Fault::Killed));
        }
        if all || !changes(point) || number % 2 == 1 {
            chosen.push((point, error));
        }
        if changes(point) && number % INTERRUPTIONS == 0 {
            chosen.push((point, Fault::Interrupted));
        }
    }
    chosen
}

/// A command of `goldenctl` in a scene. `STAGE` in its words is the scene's folder, `DOUBLE` the double
/// of dockerd.
pub(crate) struct Walk<'a> {
    scene: &'a Scene,
    words: Vec<String>,
    again: Again,
    /// What is run after a fault.
    repetition: Vec<String>,
    reach: Reach,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(scene: &'a Scene, words: &[&str], again: Again) -> Self {
        let words = filled(scene, words);
        Self {
            scene,
            again,
            repetition: words.clone(),
            words,
            reach: Reach::Everything,
        }
    }

    /// A command that starts programs, whose own calls do not fail.
    pub(crate) fn that_starts_programs(mut self) -> Self {
        self.reach = Reach::UntilExec;
        self
    }

    /// After a fault another command does what is still to be done.
    pub(crate) fn repeated_by(mut self, words: &[&str]) -> Self {
        self.repetition = filled(self.scene, words);
        self
    }

    /// Presses Ctrl-C at the first such call that `shown` is part of, and runs the repetition. Gives
    /// how the command ended.
    pub(crate) fn interrupted_at(&self, call: &str, shown: &str, slow: &[&str]) -> Ended {
        self.with_ctrl_c(call, shown, false, slow)
    }

    /// The same with Ctrl-C at all such calls from there on.
    pub(crate) fn interrupted_again_and_again(&self, call: &str, shown: &str) -> Ended {
        self.with_ctrl_c(call, shown, true, &[])
    }

    fn with_ctrl_c(&self, call: &str, shown: &str, again: bool, slow: &[&str]) -> Ended {
        let scene = self.scene;
        let (tracer, program) = (self.tracer(), self.program());
        let (points, ended) = tracer.points(&program, &[scene.stage().as_str()]);
        assert_eq!(ended.code, Some(0), "without a fault: {}", ended.stderr);
        scene.reset();
        let shown_there = |point: &&Point| point.call == call && point.shown.contains(shown);
        let point = points.iter().find(shown_there);
        let point = point.unwrap_or_else(|| panic!("no {call} of {shown} in {points:#?}"));
        let ended = tracer.interrupt(&program, point, again, slow);
        scene.host().wait_until_idle();
        let when = format!("interrupted at {point}");
        scene.assert_untouched(&when);
        settle(scene, &when);
        self.repeat(&when);
        settle(scene, &when);
        ended
    }

    fn tracer(&self) -> Tracer<'_> {
        Tracer {
            host: self.scene.host(),
            reach: self.reach,
            log: self.scene.log(),
        }
    }

    fn program(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Walks the points.
    pub(crate) fn walk(&self) {
        let scene = self.scene;
        let (tracer, program) = (self.tracer(), self.program());
        let (points, ended) = tracer.points(&program, &[scene.stage().as_str(), "/run/"]);
        assert_eq!(ended.code, Some(0), "without a fault: {}", ended.stderr);
        assert!(points.len() > 10, "only {} points were found", points.len());
        settle(scene, "without a fault");
        let mut expected = vec![scene.picture()];
        if self.again == Again::MakesAnother {
            self.repeat("without a fault");
            settle(scene, "without a fault");
            expected.push(scene.picture());
        }

        let faults = faults(&points);
        for (point, fault) in &faults {
            scene.reset();
            let ended = tracer.inject(&program, point, *fault);
            scene.host().wait_until_idle();
            let words = self.words[1..].join(" ");
            let when = format!("after `{words}` with {fault:?} at {point}");
            self.assert_ended_well(&ended, *fault, &when);
            scene.assert_untouched(&when);
            // A command may have ended well whose child was killed: what it asked for waits.
            let ended_well = ended.code == Some(0) && *fault != Fault::Killed;
            if !ended_well || self.repetition != self.words {
                self.repeat(&when);
            }
            assert_nothing_happened(scene, &expected, &when);
        }
        tell(&self.words[1..], faults.len(), points.len());
    }

    /// A fault is survived, or said in a sentence.
    fn assert_ended_well(&self, ended: &Ended, fault: Fault, when: &str) {
        assert!(
            !ended.stderr.contains("panicked"),
            "{when}: {}",
            ended.stderr
        );
        if fault == Fault::Killed {
            let a_child_was = self.reach == Reach::UntilExec && ended.code.is_some();
            let killed = ended.killed || a_child_was;
            assert!(killed, "{when}: it was not killed: {ended:?}");
        }
        if ended.killed {
            return;
        }
        let code = ended.code.unwrap_or(-1);
        if fault == Fault::Interrupted {
            // Threads count their calls apart, so that another's may be a second Ctrl-C, which ends the
            // process at once; the first process of a namespace cannot end by a signal.
            let at_once = self.reach == Reach::UntilExec && code == 1 && ended.stderr.is_empty();
            // Or it was too late to give anything up.
            return assert!(
                code == 0 || (code == 130 && self.says(ended)) || at_once,
                "{when}: {ended:?}"
            );
        }
        assert!((0..=5).contains(&code), "{when}: {ended:?}");
        if code != 0 {
            // A verification answers with what it has found, and could not note.
            let found = ["  found  ", "  not noted  "];
            let answered = found.iter().any(|it| ended.stdout.contains(it));
            let said = answered || ended.stderr.contains("goldenctl: ");
            assert!(said, "{when}: {ended:?}");
        }
    }

    /// Whether an interruption is said. A builder has nobody to say it to.
    fn says(&self, ended: &Ended) -> bool {
        let said = |it: &str| ended.stderr.contains(it);
        let before = said("interrupted before the golden could be promoted; ");
        said("interrupted: ")
            || said("interrupted; ")
            || before
            || self.words.contains(&"builder".to_owned())
    }

    /// The repetition, without a fault.
    fn repeat(&self, when: &str) {
        let (code, said) = run(self.scene, &self.repetition);
        assert!(
            code == Some(0) || code == Some(self.again.code()),
            "{when}, again: {code:?} {said}"
        );
    }
}

/// A whole command line.
fn filled(scene: &Scene, words: &[&str]) -> Vec<String> {
    let double = || testbed::engines::dockerd_double().as_str();
    let mut filled = vec![goldenctl_program().to_string()];
    if !words.contains(&"--root") {
        filled.extend(["--root".to_owned(), scene.store().into_string()]);
    }
    filled.extend(words.iter().map(|word| {
        let word = word.replace("STAGE", scene.stage().as_str());
        match word.contains("DOUBLE") {
            true => word.replace("DOUBLE", double()),
            false => word,
        }
    }));
    filled
}

/// Runs a command line on the scene's host until everything of it has ended.
fn run(scene: &Scene, words: &[String]) -> (Option<i32>, String) {
    let mut command = scene.host().command(&words[0]);
    let output = command.args(&words[1..]).output().unwrap();
    scene.host().wait_until_idle();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// Seen with `--nocapture`.
#[expect(clippy::print_stdout, reason = "tests may say what they have done")]
fn tell(words: &[String], faults: usize, points: usize) {
    println!("{}: {faults} faults at {points} points", words.join(" "));
}

/// Collected, the store is as if there had been no fault.
fn assert_nothing_happened(scene: &Scene, expected: &[Picture], when: &str) {
    settle(scene, when);
    scene.assert_untouched(when);
    let strangers = scene.builds_of_nobody();
    assert!(
        strangers.is_empty(),
        "{when}: builds {strangers:?} are left"
    );
    let found = scene.picture();
    if !expected.contains(&found)
        && let Some(difference) = found.first_difference(&expected[0])
    {
        panic!("{when}, collected: {difference}");
    }
}

/// Lets the next command return what is not needed, on the machine too.
fn settle(scene: &Scene, when: &str) {
    let (code, said) = run(scene, &filled(scene, &["gc"]));
    assert_eq!(code, Some(0), "{when}: {said}");
    let left = scene.host().runtime_folders();
    assert!(left.is_empty(), "{when}: {left:?} is left in /run");
}
