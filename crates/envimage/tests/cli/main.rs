//! The program as people call it, without an engine.

mod conversion;
mod program;
