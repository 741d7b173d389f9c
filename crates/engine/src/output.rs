//! Carries what a command writes to whoever wants to see it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use crate::enclosure::process::timespec;

/// How long output is waited for after the command itself has ended: a filter at the end of a
/// pipeline may need a moment.
const GRACE: Duration = Duration::from_millis(200);

/// As much as a pipe can hold by default limits. What the command wrote before its end is within
/// the first of these, so it is delivered however slow the sink is.
const PIPE: usize = 1 << 20;

/// Where bytes were written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes what a command writes, in order of arrival, on the thread that called
/// [`run`](crate::PrivateDaemon::run).
pub trait OutputSink {
    /// Takes some bytes, which may be a part of a line or of a character.
    fn write(&mut self, stream: Stream, bytes: &[u8]);
}

/// Forgets everything.
impl OutputSink for () {
    fn write(&mut self, _: Stream, _: &[u8]) {}
}

/// Our ends of a command's pipes.
pub(crate) struct Pipes {
    open: Vec<(Stream, File)>,
}

impl Pipes {
    /// Takes the captured streams of a child; there may be none.
    pub(crate) fn of(child: &mut Child) -> Self {
        let stdout = child
            .stdout
            .take()
            .map(|pipe| (Stream::Stdout, OwnedFd::from(pipe)));
        let stderr = child
            .stderr
            .take()
            .map(|pipe| (Stream::Stderr, OwnedFd::from(pipe)));
        let open = stdout
            .into_iter()
            .chain(stderr)
            .map(|(s, fd)| (s, File::from(fd)))
            .collect();
        Self { open }
    }

    /// Waits until something arrives or the process ends, at most this long, and delivers what
    /// arrived. Returns whether the process has ended.
    pub(crate) fn pump(
        &mut self,
        process: BorrowedFd<'_>,
        time: Duration,
        sink: &mut dyn OutputSink,
    ) -> io::Result<bool> {
        Ok(self.deliver(Some(process), time, sink)?.ended)
    }

    /// Delivers the rest after the command has ended. Children that it left behind may hold the
    /// pipes open for ever; what those write is read and forgotten, because a closed or a full
    /// pipe would kill or stop a service that a later command wants to use.
    pub(crate) fn finish(mut self, sink: &mut dyn OutputSink) -> io::Result<()> {
        let until = Instant::now() + GRACE;
        let mut delivered = 0;
        while !self.open.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            let bytes = self.deliver(None, left, sink)?.bytes;
            delivered += bytes;
            if left.is_zero() && (bytes == 0 || delivered > PIPE) {
                break;
            }
        }
        for (_, mut pipe) in self.open {
            // Ends when the last writer does, at the latest with the enclosure.
            std::thread::spawn(move || io::copy(&mut pipe, &mut io::sink()));
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        process: Option<BorrowedFd<'_>>,
        time: Duration,
        sink: &mut dyn OutputSink,
    ) -> io::Result<Delivery> {
        let mut fds: Vec<_> = self
            .open
            .iter()
            .map(|(_, pipe)| pipe.as_fd())
            .chain(process)
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut fds, Some(&timespec(time))) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Delivery::default()),
            Err(errno) => return Err(errno.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let ended = process.is_some() && ready.last() == Some(&true);
        let mut bytes = 0;
        let mut closed = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        for (index, (stream, pipe)) in self.open.iter_mut().enumerate() {
            if !ready[index] {
                continue;
            }
            match pipe.read(&mut buffer) {
                Ok(0) => closed.push(*stream),
                Ok(count) => {
                    bytes += count;
                    sink.write(*stream, &buffer[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.open.retain(|(stream, _)| !closed.contains(stream));
        Ok(Delivery { ended, bytes })
    }
}

#[derive(Default)]
struct Delivery {
    ended: bool,
    bytes: usize,
}
