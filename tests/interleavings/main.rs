//! The store's commands in thousands of orders. A scheduler decides at every step that others could
//! see (a lock, a lookup, a rename) which command goes on, so an order that fails can be had again:
//! the orders are the same every time, and a failure names the seed that draws them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod commands;
mod relay;
mod scene;
mod schedule;
