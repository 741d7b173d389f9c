use cachecore::id::{BuildId, Generation};
use cachecore::record::BuildOutcome;
use engine::RunError;

use super::log::BuildLog;
use crate::exit;
use crate::failure::Failure;

/// What stopped a build, and the code to end with.
pub(super) struct Stopped {
    pub(super) outcome: BuildOutcome,
    pub(super) reason: String,
    pub(super) code: u8,
}

impl Stopped {
    /// Somebody cancelled it. That is nobody's failure.
    pub(super) fn cancelled(build: &BuildId) -> Self {
        Self {
            outcome: BuildOutcome::Cancelled,
            reason: format!("build {build} was cancelled"),
            code: exit::FAILED,
        }
    }

    pub(super) fn because(reason: String) -> Self {
        Self {
            outcome: BuildOutcome::Failed {
                reason: reason.clone(),
            },
            reason,
            code: exit::FAILED,
        }
    }

    pub(super) fn by(error: impl Into<Failure>) -> Self {
        let failure = error.into();
        Self {
            code: failure.exit_code(),
            ..Self::because(failure.to_string())
        }
    }

    pub(super) fn by_command(status: std::process::ExitStatus, log: &BuildLog) -> Self {
        let code = exit::of_status(status);
        let reason = match std::os::unix::process::ExitStatusExt::signal(&status) {
            Some(signal) => format!("the startup command was ended by signal {signal}"),
            None => format!("the startup command ended with exit code {code}"),
        };
        let outcome = BuildOutcome::CommandFailed {
            code: i32::from(code),
            last_lines: log.last_lines(),
        };
        Self {
            outcome,
            reason: with_lines(reason, log),
            code,
        }
    }

    pub(super) fn by_failure(failure: Failure, log: &BuildLog) -> Self {
        let code = failure.exit_code();
        let reason = match &failure {
            Failure::Run(RunError::Deadline { .. }) => with_lines(
                "the deadline passed while the startup command ran".to_owned(),
                log,
            ),
            Failure::Run(RunError::Interrupted { .. }) => "interrupted".to_owned(),
            _ => failure.to_string(),
        };
        Self {
            code,
            ..Self::because(reason)
        }
    }
}

/// A reason with the last lines of the startup command below it.
fn with_lines(mut reason: String, log: &BuildLog) -> String {
    let lines = log.last_lines();
    if let Some(last) = lines.last() {
        reason.push_str(&format!(" (last line: {last})"));
    }
    reason
}

/// A reason, and what serves all the same.
pub(super) fn with_serving(reason: String, serving: Option<Generation>) -> String {
    match serving {
        Some(serving) => format!("{reason}; generation {serving} serves on"),
        None => format!("{reason}; there is no golden yet"),
    }
}
