//! The `goldenctl` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    goldenctl::run(std::env::args_os())
}
