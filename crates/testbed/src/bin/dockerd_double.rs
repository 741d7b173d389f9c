//! A double of dockerd, for tests that start more daemons than anybody waits for.
//!
//! It answers on its socket what `goldenctl` asks, holds the locks of the databases in its data root as
//! long as it lives, and ends on SIGTERM. `dockerd-double build`, run with its DOCKER_HOST, has it write
//! one more image, always the same. It runs no containers.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that stands in for another in tests, and says its version as that does"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use testbed::dataroot::{DataRoot, Layer};

/// Databases that a daemon keeps open and locked while it runs; those that are there.
const DATABASES: [&str; 7] = [
    "volumes/metadata.db",
    "network/files/local-kv.db",
    "buildkit/cache.db",
    "buildkit/snapshots.db",
    "buildkit/metadata_v2.db",
    "buildkit/containerdmeta.db",
    "buildkit/history.db",
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("--version") => println!("Docker version 26.1.5, build double"),
        Some("build") => build(),
        _ => serve(&words),
    }
}

/// Asks the daemon that DOCKER_HOST names for one more image.
fn build() {
    let host = std::env::var("DOCKER_HOST").unwrap();
    let mut stream = UnixStream::connect(host.strip_prefix("unix://").unwrap()).unwrap();
    write!(stream, "POST /build HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.contains(" 200 "), "{status}");
}

fn serve(words: &[String]) {
    let setting = |name: &str| {
        let value = words.iter().find_map(|word| word.strip_prefix(name));
        PathBuf::from(value.unwrap_or_else(|| panic!("{name} is not set")))
    };
    let data_root = setting("--data-root=");
    let mut ends = Signals::new([SIGTERM]).unwrap();
    // What is there is kept; of an empty data root it makes one.
    DataRoot::new().write(&data_root);
    let _locks: Vec<File> = DATABASES
        .iter()
        .filter_map(|path| lock(&data_root.join(path)))
        .collect();
    let network = data_root.join("network/files/local-kv.db");
    std::thread::spawn(move || {
        ends.forever().next();
        std::fs::write(network, "networks, closed").unwrap();
        std::process::exit(0);
    });
    let listener = UnixListener::bind(setting("--host=unix://")).unwrap();
    for stream in listener.incoming() {
        // A client that has gone meanwhile wants no answer.
        let _ = answer(&stream.unwrap(), &data_root);
    }
}

fn lock(path: &Path) -> Option<File> {
    let file = File::options().read(true).write(true).open(path).ok()?;
    flock(&file, FlockOperation::LockExclusive).unwrap();
    Some(file)
}

fn answer(mut stream: &UnixStream, data_root: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|l| !l.is_empty()) {}
    let body = match request.split(' ').nth(1) {
        Some("/_ping") => "OK",
        Some("/version") => r#"{"Version":"26.1.5"}"#,
        Some("/info") => r#"{"Driver":"overlay2"}"#,
        Some("/build") => {
            let layer = |name| Layer::new(name).files(3, 60);
            DataRoot::new()
                .image("built", &[layer("base"), layer("built")])
                .write(data_root);
            "built"
        }
        _ => return write!(stream, "HTTP/1.1 404 Not Found\r\n\r\n"),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
