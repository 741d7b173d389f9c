use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

use engine::{OutputSink, Stream};

/// How many of the last lines are remembered.
const LAST_LINES: usize = 20;
/// The longest part of a line that is remembered, in bytes.
const LINE: usize = 500;

/// The log of the build that this process runs, or has run last.
static CURRENT: Mutex<Option<File>> = Mutex::new(None);

/// Takes traces: to stderr, and to the build's log as well. A builder that was started by a trigger has
/// nobody at its stderr.
pub(crate) struct Traces;

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Ok(mut current) = CURRENT.lock()
            && let Some(log) = current.as_mut()
        {
            // Where that cannot be written, stderr is left.
            let _ = log.write_all(bytes);
        }
        std::io::stderr().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Takes what a startup command writes: to the build's log, to stderr, and its last lines to memory.
pub(crate) struct BuildLog {
    file: File,
    broken: bool,
    lines: VecDeque<String>,
    partial: Vec<u8>,
}

impl BuildLog {
    /// Writes to an open log.
    pub(crate) fn new(file: File) -> Self {
        // Both append, each a line at once.
        if let (Ok(traces), Ok(mut current)) = (file.try_clone(), CURRENT.lock()) {
            *current = Some(traces);
        }
        Self {
            file,
            broken: false,
            lines: VecDeque::new(),
            partial: Vec::new(),
        }
    }

    /// The last lines that are not empty, oldest first, without control characters.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        let partial = readable(&self.partial);
        self.lines
            .iter()
            .cloned()
            .chain((!partial.is_empty()).then_some(partial))
            .collect()
    }

    /// Says something beside what the command writes.
    pub(crate) fn note(&mut self, sentence: &str) {
        self.write(
            Stream::Stderr,
            format!("goldenctl: {sentence}\n").as_bytes(),
        );
    }

    fn remember(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                if self.partial.len() < LINE {
                    self.partial.push(*byte);
                }
                continue;
            }
            let line = readable(&self.partial);
            self.partial.clear();
            if !line.is_empty() {
                if self.lines.len() == LAST_LINES {
                    self.lines.pop_front();
                }
                self.lines.push_back(line);
            }
        }
    }
}

fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars()
        .filter(|c| !c.is_control())
        .collect::<String>()
        .trim_end()
        .to_owned()
}

impl OutputSink for BuildLog {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) {
        if let Err(error) = self.file.write_all(bytes)
            && !self.broken
        {
            self.broken = true;
            tracing::warn!(%error, "the build's log cannot be written; the build goes on");
        }
        // Whoever watched may have gone; the build goes on.
        let _ = std::io::stderr().write_all(bytes);
        self.remember(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_remembered_and_printable() {
        let file = File::options().write(true).open("/dev/null").unwrap();
        let mut log = BuildLog::new(file);
        for n in 0..50 {
            log.remember(format!("line {n}\n\n").as_bytes());
        }
        log.remember(b"\x1b[31mno newline\xff");
        let lines = log.last_lines();
        assert_eq!(lines.len(), LAST_LINES + 1);
        assert_eq!(lines[0], "line 30");
        assert_eq!(lines[LAST_LINES], "[31mno newline\u{fffd}");
    }
}
