//! Waits until a daemon answers.

use std::io;
use std::time::Duration;

use camino::Utf8Path;
use serde_json::Value;

use crate::api;
use crate::enclosure::process::Process;
use crate::limits::{Limit, Limits};

/// How long to wait after a failed attempt, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Why the waiting ended without an answer.
#[derive(Debug)]
pub(super) enum NotReady {
    Ended,
    Limit(Limit),
}

/// Returns when `GET /_ping` is answered with 200. dockerd listens before it is ready and answers
/// when it is, so that the wait is mostly a read and ends at the right moment.
pub(super) fn wait_for_ping(
    daemon: &Process,
    socket: &Utf8Path,
    limits: &Limits<'_>,
) -> Result<(), NotReady> {
    let mut pause = FIRST_PAUSE;
    loop {
        match patient_get(daemon, socket, "/_ping", limits) {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => tracing::debug!(answer.status, "dockerd answers, but is not ready"),
            Err(error) => tracing::trace!(%error, "dockerd does not answer yet"),
        }
        // Both conditions also end the attempt above, so they have to be looked at after it.
        if daemon.ends_within(pause.min(limits.slice())) {
            return Err(NotReady::Ended);
        }
        if let Some(limit) = limits.reached() {
            return Err(NotReady::Limit(limit));
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A JSON answer of a daemon that is ready.
pub(super) fn ask(
    daemon: &Process,
    socket: &Utf8Path,
    path: &str,
    limits: &Limits<'_>,
) -> io::Result<Value> {
    let answer = patient_get(daemon, socket, path, limits)?;
    if answer.status != 200 {
        return Err(io::Error::other(format!("it answered {}", answer.status)));
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

fn patient_get(
    daemon: &Process,
    socket: &Utf8Path,
    path: &str,
    limits: &Limits<'_>,
) -> io::Result<api::Answer> {
    api::get(socket, path, &mut || {
        limits.reached().is_some() || daemon.ends_within(Duration::ZERO)
    })
}
