//! A unix socket, reachable over TCP as well.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use camino::{Utf8Path, Utf8PathBuf};

/// A port of this machine's that leads to a unix socket, until it is dropped.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Forward {
    /// Leads to this socket.
    ///
    /// # Panics
    /// If there is no port.
    pub fn to(socket: &Utf8Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let (socket, is_over) = (socket.to_owned(), Arc::clone(&ended));
        let accepting = std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let socket: Utf8PathBuf = socket.clone();
                std::thread::spawn(move || pass_on(&client, &socket));
            }
        });
        Self {
            address,
            ended,
            accepting: Some(accepting),
        }
    }

    /// Its address, as in `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("tcp://{}", self.address)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes who accepts.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

/// One connection, to its end.
fn pass_on(client: &TcpStream, socket: &Utf8Path) {
    let Ok(server) = UnixStream::connect(socket) else {
        return;
    };
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let _ = std::io::copy(&mut &*client, &mut &server);
            let _ = server.shutdown(std::net::Shutdown::Write);
        });
        let _ = std::io::copy(&mut &server, &mut &*client);
        let _ = client.shutdown(std::net::Shutdown::Write);
    });
}
