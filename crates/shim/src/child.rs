//! The real program as a child, for commands after which something is left to do.
//!
//! What a terminal sends, it sends to both. What is sent to the shim alone is passed on. The shim itself
//! ends only after its child, and as that did.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

/// Runs a command to its end.
///
/// # Errors
/// If it cannot be started.
pub(crate) fn run(command: &mut Command) -> io::Result<ExitStatus> {
    // Before the child is there, so that no signal ends the shim alone.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])?;
    let mut child = command.spawn()?;
    let handle = signals.handle();
    let pid = pid_of(&child);
    let passing_on = std::thread::spawn(move || {
        for signal in &mut signals {
            let is_for_both = matches!(signal, SIGINT | SIGQUIT) && is_in_foreground();
            if let (false, Some(pid), Some(signal)) =
                (is_for_both, pid, Signal::from_named_raw(signal))
            {
                let _ = kill_process(pid, signal);
            }
        }
    });
    let status = child.wait();
    handle.close();
    let _ = passing_on.join();
    status
}

fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// Whether a terminal sends Ctrl-C to the shim and its child alike.
fn is_in_foreground() -> bool {
    let group = getpgrp();
    let asked = [
        rustix::termios::tcgetpgrp(io::stdin()),
        rustix::termios::tcgetpgrp(io::stderr()),
    ];
    asked.into_iter().any(|foreground| foreground == Ok(group))
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
