//! What people and programs read: tables and sentences on a terminal or in a pipe, JSON on request.

mod standing;

pub(crate) use answer::{
    age, answered, bytes, count, duration, fields, json, line, note, paragraphs, sentence, table,
};
pub(crate) use cachecore::size::show as size;
pub(crate) use standing::{next_step, pending, standing};

use crate::cli::LogFormat;
use crate::failure::Failure;

/// Prints a failure with its causes, and what to do next: as lines for people, or as one object.
pub(crate) fn failure(failure: &Failure, format: LogFormat) {
    let text = answer::with_causes(failure);
    let help = failure.help();
    if format == LogFormat::Json {
        return tracing::error!(help, exit_code = failure.exit_code(), "{text}");
    }
    answer::failure("goldenctl", &text, help.as_deref());
}

/// What is shared, and in how many layers of the store, if in any: a golden may have its layers
/// inside, and files may share their blocks.
pub(crate) fn shared(bytes: u64, layers: u64) -> String {
    match layers {
        0 => size(bytes),
        layers => format!("{} in {}", size(bytes), count(layers, "layer")),
    }
}
