//! Where a command could be overtaken by another. With the feature `interleave`, which is for tests
//! only, a function of the caller's is called at each such point, and can let another thread go on;
//! without it there is nothing here.

use std::time::Duration;

#[cfg(feature = "interleave")]
static HOOK: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();

/// Has this called before every step that others could see: whatever is looked for, opened, listed,
/// renamed, made or locked. The first one stays.
#[cfg(feature = "interleave")]
pub fn at_every_step(hook: fn()) {
    let _ = HOOK.set(hook);
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
