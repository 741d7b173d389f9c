//! Questions to the real program.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Command, Stdio};

use super::Real;
use crate::trail;

impl Real {
    /// What it prints, if it succeeds and the answer is not longer than so many bytes. What it says besides
    /// is dropped. The variables are set besides those of this process.
    pub(crate) fn ask(
        &self,
        words: &[OsString],
        variables: &[(&str, OsString)],
        longest: u64,
    ) -> Option<Vec<u8>> {
        let mut child = Command::new(&self.path)
            .args(words)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env(trail::VARIABLE, &self.settled)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut bytes = Vec::new();
        let stdout = child.stdout.take()?;
        let read = stdout.take(longest + 1).read_to_end(&mut bytes);
        let is_whole = read.is_ok() && bytes.len() as u64 <= longest;
        if !is_whole {
            let _ = child.kill();
        }
        let status = child.wait().ok()?;
        (is_whole && status.success()).then_some(bytes)
    }
}
