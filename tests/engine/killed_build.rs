//! Golden builds killed at random moments, fifty in all: the golden that served before is whole,
//! and the same build run again succeeds.
//!
//! The moments are spread over the phases of a build. Each phase has a sign by which it can be seen
//! from outside that it has begun; from there a part of its usual length, chosen at random, is let
//! pass. `CACHECORE_SEED=<number>` repeats the choices of an earlier run.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use testbed::checksum::Checksum;
use testbed::engines::build_output::steps;
use testbed::engines::{Release, Running, Workplace};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Clone,
    Daemon,
    Startup,
    Stop,
    /// The session is marked, and its layers go to the store.
    Promotion,
    /// The generation is there, and it is noted how the build ended.
    Outcome,
}

/// How many builds are killed in each phase, on each engine.
const KILLS: [(Phase, u32); 6] = [
    (Phase::Clone, 4),
    (Phase::Daemon, 4),
    (Phase::Startup, 5),
    (Phase::Stop, 4),
    (Phase::Promotion, 4),
    (Phase::Outcome, 4),
];

crate::on_each_engine!(a_build_is_killed_at_any_moment);

fn a_build_is_killed_at_any_moment(release: Release) {
    let mut moments = Moments::from_environment();
    eprintln!("{release:?}: CACHECORE_SEED={}", moments.0);
    let work = Tiny::new(release);
    let usual = work.usual_lengths();
    for ((phase, wanted), mut length) in KILLS.into_iter().zip(usual) {
        let (mut killed, mut missed) = (0, 0);
        while killed < wanted {
            if work.kill_in(phase, moments.within(length)) {
                killed += 1;
            } else {
                // It was quicker this time.
                missed += 1;
                length /= 2;
                assert!(missed < 10, "{phase:?} is over before it can be seen");
            }
        }
    }
    work.place.run("shop", &["true"]).ok();
    work.place.assert_nothing_is_left();
    let state = &work.place.status("shop")["state"];
    let remembered = state["last_builds"].as_array().unwrap().iter();
    let mut remembered: Vec<&str> = remembered
        .map(|build| build["build"].as_str().unwrap())
        .collect();
    remembered.sort();
    assert_eq!(
        work.place.names("builds"),
        remembered,
        "and of no other build"
    );
}

/// A project of a few steps, of which one is always cached and the others never, as each round has
/// another argument.
struct Tiny {
    place: Workplace,
    round: std::cell::Cell<u64>,
}

impl Tiny {
    fn new(release: Release) -> Self {
        let place = Workplace::new(release);
        std::fs::create_dir(place.path("tiny")).unwrap();
        std::fs::write(place.path("tiny/file"), "contents").unwrap();
        let dockerfile =
            "FROM box\nARG ROUND\nCOPY file /\nRUN echo $ROUND > /round\nRUN rm /file\n";
        std::fs::write(place.path("tiny/Dockerfile"), dockerfile).unwrap();
        let this = Self {
            place,
            round: 0.into(),
        };
        let first = format!("{}; {}", this.place.project.import_box(), this.startup());
        this.place.build("shop", &[], &first).ok();
        this
    }

    fn startup(&self) -> String {
        let (begun, ended) = (self.place.path("begun"), self.place.path("ended"));
        let build = format!(
            "docker build --progress=plain --build-arg ROUND={} -t tiny {}",
            self.round.get(),
            self.place.path("tiny")
        );
        format!("touch {begun}; {build}; touch {ended}")
    }

    fn begin(&self) -> Running {
        for sign in ["begun", "ended"] {
            let _ = std::fs::remove_file(self.place.path(sign));
        }
        self.place
            .spawn(self.place.build_command("shop", &[], &self.startup()))
    }

    /// How long each phase takes, by a build that is left alone.
    fn usual_lengths(&self) -> [Duration; 6] {
        self.round.set(1);
        let begun = Instant::now();
        let mut running = self.begin();
        assert!(self.reaches(Phase::Daemon, &mut running));
        let clone = begun.elapsed();
        let phases = &running.wait().ok().json()["phases_ms"];
        let length = |name: &str| Duration::from_millis(phases[name].as_u64().unwrap());
        let promotion = length("promote");
        [
            clone,
            length("daemon"),
            length("startup"),
            length("stop"),
            promotion / 2,
            promotion / 2,
        ]
    }

