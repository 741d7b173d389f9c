//! The `envimage` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    envimage::run(std::env::args_os())
}
