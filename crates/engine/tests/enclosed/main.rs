//! Private daemons of real engines: what they do, and that nothing of them stays behind.
//!
//! Needs root, and engines in `$CACHECORE_ENGINE_DIR` or `<repository>/.engine`.
// Times to readiness are worth seeing with --nocapture.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod commands;
mod deaths;
mod holder;
mod kit;
mod lifecycle;
mod nat;
mod refusals;
mod walls;

/// Runs each test function on each engine.
macro_rules! on_each_engine {
    ($($test:ident),+ $(,)?) => {
        mod engine_26_1 {
            $(#[test] fn $test() { super::$test(crate::kit::Kit::new("26.1")); })+
        }
        mod engine_20_10 {
            $(#[test] fn $test() { super::$test(crate::kit::Kit::new("20.10")); })+
        }
    };
}
use on_each_engine;
