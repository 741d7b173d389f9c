//! Where a daemon or a builder is, and a stream of bytes to it.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use camino::Utf8PathBuf;

/// Where something answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(Utf8PathBuf),
    /// A host and a port, without encryption.
    Tcp(String),
    /// Behind the standard streams of a program that knows the way: `docker system dial-stdio` to a daemon,
    /// `docker buildx dial-stdio` to a builder. So certificates, ssh and containers are docker's matter.
    Dialer(Dialer),
}

/// A program whose standard streams lead somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialer {
    /// Its path.
    pub program: PathBuf,
    /// Its words.
    pub words: Vec<OsString>,
    /// Variables besides those of this process.
    pub variables: Vec<(OsString, OsString)>,
    /// Where it leads, for people.
    pub to: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Dialer(dialer) => f.write_str(&dialer.to),
        }
    }
}

impl Endpoint {
    /// Reads an address as docker and buildx write it down: `unix:///path`, `tcp://host:port`. `None` for any
    /// other.
    pub fn parse(address: &str) -> Option<Self> {
        if let Some(path) = address.strip_prefix("unix://") {
            return path.starts_with('/').then(|| Self::Unix(path.into()));
        }
        let address = address.strip_prefix("tcp://")?;
        let (host, port) = address.rsplit_once(':')?;
        let is_whole = !host.is_empty() && port.parse::<u16>().is_ok();
        is_whole.then(|| Self::Tcp(address.to_owned()))
    }

    /// Connects to it.
    ///
    /// # Errors
    /// If nobody is there, or the program does not start. That the program does not find its way shows when the
    /// stream ends.
    pub(crate) fn connect(&self) -> io::Result<Stream> {
        let socket = match self {
            Self::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Socket::Tcp(stream)
            }
            Self::Dialer(dialer) => return dialer.dial(),
        };
        Ok(Stream {
            socket,
            dialing: None,
        })
    }
}

impl Dialer {
    fn dial(&self) -> io::Result<Stream> {
        let (ours, its) = UnixStream::pair()?;
        let child = Command::new(&self.program)
            .args(&self.words)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(its.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(its)))
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Stream {
            socket: Socket::Unix(ours),
            dialing: Some(Dialing(child)),
        })
    }
}

/// A stream of bytes, both ways.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) socket: Socket,
    /// Ends with the stream.
    #[cfg_attr(
        not(any(test, feature = "buildkit")),
        expect(dead_code, reason = "it is there to be dropped")
    )]
    pub(crate) dialing: Option<Dialing>,
}

impl Stream {
    /// How long a read waits; `None` for as long as it takes.
    pub(crate) fn set_read_timeout(&self, wait: Option<Duration>) -> io::Result<()> {
        match &self.socket {
            Socket::Unix(socket) => socket.set_read_timeout(wait),
            Socket::Tcp(socket) => socket.set_read_timeout(wait),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A program that passes on, until this is dropped.
#[derive(Debug)]
pub(crate) struct Dialing(Child);

impl Drop for Dialing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Read for &Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &self.socket {
            Socket::Unix(socket) => (&mut &*socket).read(to),
            Socket::Tcp(socket) => (&mut &*socket).read(to),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.socket {
            Socket::Unix(socket) => (&mut &*socket).write(bytes),
            Socket::Tcp(socket) => (&mut &*socket).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_buildx_writes_them() {
        for (address, read) in [
            ("unix:///run/b.sock", Some("unix:///run/b.sock")),
            ("tcp://10.0.0.2:1234", Some("tcp://10.0.0.2:1234")),
            ("tcp://[::1]:1234", Some("tcp://[::1]:1234")),
            ("unix://relative", None),
            ("tcp://host", None),
            ("tcp://:1234", None),
            ("docker-container://x", None),
            ("", None),
        ] {
            let endpoint = Endpoint::parse(address).map(|endpoint| endpoint.to_string());
            assert_eq!(endpoint.as_deref(), read, "{address}");
        }
    }

    #[test]
    fn a_program_s_standard_streams_are_a_way_and_it_ends_with_the_stream() {
        let dialer = Dialer {
            program: "cat".into(),
            words: Vec::new(),
            variables: Vec::new(),
            to: "an echo".to_owned(),
        };
        let stream = Endpoint::Dialer(dialer).connect().unwrap();
        (&stream).write_all(b"there").unwrap();
        let mut back = [0; 5];
        (&stream).read_exact(&mut back).unwrap();
        assert_eq!(&back, b"there");
        let pid = stream.dialing.as_ref().map(|dialing| dialing.0.id());
        drop(stream);
        let left = std::path::Path::new("/proc").join(pid.unwrap().to_string());
        assert!(!left.exists(), "{} is left", left.display());
    }
}
