use camino::Utf8Path;
use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::{exit, show};

/// Writes `goldenctl.1` and a page for every command, `goldenctl-session-start.1` and so on.
pub(super) fn run(folder: &Utf8Path) -> Result<u8, Failure> {
    let failed = |source| Failure::Io {
        action: "write manual pages to",
        path: folder.as_std_path().to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    show::line(&format!(
        "manual pages are in {folder}; read one with: man {folder}/goldenctl.1"
    ));
    Ok(exit::OK)
}
