//! A program that is asked something, and has only so long to answer.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked after.
const TURN: Duration = Duration::from_millis(5);

/// The longest answer, in bytes.
const LONGEST: u64 = 1 << 20;

/// What a program prints on stdout.
///
/// # Errors
/// A sentence: it cannot be run, takes too long, or fails; then the last line of what it says about it.
pub(super) fn answer(command: &mut Command) -> Result<String, String> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|e| e.to_string())?;
    let said = read_aside(child.stdout.take());
    let complained = read_aside(child.stderr.take());
    let status = wait(&mut child)?;
    let said = said.join().unwrap_or_default();
    if status {
        return Ok(said);
    }
    let complained = complained.join().unwrap_or_default();
    let last = complained.lines().rfind(|line| !line.trim().is_empty());
    match last {
        // `docker info` prints what it knows without a daemon, and fails.
        _ if said.trim_start().starts_with('{') => Ok(said),
        Some(last) => Err(last.trim().to_owned()),
        None => Err("it fails without a word".to_owned()),
    }
}

/// Whether it succeeded.
fn wait(child: &mut Child) -> Result<bool, String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if begun.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer within {} s", PATIENCE.as_secs()));
            }
            Ok(None) => sleep(TURN),
            Err(e) => return Err(e.to_string()),
        }
    }
}

fn read_aside(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            let _ = from.take(LONGEST).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
