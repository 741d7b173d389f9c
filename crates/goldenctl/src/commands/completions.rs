use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit;
use crate::failure::Failure;

pub(super) fn run(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "goldenctl", &mut script);
    crate::show::bytes(&script);
    Ok(exit::OK)
}
