//! One line of progress for work that takes longer than a second, on a terminal only.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use goldenstore::Observer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::show;

/// What is done in less is over before a line could be read.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(150);

/// Shows what is being done, and ends the work on trees when the process is asked to end.
pub(crate) struct Progress {
    interrupted: Arc<AtomicBool>,
    work: Arc<Work>,
    painter: Option<JoinHandle<()>>,
}

/// What the painter and the workers share.
#[derive(Default)]
struct Work {
    phase: Mutex<Phase>,
    changed: Condvar,
    entries: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Default)]
struct Phase {
    /// What is being done, since when; nothing while somebody else writes to the terminal.
    now: Option<(&'static str, Instant)>,
    /// Whether the line stands on the terminal.
    shown: bool,
    over: bool,
}

impl Work {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Phase)) {
        change(&mut self.phase());
        self.changed.notify_all();
    }
}

impl Progress {
    /// Progress of work with this name.
    pub(crate) fn new(what: &'static str, interrupted: Arc<AtomicBool>) -> Self {
        let work = Arc::new(Work::default());
        let painter = std::io::stderr().is_terminal().then(|| {
            let work = Arc::clone(&work);
            std::thread::spawn(move || paint(&work))
        });
        let progress = Self {
            interrupted,
            work,
            painter,
        };
        progress.phase(what);
        progress
    }

    /// Begins another part of the work.
    pub(crate) fn phase(&self, what: &'static str) {
        self.work.entries.store(0, Ordering::Relaxed);
        self.work.bytes.store(0, Ordering::Relaxed);
        self.work
            .change(|phase| phase.now = Some((what, Instant::now())));
    }

    /// Leaves the terminal to somebody else until the next phase.
    pub(crate) fn pause(&self) {
        self.work.change(|phase| phase.now = None);
        let mut phase = self.work.phase();
        while phase.shown {
            phase = self
                .work
                .changed
                .wait(phase)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Draws the line until the work is over.
fn paint(work: &Work) {
    let mut bar: Option<ProgressBar> = None;
    let mut phase = work.phase();
    while !phase.over {
        match phase.now {
            Some((what, since)) if since.elapsed() >= PATIENCE => {
                let bar = bar.get_or_insert_with(new_bar);
                bar.set_message(describe(what, since, work));
                bar.tick();
            }
            _ => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
        phase.shown = bar.is_some();
        work.changed.notify_all();
        phase = work
            .changed
            .wait_timeout(phase, TICK)
            .map_or_else(|e| e.into_inner().0, |(phase, _)| phase);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{spinner} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn describe(what: &str, since: Instant, work: &Work) -> String {
    let elapsed = since.elapsed();
    let bytes = work.bytes.load(Ordering::Relaxed);
    let entries = work.entries.load(Ordering::Relaxed);
    let took = show::duration(Duration::from_secs(elapsed.as_secs()));
    if entries == 0 {
        return format!("{what} ({took})");
    }
    let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
    format!(
        "{what}: {} in {entries} entries ({}/s, {took})",
        show::size(bytes),
        show::size(rate as u64)
    )
}

impl Observer for Progress {
    fn advanced(&self, entries: u64, bytes: u64) {
        self.work.entries.fetch_add(entries, Ordering::Relaxed);
        self.work.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.work.change(|phase| phase.over = true);
        if let Some(painter) = self.painter.take() {
            // A painter that panicked has drawn what it could.
            let _ = painter.join();
        }
    }
}
