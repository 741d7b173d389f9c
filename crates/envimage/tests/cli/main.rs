//! The program as people call it, without an engine.
#![allow(clippy::unwrap_used)]

mod answering;
mod bad_input;
mod check;
mod conversion;
mod program;
mod specs;
mod split;
