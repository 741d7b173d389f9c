//! What people and programs read of a program's answer: lines, tables and sentences on a terminal or in a
//! pipe, JSON on request.
//!
//! The answer goes to stdout; what is said beside it, and errors, go to stderr. A program that cannot print
//! its answer learns it from [`answered`].
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod age;

use std::error::Error;
use std::io::Write;
use std::sync::atomic::{AtomicI32, Ordering};

pub use age::{age, duration};
use comfy_table::{Table, presets};
use serde::Serialize;

/// How wide a terminal is at least.
const COLUMNS: usize = 80;
/// How narrow a column becomes at most, and how many lines a row has.
const NARROWEST: usize = 20;
const MOST_LINES: usize = 3;
/// What stands for an error that has no number: errno(3) of a failed write.
const EIO: i32 = 5;

/// An error and its causes, in one sentence.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some messages include their cause already.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Prints why a program failed, and what to do next.
pub fn failure(program: &str, text: &str, help: Option<&str>) {
    note(&format!("{program}: {text}"));
    if let Some(help) = help {
        note(&format!("  help: {help}"));
    }
}

/// So many of a thing: `1 layer`, `2 layers`.
pub fn count(number: u64, thing: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{more}")
}

/// Prints a document for a program.
pub fn json(document: &impl Serialize) {
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    line(&text);
}

/// Why the answer could not be written, if so: the first error's number.
static LOST: AtomicI32 = AtomicI32::new(0);

/// Whether the answer was written. A reader that went away has what it wanted.
///
/// # Errors
/// What kept it from being written, such as a full disk.
pub fn answered() -> std::io::Result<()> {
    note_loss(std::io::stdout().flush());
    match LOST.load(Ordering::Relaxed) {
        0 => Ok(()),
        number => Err(std::io::Error::from_raw_os_error(number)),
    }
}

fn note_loss(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.store(error.raw_os_error().unwrap_or(EIO), Ordering::Relaxed);
    }
}

/// Prints a line of the answer.
pub fn line(text: &str) {
    note_loss(writeln!(std::io::stdout(), "{text}"));
}

/// Prints a sentence of the answer, in lines that fit a terminal as far as words allow.
pub fn sentence(text: &str) {
    for (number, part) in wrapped(text, COLUMNS - 2).into_iter().enumerate() {
        line(&format!("{}{part}", if number == 0 { "" } else { "  " }));
    }
}

/// Prints an answer that is no text of ours.
pub fn bytes(bytes: &[u8]) {
    note_loss(std::io::stdout().write_all(bytes));
}

/// Prints a sentence beside the answer.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a sentence beside the answer, indented, in lines that fit a terminal as far as words allow.
pub fn remark(text: &str) {
    for part in wrapped(text, COLUMNS - 2) {
        note(&format!("  {part}"));
    }
}

/// Prints rows in columns under a header. `nothing` is printed where there are no rows.
pub fn table(header: &[&str], rows: Vec<Vec<String>>, nothing: &str) {
    if rows.is_empty() {
        return line(nothing);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().map(|title| title.to_ascii_uppercase()));
    table.add_rows(fitting(header, rows));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for row in table.to_string().lines() {
        line(row.trim_end());
    }
}

/// The rows, with the last column in several lines where a terminal is too narrow for it.
fn fitting(header: &[&str], mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let width = |text: &str| text.chars().count();
    let of_column = |at: usize, title: &&str| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells
            .map(|cell| width(cell))
            .max()
            .unwrap_or(0)
            .max(width(title))
            + 2
    };
    let before = header.len().saturating_sub(1);
    let taken: usize = header[..before]
        .iter()
        .enumerate()
        .map(|(at, title)| of_column(at, title))
        .sum();
    let room = COLUMNS.saturating_sub(taken).max(NARROWEST);
    for row in &mut rows {
        if let Some(cell) = row.get_mut(before)
            && width(cell) > room
        {
            let mut lines = wrapped(cell, room);
            if lines.len() > MOST_LINES {
                lines.truncate(MOST_LINES);
                if let Some(last) = lines.last_mut() {
                    *last = last.chars().take(room - 2).chain(" …".chars()).collect();
                }
            }
            *cell = lines.join("\n");
        }
    }
    rows
}

/// Prints names with their values, one below the other.
pub fn fields(fields: &[(&str, String)]) {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields {
        line(format!("  {name:width$}  {value}").trim_end());
    }
}

/// Prints names with what is to be said about them, one below the other, in lines that fit a terminal
/// as far as words allow.
pub fn paragraphs(fields: &[(&str, String)]) {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in fields {
        let mut title = *name;
        for part in wrapped(text, COLUMNS.saturating_sub(width + 4)) {
            line(format!("  {title:width$}  {part}").trim_end());
            title = "";
        }
    }
}

/// Lines of at most `width` characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, MOST_LINES, count, fitting, wrapped};

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("/a/long/path is", 5), ["/a/long/path", "is"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn a_table_fits_a_terminal_by_its_last_column() {
        let row = |text: &str| vec!["x".repeat(40), text.to_owned()];
        let reason = "a reason that is long ".repeat(20);
        let rows = fitting(
            &["build", "what happened"],
            vec![row(&reason), row("short")],
        );
        let lines: Vec<&str> = rows[0][1].lines().collect();
        assert_eq!(lines.len(), MOST_LINES);
        assert!(
            lines
                .iter()
                .all(|line| 42 + line.chars().count() <= COLUMNS)
        );
        assert!(lines[2].ends_with(" …"), "{lines:?}");
        assert_eq!(rows[1][1], "short");
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!(count(1, "layer"), "1 layer");
        assert_eq!(count(0, "layer"), "0 layers");
    }
}
