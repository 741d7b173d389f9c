//! Another program decides what a docker command line means, and what is to be run instead, without running
//! anything: for a sandbox that admits some commands, or a runner that tells each session's daemon apart.
//!
//! ```text
//! cargo run --example embed_commands -- docker run -v /work/app:/app image
//! ```
//!
//! `cachecore` reads no file and no environment: what is known is handed in, and a plan comes back as data.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::process::ExitCode;

use cachecore::argv::{Command, Program, parse};
use cachecore::classify::{Kind, classify};
use cachecore::rewrite::{Facts, rewrite};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let name = words.next().unwrap_or_default();
    let program = match name.to_str() {
        Some("docker") => Program::Docker,
        Some("docker-buildx") => Program::Buildx,
        Some("docker-compose") => Program::Compose,
        _ => {
            eprintln!("usage: embed_commands docker|docker-buildx|docker-compose WORDS...");
            return ExitCode::from(2);
        }
    };
    let words: Vec<OsString> = words.collect();
    match parse(program, &words) {
        Ok(command) => println!("{}", told(&command, &words)),
        // What is in no table is not guessed at, and goes on as it came.
        Err(foreign) => println!("not understood: {foreign}"),
    }
    // Where this session's daemon is, and where it has what its client calls /work.
    let facts = Facts {
        docker_host: Some("unix:///run/session/docker.sock".into()),
        path_map: Some("/work=/volumes/session".into()),
        working_dir: Some("/work".into()),
        ..Facts::default()
    };
    match serde_json::to_string_pretty(&rewrite(&facts, program, &words)) {
        Ok(plan) => {
            println!("{plan}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("embed_commands: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a command does, by its kind and its flags.
fn told(command: &Command, words: &[OsString]) -> String {
    match classify(command) {
        Kind::Build => {
            let names: Vec<_> = command
                .values("tag")
                .map(|name| name.to_string_lossy())
                .collect();
            format!("builds an image, called [{}]", names.join(", "))
        }
        Kind::Bake => "builds what a file defines".to_owned(),
        Kind::Container => {
            let image = command.args.first().map(|at| words[*at].to_string_lossy());
            format!("makes a container of {}", image.unwrap_or("nothing".into()))
        }
        Kind::ComposeBuild | Kind::ComposeStart => "builds or starts services".to_owned(),
        Kind::Compose | Kind::Other => "builds nothing".to_owned(),
    }
}
