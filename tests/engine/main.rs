//! goldenctl on real Docker engines, 26.1 and 20.10.
//!
//! Needs root, and the engines that `scripts/engine` sets up. Nothing here reaches the network.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests, and the seed of random ones is worth seeing"
)]

mod build_steps;
mod containerd_elsewhere;
mod containerd_store;
mod faulty_build;
mod full_session;
mod full_session_on_disks;
mod golden_build;
mod host;
mod interrupted_build;
mod killed_build;
mod live_daemon;
mod progress;
mod run;
mod soak;
mod triggers;
mod verification;

/// Runs each test function on each engine.
macro_rules! on_each_engine {
    ($($test:ident),+ $(,)?) => {
        mod engine_26_1 {
            $(#[test] fn $test() { super::$test(testbed::engines::Release::V26_1); })+
        }
        mod engine_20_10 {
            $(#[test] fn $test() { super::$test(testbed::engines::Release::V20_10); })+
        }
    };
}
use on_each_engine;
