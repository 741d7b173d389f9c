//! `docker-shim`, and `docker`, `docker-compose` and `docker-buildx` by another name.

use std::process::ExitCode;

fn main() -> ExitCode {
    shim::main(std::env::args_os().collect())
}
