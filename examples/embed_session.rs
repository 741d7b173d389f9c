//! Another service starts, uses and promotes a session with the library, without `goldenctl`, a
//! command line parser or an async runtime.
//!
//! ```text
//! cargo run --example embed_session -- /var/lib/cachecore my-project session-1
//! ```
//!
//! A store that is not there is made; a project that has no golden gives a session that starts cold.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use goldenstore::{PromoteOptions, Silent, StartReport, StartRequest, Store};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, project, session] = arguments.as_slice() else {
        eprintln!("usage: embed_session STORE PROJECT SESSION");
        return ExitCode::from(2);
    };
    match embed(root, project, session) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embed_session: {error}");
            ExitCode::FAILURE
        }
    }
}

fn embed(root: &str, project: &str, session: &str) -> Result<(), Box<dyn Error>> {
    Store::init(root.into())?;
    let store = Store::open(root.into())?;
    let request = StartRequest {
        or_empty: true,
        ..StartRequest::new(project.parse()?, session.parse()?)
    };
    let started = store.start_session(&request, &Silent)?;
    println!(
        "{session} is ready after {} ms, by {}",
        started.elapsed_ms, started.strategy
    );

    work_in(&started)?;

    let promoted = store.promote_session(&request.session, &PromoteOptions::default(), &Silent)?;
    println!("generation {} serves {project}", promoted.generation);
    Ok(())
}

/// Here a service runs a container with these mounts, and a dockerd in it. A note in a volume stands
/// for what that leaves behind, beside the folders that dockerd makes at its first start.
fn work_in(session: &StartReport) -> Result<(), Box<dyn Error>> {
    for mount in &session.mounts {
        let mode = if mount.read_only { ":ro" } else { "" };
        println!("  -v {}:{}{mode}", mount.source, mount.target);
    }
    fs::create_dir_all(session.data_root.join("image"))?;
    let volume = session.data_root.join("volumes/notes/_data");
    fs::create_dir_all(&volume)?;
    Ok(fs::write(
        volume.join(session.session.as_str()),
        "was here\n",
    )?)
}
