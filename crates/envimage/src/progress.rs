//! What is said while something takes long: what scripts print, and on a terminal a line that is redrawn.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::watch::{Event, Watch};
use crate::{interrupt, show};

/// How often the line is drawn.
const REDRAWN: Duration = Duration::from_millis(500);
/// How long the line is at most.
const COLUMNS: usize = 79;

/// Tells people on stderr.
pub(crate) struct Progress {
    interrupted: Arc<AtomicBool>,
    /// Whether there is nothing that would have to be ended.
    idle: Arc<AtomicBool>,
    is_terminal: bool,
    doing: Option<(String, Instant)>,
    drawn: Option<Instant>,
}

impl Progress {
    /// From now on, Ctrl-C ends what is watched, in good order.
    pub(crate) fn begin() -> Self {
        let idle = Arc::new(AtomicBool::new(true));
        Self {
            interrupted: interrupt::flag(&idle),
            idle,
            is_terminal: std::io::stderr().is_terminal(),
            doing: None,
            drawn: None,
        }
    }

    fn doing(&mut self, what: String) {
        self.erase();
        if !self.is_terminal {
            show::note(&what);
        }
        self.doing = Some((what, Instant::now()));
    }

    fn erase(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn draw(&mut self) {
        let is_fresh = self.drawn.is_some_and(|at| at.elapsed() < REDRAWN);
        let Some((what, since)) = &self.doing else {
            return;
        };
        if !self.is_terminal || is_fresh || since.elapsed() < REDRAWN {
            return;
        }
        let line = format!("{what}: {} s", since.elapsed().as_secs());
        let line: String = line.chars().take(COLUMNS).collect();
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        self.drawn = Some(Instant::now());
    }
}

impl Watch for Progress {
    fn hear(&mut self, event: Event<'_>) {
        self.idle
            .store(matches!(event, Event::Done), Ordering::Relaxed);
        match event {
            Event::Pulling(image) => self.doing(format!("pulling {image}")),
            Event::Waiting(stage) => self.doing(format!("waiting: another process builds {stage}")),
            Event::Building(stage) => self.doing(format!("building {stage}")),
            Event::Lost(stage) => {
                self.doing(format!(
                    "waiting for the daemon, which went while it built {stage}"
                ));
            }
            Event::Said { by, line } => {
                self.erase();
                show::note(&format!("{by} | {line}"));
            }
            Event::Done => {
                self.erase();
                self.doing = None;
            }
        }
    }

    fn stop(&mut self) -> bool {
        self.draw();
        self.interrupted.load(Ordering::Relaxed)
    }
}
