//! The shim in front of real programs, daemons and builders. Needs root and `scripts/engine`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod inherited;
mod load;
mod mutations;
mod passage;
mod recorder;
mod relay;
mod seats;
mod terminal;
