//! Ctrl-C and its relatives, turned into a flag that long work looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Who else hears SIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interactive {
    /// Nobody: the first one ends the work.
    No,
    /// The command on the same terminal, which may want to live on (a shell does): it is the
    /// command's to answer, and the second one ends the work.
    Yes,
}

/// Sets the flag when the process is asked to end. The caller undoes what it began and returns.
///
/// Where signals cannot be watched the flag is never set, and a signal ends the process at once;
/// what it leaves is made good by the next command, as after a kill.
pub(crate) fn watch(interactive: Interactive) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(mut signals) => {
            let flag = Arc::clone(&flag);
            std::thread::spawn(move || {
                let mut left_to_the_command = interactive == Interactive::Yes;
                for signal in signals.forever() {
                    if signal == SIGINT && left_to_the_command {
                        left_to_the_command = false;
                        continue;
                    }
                    flag.store(true, Ordering::SeqCst);
                }
            });
        }
        Err(error) => tracing::warn!(%error, "signals cannot be watched"),
    }
    flag
}
