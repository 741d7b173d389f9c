//! What people and programs read of an answer.

pub(crate) use answer::{
    age, answered, bytes, count, fields, json, line, note, paragraphs, sentence, table,
};

use crate::ensure::{Ensured, Verdict};
use crate::failure::Failure;

/// Prints a failure with its causes, and what to do next.
pub(crate) fn failure(failure: &Failure) {
    let text = answer::with_causes(failure);
    answer::failure("envimage", &text, failure.help().as_deref());
}

/// Says beside the answer what became of each stage: `system: hit`.
pub(crate) fn stages(ensured: &Ensured) {
    for stage in &ensured.stages {
        let verdict = match stage.verdict {
            Verdict::Hit => "HIT".to_owned(),
            Verdict::Built => {
                let seconds = stage.elapsed_ms as f64 / 1000.0;
                format!("MISS, built in {seconds:.1} s")
            }
            Verdict::Failed => "MISS, failed; its script runs at every start".to_owned(),
            Verdict::Start => "runs at every start".to_owned(),
        };
        note(&format!("{}: {verdict}", stage.stage));
        if let Some(reason) = &stage.reason {
            answer::remark(reason);
        }
        if stage.again.is_some() {
            answer::remark("`--retry` builds it at once");
        }
        if let Some(log) = &stage.log {
            answer::remark(&format!("what it printed: {log}"));
        }
    }
}
