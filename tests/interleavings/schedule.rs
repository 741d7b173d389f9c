//! Runs commands side by side, in orders that a scheduler draws by lot.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use goldenstore::StoreError;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

use crate::scene::Scene;

/// How many orders of each set of commands: half of them uniformly random, half with few changes
/// between commands, which finds what takes a rare order (Burckhardt et al., "A Randomized Scheduler
/// with Probabilistic Guarantees of Finding Bugs", 2010).
const VARIABLE: &str = "CACHECORE_INTERLEAVINGS";
const ORDERS: usize = 300;

/// Which orders are drawn: the same ones every time, unless this says otherwise.
const SEED_VARIABLE: &str = "CACHECORE_INTERLEAVINGS_SEED";
const SEED: u64 = 20_100_313;

/// Changes between commands that a drawn order has.
const CHANGES: usize = 4;

/// Frames of a debug build are large.
const STACK: usize = 1 << 20;

/// One command of a set.
pub(crate) type Command = fn(&Scene) -> Result<(), StoreError>;

/// Runs the commands in many orders. Afterwards `check` is told how each of them ended, and the store
/// must be whole. Gives which of them succeeded, for every way that came about.
pub(crate) fn interleave(
    commands: &'static [Command],
    check: fn(&Scene, &[Result<(), StoreError>]),
) -> BTreeSet<Vec<bool>> {
    interleave_one_in(1, commands, check)
}

/// As [`interleave`], with a share of the orders: for commands that wait long for each other.
pub(crate) fn interleave_one_in(
    share: usize,
    commands: &'static [Command],
    check: fn(&Scene, &[Result<(), StoreError>]),
) -> BTreeSet<Vec<bool>> {
    goldenstore::at_every_step(shuttle::thread::yield_now);
    let orders = std::env::var(VARIABLE)
        .ok()
        .map_or(ORDERS, |value| value.parse().unwrap());
    let seed = std::env::var(SEED_VARIABLE)
        .ok()
        .map_or(SEED, |value| value.parse().unwrap());
    let _told = Told { seed, orders };
    let scene = Arc::new(alone(Scene::new));
    let ends = Arc::new(Mutex::new(BTreeSet::new()));
    let check = {
        let ends = Arc::clone(&ends);
        move |scene: &Scene, ended: &[Result<(), StoreError>]| {
            check(scene, ended);
            let succeeded: Vec<bool> = ended.iter().map(Result::is_ok).collect();
            ends.lock().unwrap().insert(succeeded);
        }
    };
    let half = orders.div_ceil(2 * share);
    let random = RandomScheduler::new_from_seed(seed, half);
    run(random, commands, check.clone(), &scene);
    let few_changes = PctScheduler::new_from_seed(seed, CHANGES, half);
    run(few_changes, commands, check, &scene);
    let ends = ends.lock().unwrap();
    ends.clone()
}

/// Says how to have the same orders again, where one of them fails.
struct Told {
    seed: u64,
    orders: usize,
}

impl Drop for Told {
    #[expect(clippy::print_stderr, reason = "the message of a test that fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, orders } = self;
            eprintln!("the same orders again: {SEED_VARIABLE}={seed} {VARIABLE}={orders}");
        }
    }
}

/// Does work that takes steps, where nobody else is: a step can be taken under a scheduler only.
fn alone<T: Send + Sync + 'static>(work: fn() -> T) -> T {
    let made = Arc::new(Mutex::new(None));
    let place = Arc::clone(&made);
    let mut config = Config::new();
    config.stack_size = STACK;
    Runner::new(RandomScheduler::new_from_seed(0, 1), config).run(move || {
        *place.lock().unwrap() = Some(work());
    });
    made.lock().unwrap().take().unwrap()
}

fn run(
    scheduler: impl Scheduler + 'static,
    commands: &'static [Command],
    check: impl Fn(&Scene, &[Result<(), StoreError>]) + Send + Sync + 'static,
    scene: &Arc<Scene>,
) {
    let mut config = Config::new();
    config.stack_size = STACK;
    let scene = Arc::clone(scene);
    Runner::new(scheduler, config).run(move || {
        scene.reset();
        let running: Vec<_> = commands
            .iter()
            .map(|command| {
                let scene = Arc::clone(&scene);
                shuttle::thread::spawn(move || command(&scene))
            })
            .collect();
        let ended: Vec<_> = running.into_iter().map(|run| run.join().unwrap()).collect();
        check(&scene, &ended);
        scene.assert_whole();
    });
}
