//! Exit codes of the programs. A command that somebody else was given to run passes its own code on as it is.

/// It worked.
pub const OK: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// The command line, or the file that it names, makes no sense.
pub const USAGE: u8 = 2;
/// What was named is not there.
pub const NOT_FOUND: u8 = 3;
/// Somebody else holds it, or the name is taken.
pub const BUSY: u8 = 4;
/// What is on disk is not what it should be.
pub const INTEGRITY: u8 = 5;
/// It was interrupted by SIGINT (128 and the signal, as in a shell).
pub const INTERRUPTED: u8 = 130;
