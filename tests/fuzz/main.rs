//! Arbitrary input for what reads data roots that strangers wrote: nothing panics, nothing takes for
//! ever, and no plan names anything outside.
//!
//! `CACHECORE_FUZZ_INPUTS` says how many inputs the pure part gets; the default takes seconds. A
//! failure names its seed, and `CACHECORE_FUZZ_SEED` begins with it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod commands;
mod conversions;
mod decisions;
mod lots;
mod specs;
mod tarsplit;
mod trees;

/// How many inputs a test gets, a share of what is asked for.
fn inputs(default: u64) -> u64 {
    std::env::var("CACHECORE_FUZZ_INPUTS").map_or(default, |text| text.parse().unwrap())
}

/// The seed that a test begins with.
fn seed() -> u64 {
    std::env::var("CACHECORE_FUZZ_SEED").map_or(1, |text| text.parse().unwrap())
}
