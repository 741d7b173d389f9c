//! How a command may end while others are at work.

use std::collections::BTreeMap;
use std::process::Output;

/// Exit codes, as the command line promises them.
const FAILED: i32 = 1;
const NOT_FOUND: i32 = 3;
pub(crate) const BUSY: i32 = 4;

/// What may have happened to what a command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ours {
    /// Nobody else touches it.
    Alone,
    /// Others may have made or removed it.
    Shared,
}

/// How many commands ended in which way.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    ends: BTreeMap<(String, String), u64>,
}

impl Tally {
    pub(crate) fn note(&mut self, what: &str, output: &Output) {
        let how = match output.status.code() {
            Some(BUSY) => format!("{BUSY} ({})", what_was_busy(output)),
            Some(code) => code.to_string(),
            None => "killed".to_owned(),
        };
        *self.ends.entry((what.to_owned(), how)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Tally) {
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }

    pub(crate) fn of(&self, what: &str, how: &str) -> u64 {
        let end = (what.to_owned(), how.to_owned());
        self.ends.get(&end).copied().unwrap_or(0)
    }

    pub(crate) fn total(&self) -> u64 {
        self.ends.values().sum()
    }

    /// A line for each kind of command.
    pub(crate) fn lines(&self) -> String {
        let mut lines: BTreeMap<&str, String> = BTreeMap::new();
        for ((what, how), count) in &self.ends {
            let line = lines.entry(what).or_default();
            line.push_str(&format!("  {how}: {count}"));
        }
        let lines = lines.iter().map(|(what, ends)| format!("{what}:{ends}\n"));
        lines.collect()
    }
}

fn asks(words: &[&str]) -> bool {
    ["trigger", "retry"].contains(&words[0])
}

/// What somebody else had, without the names of this and that.
fn what_was_busy(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("goldenctl: "));
    let line = line
        .unwrap_or_default()
        .split(" busy")
        .next()
        .unwrap_or_default();
    let is_name = |word: &&str| word.contains(|c: char| c == '/' || c.is_ascii_digit());
    let words = line.split(' ').filter(|word| !is_name(word));
    words.collect::<Vec<_>>().join(" ")
}

/// Why a command should not have ended like this; `None` if it may.
pub(crate) fn complaint(words: &[&str], output: &Output, ours: Ours) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let wrong = |why: &str| {
        let printed = String::from_utf8_lossy(&output.stdout);
        let status = output.status;
        Some(format!(
            "{why}: {words:?} ended with {status}\n--- stdout\n{printed}\n--- stderr\n{said}"
        ))
    };
    if said.contains("panicked") {
        return wrong("a panic");
    }
    if said.contains("No such file") {
        return wrong("a race that leaked out");
    }
    match output.status.code() {
        Some(0 | BUSY) => None,
        Some(NOT_FOUND) if ours == Ours::Shared => None,
        // Its golden was collected, or removed.
        Some(NOT_FOUND) if said.contains("has no golden") => None,
        Some(FAILED) if words.contains(&"promote") && said.contains("moved on") => None,
        // Somebody promoted a session that had started without a golden and written nothing.
        Some(FAILED) if words.starts_with(&["session", "start"]) && said.contains("is empty") => {
            None
        }
        // A build runs already, the project is disabled, or there is nothing to ask for again.
        Some(FAILED) if asks(words) && said.contains("no build of ") => None,
        // What it looks for on this machine is no matter of the store.
        Some(FAILED) if words.contains(&"doctor") => None,
        Some(_) => wrong("no way to end"),
        None => wrong("a signal that nobody has sent"),
    }
}
