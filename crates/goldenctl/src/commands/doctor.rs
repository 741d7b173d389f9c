use crate::cli::{Doctor, Global};
use crate::doctor::{self, Check, Verdict};
use crate::failure::Failure;
use crate::{exit, show};

/// Fails if any check did, so that a script can ask.
pub(super) fn run(global: &Global, args: &Doctor) -> Result<u8, Failure> {
    let checks = doctor::examine(&global.root, args.engine.dockerd.as_deref());
    if global.json {
        show::json(&checks);
    } else {
        show_checks(&checks);
    }
    let worst = checks.iter().map(|check| check.verdict).max();
    Ok(if worst == Some(Verdict::Failure) {
        exit::FAILED
    } else {
        exit::OK
    })
}

fn show_checks(checks: &[Check]) {
    let width = checks.iter().map(|c| c.what.len()).max().unwrap_or(0);
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Note => "note",
            Verdict::Failure => "FAIL",
        };
        show::line(&format!(
            "{verdict}  {:width$}  {}",
            check.what, check.found
        ));
        if let Some(advice) = check.advice.as_deref().filter(|advice| !advice.is_empty()) {
            show::line(&format!("      {:width$}  -> {advice}", ""));
        }
    }
}
