//! What people and programs read: tables and sentences on a terminal or in a pipe, JSON on request.
//!
//! The answer goes to stdout; progress, the startup command's output and errors go to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod age;

use std::io::Write;

pub(crate) use age::{age, duration};
pub(crate) use cachecore::size::show as size;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::cli::LogFormat;
use crate::failure::Failure;

/// Prints a failure with its causes, and what to do next: as lines for people, or as one object.
pub(crate) fn failure(failure: &Failure, format: LogFormat) {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        let more = error.to_string();
        // Some messages include their cause already.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    let help = failure.help();
    if format == LogFormat::Json {
        return tracing::error!(help, exit_code = failure.exit_code(), "{text}");
    }
    eprintln!("goldenctl: {text}");
    if let Some(help) = help {
        eprintln!("  help: {help}");
    }
}

/// What is shared, and in how many layers of the store, if in any: a golden may have its layers
/// inside, and files may share their blocks.
pub(crate) fn shared(bytes: u64, layers: u64) -> String {
    match layers {
        0 => size(bytes),
        layers => format!("{} in {layers} layers", size(bytes)),
    }
}

/// Prints a document for a program.
pub(crate) fn json(document: &impl Serialize) {
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    line(&text);
}

/// Prints a line of the answer. A reader that went away is no reason to fail.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints an answer that is no text of ours. A reader that went away is no reason to fail.
pub(crate) fn bytes(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}

/// Prints a sentence beside the answer.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints rows in columns under a header. `nothing` is printed where there are no rows.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, nothing: &str) {
    if rows.is_empty() {
        return line(nothing);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().map(|title| title.to_ascii_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for row in table.to_string().lines() {
        line(row.trim_end());
    }
}

/// Prints names with their values, one below the other.
pub(crate) fn fields(fields: &[(&str, String)]) {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields {
        line(format!("  {name:width$}  {value}").trim_end());
    }
}
