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

/// How long to wait for others, measured from where it was made.
pub(crate) struct Patience {
    until: Instant,
    #[cfg(feature = "interleave")]
    looks: u32,
}

impl Patience {
    pub(crate) fn of(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
            #[cfg(feature = "interleave")]
            looks: 0,
        }
    }

    /// Whether there is some left. To be asked once for every look at what is waited for.
    pub(crate) fn is_left(&mut self) -> bool {
        #[cfg(feature = "interleave")]
        if is_scheduled() {
            self.looks += 1;
            return self.looks < LOOKS;
        }
        Instant::now() < self.until
    }
}

/// Whether a function of the caller's decides who goes on.
#[inline]
pub(crate) fn is_scheduled() -> bool {
    #[cfg(feature = "interleave")]
    return HOOK.get().is_some();
    #[cfg(not(feature = "interleave"))]
    false
}

/// Others may go on now.
#[inline]
pub(crate) fn point() {
    #[cfg(feature = "interleave")]
    if let Some(hook) = HOOK.get() {
        hook();
    }
}

/// Lets some time pass for others.
pub(crate) fn wait(time: Duration) {
    #[cfg(feature = "interleave")]
    if let Some(hook) = HOOK.get() {
        return hook();
    }
    std::thread::sleep(time);
}
