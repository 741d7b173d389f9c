//! BuildKit inside a dockerd, on a socket of its own.
//!
//! A dockerd with containerd's image store serves BuildKit's API on its own socket after an upgrade of the
//! connection. A client of BuildKit does not ask for one; so this asks for it, and passes on.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use camino::{Utf8Path, Utf8PathBuf};

/// What moby's `/grpc` wants to be asked.
const UPGRADE: &[u8] =
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// A socket that leads to a daemon's BuildKit, until it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    socket: Utf8PathBuf,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Serves the BuildKit of the daemon behind one socket on another, which is not there yet.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn serve(daemon: &Utf8Path, socket: Utf8PathBuf) -> Self {
        let listener = UnixListener::bind(&socket).unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let (daemon, is_over) = (daemon.to_owned(), Arc::clone(&ended));
        let accepting = std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let daemon = daemon.clone();
                std::thread::spawn(move || pass_on(client, &daemon));
            }
        });
        Self {
            socket,
            ended,
            accepting: Some(accepting),
        }
    }

    /// The socket's path.
    pub fn socket(&self) -> &Utf8Path {
        &self.socket
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes who accepts. If the socket's folder is gone already, nobody can, and it ends with the test.
        if UnixStream::connect(&self.socket).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// One connection, to its end. A daemon that is gone ends the client's as well.
fn pass_on(client: UnixStream, daemon: &Utf8Path) {
    let Ok(mut server) = UnixStream::connect(daemon) else {
        return;
    };
    if server.write_all(UPGRADE).is_err() || !is_switched(&mut server) {
        return;
    }
    let (Ok(up_from), Ok(up_to)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let up = std::thread::spawn(move || copy(up_from, up_to));
    copy(server, client);
    let _ = up.join();
}

fn is_switched(server: &mut UnixStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 4096 || server.read_exact(&mut byte).is_err() {
            return false;
        }
        head.push(byte[0]);
    }
    head.starts_with(b"HTTP/1.1 101")
}

fn copy(mut from: UnixStream, mut to: UnixStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
