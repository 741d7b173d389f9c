//! What parts a builder from whoever starts it: the only unsafe code of this crate.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{Errno, FdFlags};

/// The first descriptor that is no standard stream.
const FIRST: RawFd = 3;

/// Puts the program out of reach of the terminal and of this process's group, before it runs: a
/// terminal that is closed the moment after would end it.
pub(super) fn own_session(command: &mut Command) {
    let prepare = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. This is one system call,
    // and an error made out of its errno.
    unsafe { command.pre_exec(prepare) };
}

/// Keeps what this process was started with, standard streams apart, from whatever it starts from now
/// on. The standard library does so with all that it opens.
pub(super) fn keep_descriptors() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        if number < FIRST {
            continue;
        }
        // SAFETY: the number is not -1, and whether it is open shows in the answer. Whose descriptor it
        // is makes no difference: this one flag only matters when a program is executed, and everything
        // of ours has it.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        match rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC) {
            // Closed meanwhile, such as the one that lists them.
            Ok(()) | Err(Errno::BADF) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
