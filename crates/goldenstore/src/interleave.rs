//! Where a command could be overtaken by another. With the feature `interleave`, which is for tests
//! only, a function of the caller's is called at each such point, and can let another thread go on;
//! without it there is nothing here.

use std::time::{Duration, Instant};

#[cfg(feature = "interleave")]
static HOOK: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();

/// Has this called before every step that others could see: whatever is looked for, opened, listed,
/// renamed, made or locked. The first one stays.
#[cfg(feature = "interleave")]
pub fn at_every_step(hook: fn()) {
    let _ = HOOK.set(hook);
}

/// How many looks are patience enough under a scheduler, where the clock means nothing: how long the
/// others take follows from the load of the machine, and which of them goes on, from the scheduler.
#[cfg(feature = "interleave")]
const LOOKS: u32 = 10_000;
/// And how many are a turn: those who wait for its end have more of them, many times over.
#[cfg(feature = "interleave")]
const LOOKS_OF_A_TURN: u32 = 300;

/// How long to wait for others, measured from where it was made.
pub(crate) struct Patience {
    until: Instant,
    #[cfg(feature = "interleave")]
    looks_left: u32,
}

impl Patience {
    pub(crate) fn of(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
            #[cfg(feature = "interleave")]
            looks_left: LOOKS,
        }
    }

    /// Patience for a time after which the same is tried again in another way.
    pub(crate) fn of_turn(time: Duration) -> Self {
        Self {
            #[cfg(feature = "interleave")]
            looks_left: LOOKS_OF_A_TURN,
            ..Self::of(time)
        }
    }

    /// Whether there is some left. To be asked once for every look at what is waited for.
    pub(crate) fn is_left(&mut self) -> bool {
        #[cfg(feature = "interleave")]
        if decided() {
            self.looks_left = self.looks_left.saturating_sub(1);
            return self.looks_left > 0;
        }
        Instant::now() < self.until
    }
}

/// Others may go on now.
#[inline]
pub(crate) fn point() {
    #[cfg(feature = "interleave")]
    if let Some(hook) = HOOK.get() {
        hook();
    }
}

/// Whether somebody decides who goes on.
pub(crate) fn decided() -> bool {
    #[cfg(feature = "interleave")]
    return HOOK.get().is_some();
    #[cfg(not(feature = "interleave"))]
    false
}

/// Lets some time pass for others.
pub(crate) fn wait(time: Duration) {
    #[cfg(feature = "interleave")]
    if let Some(hook) = HOOK.get() {
        return hook();
    }
    std::thread::sleep(time);
}
