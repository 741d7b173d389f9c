//! The shim in front of real programs, daemons and builders. Needs root and `scripts/engine`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod cache;
mod cache_surroundings;
mod compose;
mod compose_double;
mod daemon_double;
mod doctor;
mod image;
mod inherited;
mod install;
mod load;
mod load_flags;
mod load_memory;
mod load_registry;
mod load_trouble;
mod load_ways;
mod lot;
mod mutations;
mod passage;
mod plugin;
mod recorder;
mod relay;
mod requests;
mod seats;
mod secrets;
mod surroundings;
mod terminal;
