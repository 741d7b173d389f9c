//! Ctrl-C and its relatives.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit;

/// A flag that is set when the process is asked to end. Asked once more, it ends at once; what it leaves is
/// made good by the next one, as after a kill. It also ends at once while `idle` is set: then nothing runs that
/// would have to be ended first, and a daemon that does not answer keeps nobody waiting.
pub(crate) fn flag(idle: &Arc<AtomicBool>) -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order, or the first would end the process.
        let code = i32::from(exit::INTERRUPTED);
        let registered = flag::register_conditional_shutdown(signal, code, Arc::clone(idle))
            .and_then(|_| flag::register_conditional_default(signal, Arc::clone(&asked)))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)));
        if let Err(error) = registered {
            tracing::warn!(%error, signal, "the signal ends this process at once");
        }
    }
    asked
}
