use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::{exit, show};

pub(super) fn run(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "envimage", &mut script);
    show::bytes(&script);
    Ok(exit::OK)
}
