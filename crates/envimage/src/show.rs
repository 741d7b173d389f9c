//! What people and programs read of an answer.

pub(crate) use answer::{answered, bytes, fields, json, line, note, paragraphs, sentence, table};

use crate::failure::Failure;

/// Prints a failure with its causes, and what to do next.
pub(crate) fn failure(failure: &Failure) {
    let text = answer::with_causes(failure);
    answer::failure("envimage", &text, failure.help().as_deref());
}
