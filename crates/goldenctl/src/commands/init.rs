use goldenstore::Store;

use crate::cli::Global;
use crate::failure::Failure;
use crate::{exit, show};

pub(super) fn run(global: &Global) -> Result<u8, Failure> {
    let report = Store::init(&global.root)?;
    if global.json {
        show::json(&report);
    } else {
        let done = if report.created { "made" } else { "is there" };
        show::line(&format!(
            "golden store {} {done}, on {}",
            report.root, report.filesystem
        ));
    }
    Ok(exit::OK)
}
