//! Runs commands beside a daemon.

use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::PrivateDaemon;
use crate::command::{EnclosedCommand, RunError};
use crate::enclosure::process::Process;
use crate::limits::{Limit, Limits};
use crate::output::{OutputSink, Pipes};

/// How long a dockerd that has closed its socket may take to end by itself.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// How long the socket of a dead dockerd may answer.
const AFTERGLOW: Duration = Duration::from_millis(300);
const GLANCE: Duration = Duration::from_millis(5);
const NO_MEMORY: i32 = rustix::io::Errno::NOMEM.raw_os_error();

impl PrivateDaemon {
    /// Runs a command beside the daemon and waits for it. Children that it leaves in the
    /// background go on until the daemon is stopped.
    pub fn run(
        &mut self,
        command: &EnclosedCommand,
        output: &mut dyn OutputSink,
        limits: &Limits<'_>,
    ) -> Result<ExitStatus, RunError> {
        let enclosure = match (&self.enclosure, self.ended) {
            (Some(enclosure), None) => enclosure,
            _ => return Err(RunError::DaemonGone),
        };
        let prepared = command.prepare(&self.docker_host(), &self.path)?;
        let program = prepared.get_program().to_owned();
        if self.is_dying() {
            return Err(self.died(program));
        }
        let child = match enclosure.spawn(prepared) {
            Ok(child) => child,
            // The kernel's word for a pid namespace in which nothing can begin any more.
            Err(error) if error.raw_os_error() == Some(NO_MEMORY) && self.dies_soon() => {
                return Err(self.died(program));
            }
            Err(_) if self.is_dying() => return Err(self.died(program)),
            Err(source) => return Err(RunError::from_spawn(program, source)),
        };
        let failed = |what| {
            let program = program.clone();
            move |source| RunError::System {
                what,
                program,
                source,
            }
        };
        let mut process = Process::new(child).map_err(failed("watch"))?;
        let mut pipes = Pipes::of(process.child());
        let limit = loop {
            match pipes.pump(process.pidfd(), limits.slice(), output) {
                Ok(true) => break None,
                Ok(false) => {}
                Err(source) => {
                    self.end_with(&mut process);
                    return Err(failed("read the output of")(source));
                }
            }
            if let Some(limit) = limits.reached() {
                break Some(limit);
            }
        };
        if let Some(limit) = limit {
            self.end_with(&mut process);
            return Err(match limit {
                Limit::Deadline => RunError::Deadline { program },
                Limit::Interrupted => RunError::Interrupted { program },
            });
        }
        // Reaped before anything else: a dockerd that has died cannot be waited for until its
        // last neighbour was.
        let status = process.reap().map_err(failed("wait for"))?;
        pipes.finish(output).map_err(failed("read the output of"))?;
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        match self.is_dying() || killed && self.dies_soon() {
            true => Err(self.died(program)),
            false => Ok(status),
        }
    }

    /// Whether dockerd dies, where something looks like it. The first of its threads to go takes its
    /// neighbours along, and the last one its socket: for a moment a dead dockerd answers.
    fn dies_soon(&self) -> bool {
        let until = Instant::now() + AFTERGLOW;
        while Instant::now() < until {
            if self.dockerd.ends_within(GLANCE) || self.is_dying() {
                return true;
            }
        }
        false
    }

    /// Whether dockerd has ended, or is about to. Its socket refuses connections from the moment
    /// it has begun to go, whereas it is not over before all its neighbours are reaped.
    fn is_dying(&self) -> bool {
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        self.dockerd.ends_within(Duration::ZERO)
            || UnixStream::connect(&self.layout.socket).is_err_and(refused)
    }

    fn died(&mut self, program: OsString) -> RunError {
        self.dockerd.ends_within(LAST_BREATH);
        if let Err(error) = self.end() {
            tracing::warn!(%error, "cannot wait for dockerd");
        }
        RunError::DaemonDied {
            program,
            log: self.log_tail(),
        }
    }

    /// Kills everything while a command is running.
    fn end_with(&mut self, process: &mut Process) {
        // The kernel kills the command along with dockerd, but as long as it is not reaped
        // dockerd does not end either.
        self.killed = !self.dockerd.ends_within(Duration::ZERO);
        let killed = self
            .dockerd
            .signal(Signal::KILL)
            .and_then(|()| process.reap());
        if let Err(error) = killed.and_then(|_| self.end()) {
            tracing::warn!(%error, "cannot end the enclosure");
        }
    }
}
