//! Copies one folder to a new name and shows how it goes on, then removes what it made if it could
//! not finish: `cargo run --release -p treeclone --example clone FROM TO`.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use treeclone::{CopyOptions, Observer, Silent};

/// Sums up what the threads tell, and writes it in place.
#[derive(Default)]
struct Progress {
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl Observer for Progress {
    fn advanced(&self, entries: u64, bytes: u64) {
        let entries = self.entries.fetch_add(entries, Ordering::Relaxed) + entries;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let _ = write!(
            std::io::stderr(),
            "\r{entries} entries, {} MB",
            bytes / 1_000_000
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &paths[..] else {
        return Err("expected two paths: FROM TO".into());
    };
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = File::open(parent.unwrap_or(".".as_ref()))?;
    let name = to.file_name().ok_or("TO needs a name")?;
    if to.symlink_metadata().is_ok() {
        return Err(format!("{} is there already", to.display()).into());
    }
    let from = File::open(from)?;
    let begin = Instant::now();
    let options = CopyOptions::default();
    let progress = Progress::default();
    match treeclone::copy_tree(from.as_fd(), parent.as_fd(), name, &options, &progress) {
        Ok(report) => writeln!(std::io::stdout(), "\n{:?}\n{report:#?}", begin.elapsed())?,
        Err(error) => {
            treeclone::remove_tree(parent.as_fd(), name, &Silent)?;
            let help = error.help().unwrap_or("nothing is left of the copy");
            return Err(format!("{error} ({help})").into());
        }
    }
    Ok(())
}
