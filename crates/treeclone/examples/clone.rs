//! Copies one folder to a new name: `cargo run --release -p treeclone --example clone FROM TO`.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Instant;

use treeclone::{CopyOptions, Silent};

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &paths[..] else {
        return Err("expected two paths: FROM TO".into());
    };
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = File::open(parent.unwrap_or(".".as_ref()))?;
    let name = to.file_name().ok_or("TO needs a name")?;
    let from = File::open(from)?;
    let begin = Instant::now();
    let options = CopyOptions::default();
    let report = treeclone::copy_tree(from.as_fd(), parent.as_fd(), name, &options, &Silent)?;
    writeln!(std::io::stdout(), "{:?}\n{report:#?}", begin.elapsed())?;
    Ok(())
}
