//! Whether a daemon has been there all the time.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use crate::endpoint::{Endpoint, Stream};

/// A connection that a daemon keeps open as long as it runs: it waits for events that never happen.
#[derive(Debug)]
pub struct Presence {
    stream: Stream,
}

/// No such container can be.
const ASKED: &str =
    "GET /events?filters=%7B%22container%22%3A%5B%22-%22%5D%7D HTTP/1.1\r\nHost: docker\r\n\r\n";

impl Presence {
    /// Looks from now on.
    ///
    /// # Errors
    /// If nobody is there.
    pub fn begin(endpoint: &Endpoint) -> io::Result<Self> {
        let stream = endpoint.connect()?;
        (&stream).write_all(ASKED.as_bytes())?;
        Ok(Self { stream })
    }

    /// Whether the daemon has gone since, or goes within so much time.
    pub fn ends_within(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut some = [0; 4096];
        loop {
            // Zero would be for ever.
            let left = until.saturating_duration_since(Instant::now());
            let left = Some(left.max(Duration::from_millis(1)));
            let limited = self.stream.set_read_timeout(left);
            if limited.is_err() {
                return true;
            }
            match (&self.stream).read(&mut some) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use camino::Utf8Path;

    use super::*;

    #[test]
    fn a_daemon_is_gone_when_it_hangs_up() {
        let dir = tempfile::tempdir().unwrap();
        let socket = Utf8Path::from_path(dir.path()).unwrap().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let presence = Presence::begin(&Endpoint::Unix(socket)).unwrap();
        let (mut daemon, _) = listener.accept().unwrap();
        daemon.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        assert!(!presence.ends_within(Duration::ZERO));
        drop(daemon);
        assert!(presence.ends_within(Duration::from_secs(20)));
    }
}
