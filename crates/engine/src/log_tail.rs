//! The end of a daemon's log, for error messages: the log itself goes away with the daemon.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use camino::Utf8Path;

const LINES: usize = 20;
const BYTES: u64 = 16 * 1024;

/// The last lines of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogTail {
    lines: Vec<String>,
}

impl LogTail {
    /// Reads the end of a log; a log that cannot be read has no lines.
    pub(crate) fn read(log: &Utf8Path) -> Self {
        let mut bytes = Vec::new();
        let mut cut = false;
        if let Ok(mut file) = File::open(log) {
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            cut = length > BYTES;
            let start = SeekFrom::Start(length.saturating_sub(BYTES));
            if file.seek(start).is_ok() {
                let _ = file.take(BYTES).read_to_end(&mut bytes);
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        if cut && lines.len() > 1 {
            lines.remove(0);
        }
        lines.drain(..lines.len().saturating_sub(LINES));
        Self { lines }
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }
}

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return f.write_str("; its log is empty");
        }
        f.write_str("; its log ends with:")?;
        self.lines
            .iter()
            .try_for_each(|line| write!(f, "\n    {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8Path::from_path(dir.path()).unwrap().join("log");
        assert_eq!(LogTail::read(&log).to_string(), "; its log is empty");

        std::fs::write(&log, "one\ntwo\n").unwrap();
        let tail = LogTail::read(&log);
        assert_eq!(tail.to_string(), "; its log ends with:\n    one\n    two");
        assert!(tail.mentions("wo"));

        let long: String = (0..1000)
            .map(|n| format!("line {n} {}\n", "x".repeat(2000)))
            .collect();
        std::fs::write(&log, long).unwrap();
        let tail = LogTail::read(&log);
        assert_eq!(tail.lines().len(), 8);
        assert!(
            tail.lines()[0].starts_with("line 992 "),
            "{}",
            &tail.lines()[0][..20]
        );
    }
}
