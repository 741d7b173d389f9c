//! Ctrl-C and its relatives: what a command is doing decides how it ends.
//!
//! Work that takes long looks at a flag, undoes what it began, and says what is kept ([`watch`]). What
//! is short, or cannot look at anything, ends at once and says that too ([`end_at_once`]): the store is
//! made for commands that are killed. Whoever asks twice does not wait for either.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::cli::LogFormat;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::{exit, show};

const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Whether work looks at a flag.
static WATCHED: AtomicBool = AtomicBool::new(false);
/// Set by any signal, also by one that came just before somebody looked.
static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Who else hears SIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interactive {
    /// Nobody: the first one ends the work.
    No,
    /// The command on the same terminal, which may want to live on (a shell does): it is the
    /// command's to answer, and the second one ends the work.
    Yes,
}

/// Ends the process when it is asked to, with a sentence about what is kept, until [`watch`] is called.
pub(crate) fn end_at_once(kept: Kept, format: LogFormat) {
    for signal in SIGNALS {
        warn_of(flag::register(signal, Arc::clone(&ASKED)).map(drop));
    }
    let interrupted = Failure::Interrupted { kept };
    on_each_signal(&SIGNALS, move || {
        if !WATCHED.load(Ordering::SeqCst) {
            show::failure(&interrupted, format);
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
    });
}

/// Sets the flag when the process is asked to end. The caller undoes what it began and returns. Asked
/// once more, the process ends at once; what it leaves is made good by the next command, as after a
/// kill.
pub(crate) fn watch(interactive: Interactive) -> Arc<AtomicBool> {
    let watched = Arc::new(AtomicBool::new(false));
    for signal in SIGNALS {
        // In this order, or the first would end the process.
        let mut registered = flag::register_conditional_default(signal, Arc::clone(&watched));
        if signal != SIGINT || interactive == Interactive::No {
            registered = registered.and_then(|_| flag::register(signal, Arc::clone(&watched)));
        }
        warn_of(registered.map(drop));
    }
    if interactive == Interactive::Yes {
        let (flag, mut left_to_the_command) = (Arc::clone(&watched), true);
        on_each_signal(&[SIGINT], move || {
            if !std::mem::take(&mut left_to_the_command) {
                flag.store(true, Ordering::SeqCst);
            }
        });
    }
    WATCHED.store(true, Ordering::SeqCst);
    if ASKED.load(Ordering::SeqCst) {
        watched.store(true, Ordering::SeqCst);
    }
    watched
}

/// Does something at each signal, in a thread of its own. Where that cannot be, signals end the process
/// as they always do.
fn on_each_signal(signals: &[i32], mut act: impl FnMut() + Send + 'static) {
    let listening = Signals::new(signals).and_then(|mut signals| {
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || signals.forever().for_each(|_| act()))
    });
    warn_of(listening.map(drop));
}

fn warn_of(registered: std::io::Result<()>) {
    if let Err(error) = registered {
        tracing::warn!(%error, "signals cannot be watched");
    }
}
