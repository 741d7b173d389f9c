//! The bolt reader against files: made by `testbed`'s writer, by real engines, and broken ones.

mod broken;
mod fuzz;
mod reading;
mod walk;
