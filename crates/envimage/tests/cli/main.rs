//! The program as people call it, without an engine.
#![allow(clippy::unwrap_used)]

mod check;
mod conversion;
mod program;
mod specs;
