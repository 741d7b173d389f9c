//! The program as people call it, without an engine.
#![allow(clippy::unwrap_used)]

mod conversion;
mod program;
mod specs;
