//! What this machine offers and lacks: checks that change nothing, each with what to do about it.

mod engine;
mod machine;
mod store;

use camino::Utf8Path;
use serde::Serialize;

/// How a check came out, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something is worth knowing.
    Note,
    /// Some commands will fail.
    Failure,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What was looked at, in a word or two.
    pub(crate) what: &'static str,
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) found: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

impl Check {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(what, Verdict::Ok, found, None)
    }

    fn note(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(what, Verdict::Note, found, Some(advice.into()))
    }

    fn failure(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(what, Verdict::Failure, found, Some(advice.into()))
    }

    fn new(
        what: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            what,
            verdict,
            found: found.into(),
            advice,
        }
    }
}

/// Looks at the machine, the store at `root` and the engine.
pub(crate) fn examine(root: &Utf8Path, dockerd: Option<&Utf8Path>) -> Vec<Check> {
    let mut checks = machine::checks();
    checks.extend(store::checks(root));
    checks.extend(engine::checks(dockerd));
    checks
}
