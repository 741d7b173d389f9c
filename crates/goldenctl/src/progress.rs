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
    expected_entries: AtomicU64,
    expected_bytes: AtomicU64,
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
        for count in [
            &self.work.entries,
            &self.work.bytes,
            &self.work.expected_entries,
            &self.work.expected_bytes,
        ] {
            count.store(0, Ordering::Relaxed);
        }
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
    match ProgressStyle::with_template("{spinner} {wide_msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn describe(what: &str, since: Instant, work: &Work) -> String {
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let line = Line {
        what,
        elapsed: since.elapsed(),
        entries: count(&work.entries),
        bytes: count(&work.bytes),
        expected_entries: count(&work.expected_entries),
        expected_bytes: count(&work.expected_bytes),
    };
    line.text()
}

/// What one drawing of the line says.
struct Line<'a> {
    what: &'a str,
    elapsed: Duration,
    entries: u64,
    bytes: u64,
    expected_entries: u64,
    expected_bytes: u64,
}

impl Line<'_> {
    fn text(&self) -> String {
        let whole_seconds = Duration::from_secs(self.elapsed.as_secs());
        let what = self.what;
        let took = show::duration(whole_seconds);
        if self.entries == 0 && self.bytes == 0 {
            return format!("{what} ({took})");
        }
        let seconds = self.elapsed.as_secs_f64().max(0.001);
        let done = if self.bytes > 0 {
            let of = match self.expected_bytes {
                0 => String::new(),
                expected => format!(" of {}", show::size(expected)),
            };
            let rate = show::size((self.bytes as f64 / seconds) as u64);
            format!("{}{of} ({rate}/s", show::size(self.bytes))
        } else {
            let rate = (self.entries as f64 / seconds) as u64;
            format!("{} entries ({rate}/s", self.entries)
        };
        match self.left() {
            Some(left) => format!("{what}: {done}, {} left)", show::duration(left)),
            None => format!("{what}: {done}, {took})"),
        }
    }

    /// How long it will still take at the speed it had so far. Nothing is said before a hundredth is
    /// done, and nothing once more is done than was expected.
    fn left(&self) -> Option<Duration> {
        let share = if self.expected_bytes > 0 {
            self.bytes as f64 / self.expected_bytes as f64
        } else if self.expected_entries > 0 {
            self.entries as f64 / self.expected_entries as f64
        } else {
            return None;
        };
        let left = self.elapsed.as_secs_f64() * (1.0 / share - 1.0);
        (0.01..1.0)
            .contains(&share)
            .then(|| Duration::from_secs(left.ceil() as u64))
    }
}

impl Observer for Progress {
    fn expects(&self, entries: u64, bytes: u64) {
        self.work.expected_entries.store(entries, Ordering::Relaxed);
        self.work.expected_bytes.store(bytes, Ordering::Relaxed);
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entries: u64, bytes: u64, expected_entries: u64, expected_bytes: u64) -> String {
        let line = Line {
            what: "cloning",
            elapsed: Duration::from_millis(2500),
            entries,
            bytes,
            expected_entries,
            expected_bytes,
        };
        line.text()
    }

    #[test]
    fn the_line_says_bytes_rate_and_time_left_as_far_as_they_are_known() {
        for (counts, text) in [
            ((0, 0, 0, 0), "cloning (2.0 s)"),
            ((50, 0, 0, 0), "cloning: 50 entries (20/s, 2.0 s)"),
            ((50, 0, 100, 0), "cloning: 50 entries (20/s, 3.0 s left)"),
            (
                (9, 5_000_000, 0, 20_000_000),
                "cloning: 5.0 MB of 20.0 MB (2.0 MB/s, 8.0 s left)",
            ),
            ((9, 5_000_000, 0, 0), "cloning: 5.0 MB (2.0 MB/s, 2.0 s)"),
            (
                (9, 30_000_000, 0, 20_000_000),
                "cloning: 30.0 MB of 20.0 MB (12.0 MB/s, 2.0 s)",
            ),
        ] {
            let (entries, bytes, expected_entries, expected_bytes) = counts;
            assert_eq!(line(entries, bytes, expected_entries, expected_bytes), text);
        }
    }
}