    /// Waits until a phase has begun. `false` if the build is over before.
    fn reaches(&self, phase: Phase, running: &mut Running) -> bool {
        let exists = |sign: &str| self.place.path(sign).exists();
        let next = self.place.generation("shop", self.generation() + 1);
        let has_begun = || match phase {
            Phase::Clone => true,
            Phase::Daemon => self
                .place
                .names("sessions")
                .iter()
                .any(|name| name.starts_with("docker-data-build-")),
            Phase::Startup => exists("begun"),
            Phase::Stop => exists("ended"),
            Phase::Promotion => self.stages().contains(&"promoting".to_owned()),
            Phase::Outcome => next.exists(),
        };
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if has_begun() {
                return true;
            }
            if running.has_ended() {
                return false;
            }
            assert!(
                Instant::now() < until,
                "the build does not get to {phase:?}"
            );
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Kills a build, looks at the golden, and runs the build again. `false` if it was over before
    /// it could be killed.
    fn kill_in(&self, phase: Phase, delay: Duration) -> bool {
        self.round.set(self.round.get() + 1);
        let serving = self.generation();
        let before = self.goldens(serving);

        let mut running = self.begin();
        let reached = self.reaches(phase, &mut running);
        std::thread::sleep(delay);
        running.signal(Signal::KILL);
        let done = running.wait();
        let killed = done.signal() == Some(9);
        assert!(killed || done.code() == Some(0), "{done:?}");
        eprintln!(
            "{:?} {phase:?} + {delay:?}: killed {killed}, left {}",
            self.place.release,
            self.left()
        );

        // The very next thing, while the kernel still takes the old daemon apart.
        let noted = self.state()["status"] != "building";
        self.a_session_starts(serving);
        if !noted {
            self.the_outcome_is_noted(serving);
        }
        self.assert_kept(&before, serving);
        let again = self.begin().wait().ok();
        let steps = steps(&again.stderr);
        assert!(
            steps.cached.iter().any(|step| step.contains("COPY file")),
            "{again:?}"
        );
        assert!(self.generation() > serving);
        self.assert_kept(&before, serving);
        let round = ["docker", "run", "--rm", "tiny", "cat", "/round"];
        if self.round.get().is_multiple_of(5) {
            let expected = format!("{}\n", self.round.get());
            assert_eq!(self.place.run("shop", &round).ok().stdout, expected);
        }
        killed && reached
    }

    fn generation(&self) -> u64 {
        let link = std::fs::read_link(self.place.root().join("golden/shop/current")).unwrap();
        let number = link.to_str().unwrap().strip_prefix("gen-").unwrap();
        number.parse().unwrap()
    }

    fn goldens(&self, generation: u64) -> [Checksum; 2] {
        [
            Checksum::of(self.place.generation("shop", generation)),
            Checksum::of(self.place.root().join("layers")),
        ]
    }

    /// The generation is as before, and so is every layer that was there; others may have come.
    fn assert_kept(&self, [golden, layers]: &[Checksum; 2], generation: u64) {
        let [golden_now, layers_now] = self.goldens(generation);
        golden.assert_same(&golden_now, "the golden");
        let known: std::collections::BTreeSet<_> =
            layers.paths().map(|path| path.iter().next()).collect();
        let is_new = |path: &std::path::Path| {
            path.iter().next().is_none() || !known.contains(&path.iter().next())
        };
        layers
            .clone()
            .without(is_new)
            .assert_same(&layers_now.without(is_new), "the layers");
    }

    /// A session of what serves now is a whole copy of it: of the generation from before, or of the
    /// next if the build was killed after its promotion.
    fn a_session_starts(&self, before: u64) {
        let start = ["--json", "session", "start", "shop", "check"];
        let report = self.place.goldenctl(start).ok().json();
        assert_eq!(report["strategy"], "link");
        let generation = report["generation"].as_u64().unwrap();
        assert!(generation == before || generation == before + 1, "{report}");
        let layers = self.place.root().join("layers");
        // What overlayfs keeps in a work folder shares inodes with the layer beside it.
        let is_work = |path: &std::path::Path| path.iter().any(|name| name == "work");
        let whole = |folder: &str| Checksum::resolved(folder, &layers).without(is_work);
        let golden = self.place.generation("shop", generation).join("docker");
        whole(golden.as_str())
            .assert_same(&whole(report["data_root"].as_str().unwrap()), "the session");
        self.place.goldenctl(["session", "rm", "check"]).ok();
    }

    /// The next command finds out what became of the build.
    fn the_outcome_is_noted(&self, before: u64) {
        let state = &self.place.status("shop")["state"];
        let (status, reason) = match self.generation() == before {
            true => (
                "failed",
                format!("the command that ran the build was killed; generation {before} serves on"),
            ),
            false => (
                "ready",
                "the build was promoted; the command that ran it was killed just after".to_owned(),
            ),
        };
        assert_eq!(
            (&state["status"], &state["reason"]),
            (&status.into(), &reason.into())
        );
    }

    /// The project's state, without a command that would change it.
    fn state(&self) -> Value {
        let state = std::fs::read(self.place.root().join("golden/shop/state.json")).unwrap();
        serde_json::from_slice(&state).unwrap()
    }

    /// The stages of the store's sessions; `starting` before there is a record.
    fn stages(&self) -> Vec<String> {
        let sessions = self.place.names("sessions").into_iter();
        let stages = sessions.map(|name| {
            let record = self
                .place
                .root()
                .join("sessions")
                .join(&name)
                .join("session.json");
            let record = std::fs::read(record).unwrap_or_default();
            let record: Value = serde_json::from_slice(&record).unwrap_or_default();
            record["stage"].as_str().unwrap_or("starting").to_owned()
        });
        stages.collect()
    }

    /// What the killed build left in the store, in a few words.
    fn left(&self) -> String {
        let state = self.state();
        let stages: Vec<String> = self
            .stages()
            .iter()
            .map(|stage| format!("a session that is {stage}"))
            .collect();
        format!(
            "status {}, {}, generation {}",
            state["status"],
            stages.join(", "),
            self.generation()
        )
    }
}

/// Random lengths of time (splitmix64, by Sebastiano Vigna).
struct Moments(u64);

impl Moments {
    fn from_environment() -> Self {
        let now = || {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
        };
        let seed = std::env::var("CACHECORE_SEED").ok();
        Self(seed.map_or_else(|| now().as_nanos() as u64, |seed| seed.parse().unwrap()))
    }

    fn within(&mut self, length: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        length.mul_f64((bits >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
