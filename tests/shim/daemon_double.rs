//! A daemon's socket at which every request is written down, and answered as if it had been done.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tempfile::TempDir;

/// What is asked for, and with what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) body: Value,
}

/// The double. Its thread ends with the tests.
pub(crate) struct DaemonDouble {
    folder: TempDir,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl DaemonDouble {
    pub(crate) fn new() -> Self {
        let double = Self {
            folder: tempfile::tempdir().unwrap(),
            requests: Arc::default(),
        };
        let listener = UnixListener::bind(double.socket()).unwrap();
        let requests = Arc::clone(&double.requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let requests = Arc::clone(&requests);
                std::thread::spawn(move || serve(stream, &requests));
            }
        });
        double
    }

    fn socket(&self) -> Utf8PathBuf {
        let folder = Utf8Path::from_path(self.folder.path()).unwrap();
        folder.join("socket")
    }

    /// Its address.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket())
    }

    /// What it was asked for since this was called.
    pub(crate) fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn serve(stream: UnixStream, requests: &Mutex<Vec<Request>>) {
    let mut to = stream.try_clone().unwrap();
    let mut from = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if from.read_until(b'\n', &mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        from.read_exact(&mut body).unwrap();
        let line = head.lines().next().unwrap().to_owned();
        let (status, answer) = if line.contains("/_ping") {
            ("200 OK", String::new())
        } else if line.contains("/containers/create") {
            let id = "ab".repeat(32);
            (
                "201 Created",
                format!("{{\"Id\":\"{id}\",\"Warnings\":[]}}"),
            )
        } else if line.contains("/start") {
            ("204 No Content", String::new())
        } else {
            ("200 OK", "{}".to_owned())
        };
        if !line.contains("/_ping") {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            requests.lock().unwrap().push(Request { line, body });
        }
        let answer = format!(
            "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nOstype: linux\r\nServer: Docker/20.10\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if to.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
