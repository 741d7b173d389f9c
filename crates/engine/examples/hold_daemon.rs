//! Starts a private daemon, runs a command beside it, says `ready <pid of dockerd>` and waits
//! until its standard input ends. Kill it by SIGKILL to see that nothing stays behind.
//!
//! `hold_daemon isolated|nat DOCKERD DATA_ROOT RUNTIME_DIR [COMMAND…]`

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use engine::{DaemonOptions, EnclosedCommand, Engine, Limits, Network, PrivateDaemon, Stdin};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let network = match arguments.next() {
        Some(word) if word == "isolated" => Network::Isolated,
        Some(word) if word == "nat" => Network::Nat,
        other => return Err(format!("isolated or nat, not {other:?}").into()),
    };
    let mut path = |name: &str| -> Result<Utf8PathBuf, Box<dyn Error>> {
        let argument = arguments
            .next()
            .ok_or_else(|| format!("{name} is missing"))?;
        Ok(Utf8PathBuf::try_from(std::path::PathBuf::from(argument))?)
    };
    let dockerd = path("DOCKERD")?;
    let options = DaemonOptions {
        engine: Engine::find(
            Some(&dockerd),
            &std::env::var_os("PATH").unwrap_or_default(),
        )?,
        data_root: path("DATA_ROOT")?,
        containerd_root: None,
        runtime_dir: path("RUNTIME_DIR")?,
        read_only: Vec::new(),
        network,
        storage_driver: None,
        remembered_builds: None,
        extra_config: serde_json::Value::Null,
    };
    let argv: Vec<OsString> = arguments.collect();

    let interrupted = AtomicBool::new(false);
    let deadline = Some(Instant::now() + Duration::from_secs(120));
    let limits = Limits {
        deadline,
        interrupted: &interrupted,
    };
    let mut daemon = PrivateDaemon::start(options, &limits)?;
    if !argv.is_empty() {
        // A command on a terminal can be talked to.
        let stdin = if io::stdin().is_terminal() {
            Stdin::Inherit
        } else {
            Stdin::Null
        };
        let command = EnclosedCommand {
            argv,
            stdin,
            ..Default::default()
        };
        let status = daemon.run(&command, &mut (), &limits)?;
        if !status.success() {
            return Err(format!("the command failed ({status})").into());
        }
    }
    let namespace = std::fs::read_link(format!("/proc/{}/ns/pid", daemon.pid()))?;
    let namespace = namespace.display();
    writeln!(io::stdout(), "ready {} {namespace}", daemon.pid())?;
    io::stdin().read_to_end(&mut Vec::new())?;
    daemon.stop(&limits)?;
    Ok(())
}
