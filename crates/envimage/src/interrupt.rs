//! Ctrl-C and its relatives.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that is set when the process is asked to end. Asked once more, it ends at once; what it leaves is
/// made good by the next one, as after a kill.
pub(crate) fn flag() -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order, or the first would end the process.
        let registered = flag::register_conditional_default(signal, Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)));
        if let Err(error) = registered {
            tracing::warn!(%error, signal, "the signal ends this process at once");
        }
    }
    asked
}
