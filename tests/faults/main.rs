//! Every fault, at every point, in every command: a system call of `goldenctl` fails, or the kernel
//! kills it there. Afterwards the same command, run again without a fault, and a collection give the
//! same store as if nothing had happened; and in between every earlier golden and live session is
//! what it was. Or somebody presses Ctrl-C there, which ends the command with a sentence about what is
//! kept.
//!
//! strace(1) is what makes the calls fail, so the program under test is the program that is shipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod builds;
mod commands;
mod host;
mod interrupted;
mod picture;
mod scene;
mod tracer;
mod walk;
