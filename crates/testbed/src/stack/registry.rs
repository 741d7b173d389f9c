//! A registry to push to and to pull from.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use super::Stack;

/// A registry on this machine, where enclosed daemons reach it, until it is dropped. Needs
/// `docker-registry`.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    /// Its host and port.
    pub host: String,
}

impl Registry {
    /// Starts an empty one.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(stack: &Stack) -> Self {
        // The address that others see; nothing is sent.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect("192.0.2.1:9").unwrap();
        let address = socket.local_addr().unwrap().ip();
        for _ in 0..20 {
            let port = TcpListener::bind((address, 0))
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let host = format!("{address}:{port}");
            let settings = stack.fresh("registry.yml");
            let folder = stack.fresh("registry");
            let text = format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\nhttp: {{addr: '{host}'}}\n"
            );
            std::fs::write(&settings, text).unwrap();
            let child = Command::new("docker-registry")
                .args(["serve", settings.as_str()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let child = child.expect("docker-registry has to be installed");
            let mut registry = Self { child, host };
            // Until it listens, or has found the port taken meanwhile.
            while registry.child.try_wait().unwrap().is_none() {
                if TcpStream::connect(&registry.host).is_ok() {
                    return registry;
                }
                std::thread::yield_now();
            }
        }
        panic!("the registry found no free port");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
