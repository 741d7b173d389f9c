use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;

use engine::{OutputSink, Stream};

/// How many of the last lines are remembered.
const LAST_LINES: usize = 20;
/// The longest part of a line that is remembered, in bytes.
const LINE: usize = 500;

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
