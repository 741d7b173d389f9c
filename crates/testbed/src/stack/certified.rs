//! A builder behind certificates.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use camino::Utf8Path;

/// A builder's socket, reached over TLS by who has a certificate, until it is dropped. Needs `openssl` and
/// `socat`.
#[derive(Debug)]
pub struct Certified {
    socat: Child,
    /// Its address, as buildx wants it.
    pub address: String,
    /// What `--driver-opt` has to say.
    pub options: String,
}

impl Certified {
    /// Makes an authority and certificates in a folder that is not there yet, and listens.
    pub(super) fn serve(folder: &Utf8Path, socket: &Utf8Path) -> Self {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("names"), "subjectAltName=DNS:builder.test\n").unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        let authority = "-days 2 -subj /CN=ca -keyout ca.key -out ca.pem";
        openssl(folder, &format!("req -x509 {key} {authority}"));
        for name in ["server", "client"] {
            let asked = format!("-subj /CN={name} -keyout {name}.key -out {name}.csr");
            openssl(folder, &format!("req {key} {asked}"));
            let sign = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
            openssl(
                folder,
                &format!("x509 -req -in {name}.csr {sign} -out {name}.pem"),
            );
        }
        let files = [
            ("cacert", "ca.pem"),
            ("cert", "client.pem"),
            ("key", "client.key"),
        ];
        let files = files.map(|(name, file)| format!("{name}={}", folder.join(file)));
        let options = format!("{},servername=builder.test", files.join(","));
        for _ in 0..20 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let secrets = "cert=server.pem,key=server.key,cafile=ca.pem,verify=1";
            let from = format!("OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,{secrets}");
            let socat = Command::new("socat")
                .args([from, format!("UNIX-CONNECT:{socket}")])
                .current_dir(folder)
                .stderr(Stdio::null())
                .spawn();
            let mut certified = Self {
                socat: socat.expect("socat has to be installed"),
                address: format!("tcp://127.0.0.1:{port}"),
                options: options.clone(),
            };
            // Until it listens, or has found the port taken meanwhile.
            while certified.socat.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return certified;
                }
                std::thread::yield_now();
            }
        }
        panic!("socat found no free port");
    }
}

impl Drop for Certified {
    fn drop(&mut self) {
        let _ = self.socat.kill();
        let _ = self.socat.wait();
    }
}

/// Runs openssl in a folder.
fn openssl(folder: &Utf8Path, line: &str) {
    let run = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    let done = run.expect("openssl has to be installed");
    assert!(done.success(), "openssl {line}");
}
