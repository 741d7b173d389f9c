//! `check`: what is wrong with a spec and its scripts.

use camino::Utf8Path;

use crate::check::{self, Options, Remark, Severity};
use crate::cli::Global;
use crate::failure::Failure;
use crate::{exit, show};

pub(super) fn run(
    global: &Global,
    spec: &Utf8Path,
    task_variables: &[String],
    image_user: Option<&str>,
) -> Result<u8, Failure> {
    let mut options = Options::default();
    options.task_variables.extend_from_slice(task_variables);
    options.image_user = image_user.map(str::to_owned);
    let checked = check::check(spec, &options)?;
    if global.json {
        show::json(&checked);
    } else {
        for remark in &checked.remarks {
            print(remark);
        }
        let count = |number: usize, thing| show::count(number as u64, thing);
        show::line(&match (checked.errors, checked.warnings) {
            (0, 0) => format!("{spec}: nothing to say"),
            (0, warnings) => format!("{spec}: {}", count(warnings, "warning")),
            (errors, warnings) => {
                let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
                format!("{spec}: {errors}, {warnings}")
            }
        });
    }
    Ok(if checked.errors == 0 {
        exit::OK
    } else {
        exit::FAILED
    })
}

fn print(remark: &Remark) {
    let severity = match remark.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut place = remark.file.to_string();
    for number in [remark.line, remark.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    let part = remark.part.as_ref();
    let part = part.map(|part| format!("{part}: ")).unwrap_or_default();
    let (rule, reason) = (remark.rule, &remark.reason);
    show::sentence(&format!("{place}: {severity}: {part}{reason} [{rule}]"));
    if let Some(fix) = &remark.fix {
        show::paragraphs(&[("fix", fix.clone())]);
    }
}
