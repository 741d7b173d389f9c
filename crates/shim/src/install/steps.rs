//! What was decided is done.

use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cachecore::dockerconfig::{Made, with_plugin_dir, without_plugin_dir};
use cachecore::install::Step;

use super::places::Places;
use super::record::Record;
use crate::builder::read;

/// Does it. Gives what was done: a folder that is no longer empty stays.
///
/// # Errors
/// A sentence about the first step that cannot be done. What was done before stays, and is not done again
/// the next time.
pub(super) fn carry_out(places: &Places, steps: Vec<Step>) -> Result<Vec<Step>, String> {
    let mut done = Vec::new();
    for step in steps {
        let result = match &step {
            Step::MakeFolder { path } => std::fs::create_dir(path).map(|()| true),
            Step::Link { path } => symlink(&places.program, path).map(|()| true),
            Step::List { config, folder } => list(Path::new(config), folder).map(|()| true),
            Step::Unlink { path } => std::fs::remove_file(path).map(|()| true),
            Step::Unlist { config, folder } => unlist(Path::new(config), folder).map(|()| true),
            Step::RemoveFolder { path } => remove_folder(Path::new(path)),
        };
        let is_done = result.map_err(|e| format!("{}: {e}", sentence(&step)))?;
        if let Step::MakeFolder { path } = &step {
            note_folder(places, path)
                .map_err(|e| format!("cannot note that {path} was made: {e}"))?;
        }
        if is_done {
            done.push(step);
        }
    }
    Ok(done)
}

fn sentence(step: &Step) -> String {
    match step {
        Step::MakeFolder { path } => format!("cannot make {path}"),
        Step::Link { path } => format!("cannot link {path}"),
        Step::Unlink { path } => format!("cannot remove {path}"),
        Step::RemoveFolder { path } => format!("cannot remove {path}"),
        Step::List { config, .. } | Step::Unlist { config, .. } => format!("cannot edit {config}"),
    }
}

/// Notes a folder beside the links for which it was made, as soon as that one is there.
fn note_folder(places: &Places, path: &str) -> io::Result<()> {
    let folders = places.folders();
    let Some(folder) = folders.iter().find(|folder| folder.path == path) else {
        return Ok(());
    };
    let folder_path = Path::new(&folder.path);
    let mut record = Record::of(folder_path);
    record.folders = folder.missing.clone();
    record.write(folder_path)
}

fn list(config: &Path, folder: &str) -> io::Result<()> {
    let config = resolved(config);
    let text = match read(&config) {
        Some(bytes) => Some(String::from_utf8(bytes).map_err(io::Error::other)?),
        None => None,
    };
    let (text, made) = with_plugin_dir(text.as_deref(), folder).map_err(io::Error::other)?;
    // Before it is so: what is noted and is not so does no harm.
    let mut record = Record::of(Path::new(folder));
    record.listing = Some(made);
    record.write(Path::new(folder))?;
    replace(&config, text.as_bytes(), Some(&config))
}

fn unlist(config: &Path, folder: &str) -> io::Result<()> {
    let config = resolved(config);
    let mut record = Record::of(Path::new(folder));
    let made = record.listing.unwrap_or(Made::Entry);
    let bytes = read(&config).ok_or(io::ErrorKind::InvalidData)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    match without_plugin_dir(&text, folder, made).map_err(io::Error::other)? {
        Some(text) => replace(&config, text.as_bytes(), Some(&config))?,
        None => std::fs::remove_file(&config)?,
    }
    if record.listing.take().is_some() {
        record.write(Path::new(folder))?;
    }
    Ok(())
}

/// Whether it went: somebody may have put something there meanwhile.
fn remove_folder(path: &Path) -> io::Result<bool> {
    let record = Record::path(path);
    let kept = std::fs::read(&record).ok();
    if kept.is_some() {
        std::fs::remove_file(&record)?;
    }
    match std::fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(e) => {
            if let Some(kept) = kept {
                std::fs::write(&record, kept)?;
            }
            Err(e)
        }
    }
}

/// Where a link leads, so that it stays one.
fn resolved(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Puts a file in place whole, with the mode that another has.
pub(super) fn replace(path: &Path, bytes: &[u8], like: Option<&Path>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut builder = tempfile::Builder::new();
    if let Some(meta) = like.and_then(|path| std::fs::metadata(path).ok()) {
        builder.permissions(meta.permissions());
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
