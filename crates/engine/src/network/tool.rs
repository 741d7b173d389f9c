//! Runs `ip` and `iptables`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};

use super::NetworkError;

/// A command for one of the tools, found also where a user's `PATH` does not look.
pub(super) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(OsString::from(":/usr/sbin:/sbin"));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PATH", path)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Spawns a tool by `spawn` (here, or in an enclosure), gives it an input and returns what it
/// printed; its messages become the error.
pub(super) fn run(
    program: &'static str,
    arguments: &[&str],
    input: &str,
    spawn: impl FnOnce(Command) -> io::Result<Child>,
) -> Result<String, NetworkError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => NetworkError::Missing { program, source },
        _ => NetworkError::Tool {
            program,
            arguments: arguments.join(" "),
            said: source.to_string(),
        },
    };
    let mut child = spawn(command(program, arguments)).map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(input.as_bytes())
    {
        // It ended without reading: its messages say why.
        tracing::debug!(%error, program, "input was not taken");
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(NetworkError::Tool {
            program,
            arguments: arguments.join(" "),
            said,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a tool on the host.
pub(super) fn here(program: &'static str, arguments: &[&str]) -> Result<String, NetworkError> {
    run(program, arguments, "", |mut command| command.spawn())
}
