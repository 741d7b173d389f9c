//! The real program as a child, for commands after which something is left to do.
//!
//! What a terminal sends, it sends to both. What is sent to the shim alone is passed on. The shim itself
//! ends only after its child, and as that did; if it is killed, so is the child.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::inherited;
use crate::relay::Relay;

/// Runs a command to its end.
///
/// # Errors
/// If it cannot be started.
pub(crate) fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let relay = Relay::begin();
    inherited::give_to(command);
    let mut child = command.spawn()?;
    relay.to(child.id());
    // Its number is its own until it has been waited for.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let until_it_ends = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), until_it_ends) {}
    }
    relay.to_nobody();
    child.wait()
}

/// Ends as a child has ended: with its code, or by its signal.
pub(crate) fn end_as(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        // Does not return, unless the signal ends nobody.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        return ExitCode::from(128u8.wrapping_add(signal as u8));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
