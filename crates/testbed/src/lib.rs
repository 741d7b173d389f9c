//! What the tests of this workspace stand on. Development only; whatever cannot be set up here ends
//! the test with a panic.
//!
//! - [`dataroot`]: data roots as a stopped dockerd leaves them, made on disk without one
//! - [`bolt`]: bolt databases, written by code that shares nothing with their reader
//! - [`checksum`]: a second opinion on trees, which shares no code with what it judges
//! - [`disk`]: a filesystem of a chosen kind in a file
//! - [`engines`]: real Docker engines, and sessions on them
//! - [`ground`]: a folder on a real disk to work in
//! - [`mounted`]: a filesystem that is mounted for as long as a test needs it
//! - [`stack`]: daemons and builders of sessions that share builds
//! - [`stopwatch`]: how long a program takes, for benchmarks
//! - [`waiting_request`]: a request for a golden build that waits
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its ground ends there"
)]

pub mod bolt;
pub mod checksum;
pub mod dataroot;
pub mod disk;
pub mod engines;
pub mod ground;
pub mod mounted;
pub mod stack;
pub mod stopwatch;
pub mod waiting_request;
