//! Kills an operation at random moments of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use goldenstore::StoreError;
use testbed::checksum::Checksum;

use crate::child::{End, Task, Worker};
use crate::keeper::Keeper;
use crate::layers_on_disk::stamps;

/// How often each operation is killed.
pub(super) const KILLS: u32 = 50;
/// How often it is let finish first, to learn how long it takes.
pub(super) const PRACTICE: u32 = 2;
/// Names the seed of an earlier run.
const SEED: &str = "CACHECORE_TEST_SEED";

/// When to kill.
struct Moments {
    seed: u64,
    state: u64,
    usual: Duration,
    landed: u32,
}

impl Moments {
    fn new(operation: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = match std::env::var(SEED) {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => u64::from(now.subsec_nanos()) + 1,
        };
        let this = Self {
            seed,
            state: seed,
            usual: Duration::ZERO,
            landed: 0,
        };
        this.tell(operation);
        this
    }

    #[expect(
        clippy::print_stderr,
        reason = "whoever looks into a failure needs the seed"
    )]
    fn tell(&self, operation: &str) {
        let Self {
            seed,
            usual,
            landed,
            ..
        } = self;
        eprintln!("{operation}: {SEED}={seed}, {landed} killed, usually {usual:?}");
    }

    /// Between nothing and the usual duration; every other time more likely early, where the steps
    /// are short.
    fn next(&mut self, nth: u32) -> Duration {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        #[expect(clippy::cast_precision_loss, reason = "a share of 2^20 is exact")]
        let share = (self.state % (1 << 20)) as f64 / f64::from(1 << 20);
        let share = if nth.is_multiple_of(2) {
            share
        } else {
            share * share
        };
        self.usual.mul_f64(share)
    }

    fn note(&mut self, end: &End) {
        match end {
            End::Killed => self.landed += 1,
            // The machine has become faster: aim earlier.
            End::Done(time) => self.usual = self.usual.min(*time),
        }
    }
}

/// What must be the same after a kill as before it.
struct Standing {
    golden: Checksum,
    session: Checksum,
    layers: std::collections::BTreeMap<String, [crate::layers_on_disk::Untouched; 2]>,
}

impl Standing {
    fn of(keeper: &Keeper, golden: &Utf8Path) -> Self {
        Self {
            golden: Checksum::of(golden),
            session: Checksum::of(keeper.data_root("live")),
            layers: stamps(keeper),
        }
    }

    #[track_caller]
    fn assert_same(&self, keeper: &Keeper, golden: &Utf8Path) {
        self.golden.assert_same(&Checksum::of(golden), "the golden");
        let session = Checksum::of(keeper.data_root("live"));
        self.session.assert_same(&session, "the live session");
        let now = stamps(keeper);
        for (name, stamp) in &self.layers {
            assert_eq!(now.get(name), Some(stamp), "layer {name} was touched");
        }
    }
}

/// Kills an operation many times. `prepare` sets a round up and gives its task; `check` gets what the
/// same task answers when it runs again, and looks at its effect.
pub(super) fn kill_often(
    keeper: &Keeper,
    operation: &str,
    mut prepare: impl FnMut(u32) -> Task,
    mut check: impl FnMut(u32, Result<(), StoreError>),
) {
    let mut moments = Moments::new(operation);
    // Whoever lives through all of it.
    keeper.start("api", "live");
    let live = keeper.seen(keeper.data_root("live"));
    let first = keeper.seen(keeper.generation("api", 1));
    let kills = keeper.place.times(KILLS);
    for nth in 0..PRACTICE + kills {
        let task = prepare(nth);
        let current = keeper.current("api").unwrap();
        let golden = keeper.generation("api", current);
        let standing = Standing::of(keeper, &golden);

        let worker = Worker::begin(&task, &keeper.root());
        if nth < PRACTICE {
            let (time, said) = worker.finish();
            assert_eq!(said, "well", "{operation} {nth}");
            moments.usual = moments.usual.max(time);
        } else {
            let moment = moments.next(nth);
            moments.note(&worker.kill_after(moment));
        }

        standing.assert_same(keeper, &golden);
        check(nth, task.perform(&keeper.root()));
        if nth % 5 == 4 || nth == PRACTICE + kills - 1 {
            // One more command, and nothing is left of all that was killed.
            keeper.start("api", "next");
            keeper.remove("next").unwrap();
            keeper.assert_tidy();
        }
        let sessions = keeper.store.list_sessions().unwrap();
        assert_eq!(
            sessions.len(),
            1,
            "only the live session is left: {sessions:?}"
        );
    }
    live.assert_same(&keeper.seen(keeper.data_root("live")), "the live session");
    first.assert_same(
        &keeper.seen(keeper.generation("api", 1)),
        "the first generation",
    );
    moments.tell(operation);
    assert!(
        moments.landed >= kills / 4,
        "only {} of {kills} kills came before the end",
        moments.landed
    );
}
