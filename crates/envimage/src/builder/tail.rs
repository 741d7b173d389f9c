//! The end of a build's log, and what it says about a failure.

use std::collections::VecDeque;

/// How many lines of each kind are kept.
const LINES: usize = 40;
/// How many of a script's last lines a reason has.
const LAST: usize = 3;
/// How long a line in a reason is, in characters.
const SHORT: usize = 200;

/// The last lines of a build.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    by_steps: VecDeque<String>,
    others: VecDeque<String>,
}

impl Tail {
    /// Takes a line. `of_a_step` is the text in it that a step printed, if it is such a line.
    pub(crate) fn push(&mut self, line: &str, of_a_step: Option<&str>) {
        let (lines, text) = match of_a_step {
            Some(text) => (&mut self.by_steps, text),
            None => (&mut self.others, line),
        };
        if text.trim().is_empty() {
            return;
        }
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(text.chars().take(SHORT).collect());
    }

    /// With which code the script ended, if BuildKit says that it was the script that failed.
    pub(crate) fn script_code(&self) -> Option<u32> {
        let marks = [
            "did not complete successfully: exit code: ",
            "]: exit code: ",
        ];
        self.others.iter().rev().find_map(|line| {
            let rest = marks
                .iter()
                .find_map(|mark| Some(line.split_once(mark)?.1))?;
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest[..digits].parse().ok()
        })
    }

    /// Why the build failed, in a sentence.
    pub(crate) fn reason(&self) -> Option<String> {
        if let Some(code) = self.script_code() {
            let last: Vec<&str> = self
                .by_steps
                .iter()
                .rev()
                .take(LAST)
                .map(String::as_str)
                .collect();
            let mut reason = format!("its script ended with code {code}");
            if !last.is_empty() {
                let last: Vec<&str> = last.into_iter().rev().collect();
                reason += &format!(" and said last: {}", last.join(" / "));
            }
            return Some(reason);
        }
        let prefixes = ["ERROR: ", "error: ", "failed to ", "Error "];
        let mut lines = self.others.iter().rev();
        let said = lines.find(|line| prefixes.iter().any(|prefix| line.starts_with(prefix)));
        said.or(self.others.back()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(lines: &[&str]) -> Tail {
        let mut tail = Tail::default();
        for line in lines {
            tail.push(line, super::super::said::by_step(line));
        }
        tail
    }

    #[test]
    fn a_script_that_fails_is_told_with_its_code_and_last_words() {
        let newer = tail(&[
            "#6 0.1 one",
            "#6 0.2 no such package",
            "#6 ERROR: process \"/bin/bash x\" did not complete successfully: exit code: 100",
            "------",
            "ERROR: failed to solve: process \"/bin/bash x\" did not complete successfully: exit code: 100",
        ]);
        assert_eq!(
            newer.reason().unwrap(),
            "its script ended with code 100 and said last: one / no such package"
        );
        let older = tail(&["executor failed running [/bin/sh -c x]: exit code: 3"]);
        assert_eq!(older.reason().unwrap(), "its script ended with code 3");
    }

    #[test]
    fn what_is_no_fault_of_the_script_is_told_in_docker_s_words() {
        let gone = tail(&[
            "#6 0.2 working",
            "ERROR: error reading from server: EOF",
            "------",
        ]);
        assert_eq!(gone.script_code(), None);
        assert_eq!(
            gone.reason().unwrap(),
            "ERROR: error reading from server: EOF"
        );
        assert_eq!(Tail::default().reason(), None);
    }
}
