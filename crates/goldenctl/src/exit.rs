//! Exit codes. A command that `run` or `build` was given passes its own code on as it is.

pub use cachecore::exit::{BUSY, FAILED, INTEGRITY, INTERRUPTED, NOT_FOUND, OK, USAGE};
use goldenstore::ErrorClass;

/// A command was there and could not be executed (as in a shell).
pub const NOT_EXECUTABLE: u8 = 126;
/// A command was not there (as in a shell).
pub const COMMAND_NOT_FOUND: u8 = 127;

/// The code of a failed store operation.
pub fn of_class(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Failed => FAILED,
        ErrorClass::NotFound => NOT_FOUND,
        ErrorClass::Busy => BUSY,
        ErrorClass::Integrity => INTEGRITY,
        ErrorClass::Usage => USAGE,
    }
}

/// The code that a command's end is passed on as: its own, or 128 and the signal that ended it.
pub fn of_status(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(FAILED)
}
