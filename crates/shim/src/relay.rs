//! Signals that are sent to the shim while a child does its work, passed on to that.
//!
//! What is ignored (`nohup`, a shell's background) is never caught, so that the child has it ignored too.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use libc::{c_int, c_void, sigaction, siginfo_t};

use crate::inherited::is_ignored;

/// What is passed on to a child: whatever asks a program to end, go on or look again.
const PASSED_ON: [c_int; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCONT,
    libc::SIGWINCH,
];

/// The child that signals are passed on to, or 0.
static CHILD: AtomicI32 = AtomicI32::new(0);
/// Signals that came while no child was known, a bit each.
static EARLY: AtomicU64 = AtomicU64::new(0);

/// Whether somebody has asked the child or the shim to end since the last relay was made.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether a signal that ends programs has come since the last relay was made.
pub(crate) fn was_asked_to_end() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Catches signals for a child, until it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    before: Vec<(c_int, Action)>,
}

struct Action(sigaction);

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("action")
    }
}

impl Relay {
    /// Catches what is not ignored. Before the child is there, so that no signal ends the shim alone.
    pub(crate) fn begin() -> Self {
        EARLY.store(0, Ordering::SeqCst);
        CHILD.store(0, Ordering::SeqCst);
        ENDING.store(false, Ordering::SeqCst);
        let before = PASSED_ON.into_iter().filter_map(|signal| {
            if is_ignored(signal) {
                return None;
            }
            // SAFETY: actions of zeros are valid, and the handler does only what a handler may.
            let before = unsafe {
                let mut action: sigaction = std::mem::zeroed();
                let mut before: sigaction = std::mem::zeroed();
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = pass_on;
                action.sa_sigaction = handler as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
                libc::sigemptyset(&mut action.sa_mask);
                libc::sigaction(signal, &action, &mut before);
                before
            };
            Some((signal, Action(before)))
        });
        Self {
            before: before.collect(),
        }
    }

    /// Passes on to this child from now on, and what has come already.
    pub(crate) fn to(&self, child: u32) {
        let child = child as i32;
        CHILD.store(child, Ordering::SeqCst);
        let early = EARLY.swap(0, Ordering::SeqCst);
        for signal in PASSED_ON {
            if early & (1 << signal) != 0 {
                // SAFETY: sends a signal to a child that has not been waited for.
                unsafe { libc::kill(child, signal) };
            }
        }
    }

    /// The child has ended: its number may soon be another's.
    pub(crate) fn to_nobody(&self) {
        CHILD.store(0, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.to_nobody();
        for (signal, Action(before)) in &self.before {
            // SAFETY: the action is one that was there before.
            unsafe { libc::sigaction(*signal, before, std::ptr::null_mut()) };
        }
        // What came after the child had ended is for the shim.
        let late = EARLY.swap(0, Ordering::SeqCst);
        for signal in PASSED_ON
            .into_iter()
            .filter(|signal| late & (1 << signal) != 0)
        {
            // SAFETY: the process sends itself a signal.
            unsafe { libc::raise(signal) };
        }
    }
}

/// What the kernel sends, a terminal's Ctrl-C and the end of a session, it sends to the child as well; only
/// that a terminal was closed it says to the session's leader alone.
extern "C" fn pass_on(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    if [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM].contains(&signal) {
        ENDING.store(true, Ordering::SeqCst);
    }
    // SAFETY: with SA_SIGINFO the kernel says who sent it; `errno` is the interrupted code's.
    unsafe {
        let by_kernel = info
            .as_ref()
            .is_some_and(|info| info.si_code == libc::SI_KERNEL);
        if by_kernel && !(signal == libc::SIGHUP && libc::getsid(0) == libc::getpid()) {
            return;
        }
        let errno = *libc::__errno_location();
        match CHILD.load(Ordering::SeqCst) {
            0 => drop(EARLY.fetch_or(1 << signal, Ordering::SeqCst)),
            child => drop(libc::kill(child, signal)),
        }
        *libc::__errno_location() = errno;
    }
}
