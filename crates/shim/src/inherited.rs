//! What the process was started with and Rust's runtime changes before `main` runs, for what it becomes or
//! starts.
//!
//! The runtime ignores SIGPIPE, which `Command` sets to its default in a child, and opens `/dev/null` for a
//! standard stream that is closed. Who had SIGPIPE ignored or stdin closed has it so behind the shim too.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::c_int;

/// Whether SIGPIPE was ignored.
static PIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);
/// Which of stdin, stdout and stderr were closed.
static WERE_CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// Runs before Rust's runtime does: the loader calls what stands in this section.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = {
    extern "C" fn look() {
        PIPE_WAS_IGNORED.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
        for (number, closed) in (0..).zip(&WERE_CLOSED) {
            // SAFETY: asks for a descriptor's flags, whether there is one or not.
            let is_closed = unsafe { libc::fcntl(number, libc::F_GETFD) } < 0;
            closed.store(is_closed, Ordering::Relaxed);
        }
    }
    look
};

/// Whether a signal is ignored.
pub(crate) fn is_ignored(signal: c_int) -> bool {
    // SAFETY: an action of zeros is valid, and with no new action only the old one is written.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Makes all of it as it was. What follows is to be `execve`: standard streams may be closed.
pub(crate) fn restore() {
    let action = if PIPE_WAS_IGNORED.load(Ordering::Relaxed) {
        libc::SIG_IGN
    } else {
        libc::SIG_DFL
    };
    // SAFETY: neither of the two is a function.
    unsafe { libc::signal(libc::SIGPIPE, action) };
    for (number, closed) in (0..).zip(&WERE_CLOSED) {
        if closed.load(Ordering::Relaxed) {
            // SAFETY: the runtime has put `/dev/null` there, and nobody uses it from here on.
            unsafe { libc::close(number) };
        }
    }
}

/// Has a command start with all of it as it was, and end if this process is killed.
pub(crate) fn give_to(command: &mut Command) {
    let above = std::process::id();
    let prepare = move || {
        restore();
        // SAFETY: neither call takes memory.
        let is_orphan = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            u32::try_from(libc::getppid()) != Ok(above)
        };
        if is_orphan {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls only, and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}
