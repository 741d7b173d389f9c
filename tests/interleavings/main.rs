//! The store's commands in thousands of orders. A scheduler decides at every step that others could
//! see (a lock, a lookup, a rename) which command goes on, so an order that fails can be had again:
//! the message names its seed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod commands;
mod scene;
mod schedule;
