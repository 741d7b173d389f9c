//! Files that people name: read whole and bounded, and written so that nothing is lost.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

/// Why a file was not read or not written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is none of that name.
    #[error("{path}: no such file")]
    NotFound {
        /// As it was named.
        path: Utf8PathBuf,
    },
    /// It is a folder, a pipe, a device.
    #[error("{path}: this is {kind}, not a file")]
    NoFile {
        /// As it was named.
        path: Utf8PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// It is longer than is read.
    #[error("{path}: the file has {length} bytes, at most {most} are read")]
    TooLong {
        /// As it was named.
        path: Utf8PathBuf,
        /// Its length in bytes.
        length: u64,
        /// The limit in bytes.
        most: u64,
    },
    /// It is no text.
    #[error("{path}:{line}:{column}: this is no text: byte 0x{byte:02x} is not UTF-8")]
    NoText {
        /// As it was named.
        path: Utf8PathBuf,
        /// Line, from one.
        line: usize,
        /// Column, from one, in characters.
        column: usize,
        /// The byte.
        byte: u8,
    },
    /// There is one already, and it says something else.
    #[error("{path}: the file is there already, and says something else")]
    Exists {
        /// As it was named.
        path: Utf8PathBuf,
    },
    /// It is the file that is read.
    #[error("{path}: this is the file that is read; it stays as it is")]
    Same {
        /// As it was named.
        path: Utf8PathBuf,
    },
    /// The system refuses.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// As it was named.
        path: Utf8PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl FileError {
    /// What to do next, if that is known.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Exists { .. } => Some("name another with --to, or replace it with --force"),
            Self::Same { .. } => Some("name another with --to"),
            _ => None,
        }
    }
}

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// [`FileError`] if it is none, is longer, or cannot be read. Nothing is waited for.
pub fn read(path: &Utf8Path, most: u64) -> Result<Vec<u8>, FileError> {
    let (file, length) = open(path)?;
    contents(file, length, path, most)
}

/// What is in an open file of at most `most` bytes.
pub(crate) fn contents(
    file: File,
    length: u64,
    path: &Utf8Path,
    most: u64,
) -> Result<Vec<u8>, FileError> {
    let path = path.to_owned();
    if length > most {
        return Err(FileError::TooLong { path, length, most });
    }
    let mut bytes = Vec::new();
    let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes);
    if let Err(source) = read {
        let what = "read";
        return Err(FileError::Io { what, path, source });
    }
    // It may have grown.
    let length = bytes.len() as u64;
    if length > most {
        return Err(FileError::TooLong { path, length, most });
    }
    Ok(bytes)
}

/// Reads a text of at most `most` bytes.
///
/// # Errors
/// As [`read`], and where it is no UTF-8.
pub fn read_text(path: &Utf8Path, most: u64) -> Result<String, FileError> {
    let bytes = read(path, most)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = String::from_utf8_lossy(&bytes[..valid]);
        let line = before.rsplit('\n').next().unwrap_or_default();
        FileError::NoText {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            byte: bytes.get(valid).copied().unwrap_or_default(),
        }
    })
}

fn open(path: &Utf8Path) -> Result<(File, u64), FileError> {
    let path = path.to_owned();
    // A pipe without a writer is opened at once, and refused.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(&path)
        .and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(FileError::NotFound { path });
        }
        // What open(2) says of a socket.
        Err(source) if source.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            let kind = "a socket";
            return Err(FileError::NoFile { path, kind });
        }
        Err(source) => {
            let what = "read";
            return Err(FileError::Io { what, path, source });
        }
    };
    if !metadata.is_file() {
        let kind = kind(metadata.mode());
        return Err(FileError::NoFile { path, kind });
    }
    Ok((file, metadata.len()))
}

/// What something is that is no file.
pub(crate) fn kind(mode: u32) -> &'static str {
    use rustix::fs::FileType;
    match FileType::from_raw_mode(mode) {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        _ => "something else",
    }
}

/// What became of a file that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    /// It was not there.
    Created,
    /// It said the same already.
    Unchanged,
    /// It said something else.
    Replaced,
}

/// Writes a file whole or not at all, made out of the file `from`, which is never written.
///
/// A file that says something else is replaced only if `force` says so. It can be read by those who can
/// read `from`, and not by others.
///
/// # Errors
/// [`FileError`] if it is there or cannot be written; it is as it was then.
pub fn write(
    path: &Utf8Path,
    from: &Utf8Path,
    text: &str,
    force: bool,
) -> Result<Written, FileError> {
    let failed = |what: &'static str| {
        move |source| FileError::Io {
            what,
            path: path.to_owned(),
            source,
        }
    };
    if is_same(path, from) {
        let path = path.to_owned();
        return Err(FileError::Same { path });
    }
    let there = match read(path, text.len() as u64) {
        Ok(bytes) if bytes == text.as_bytes() => return Ok(Written::Unchanged),
        Ok(_) | Err(FileError::TooLong { .. }) => true,
        Err(FileError::NotFound { .. }) => false,
        Err(error) => return Err(error),
    };
    if there && !force {
        let path = path.to_owned();
        return Err(FileError::Exists { path });
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder,
        _ => Utf8Path::new("."),
    };
    if !folder.exists() {
        let path = folder.to_owned();
        return Err(FileError::NotFound { path });
    }
    let readable = std::fs::metadata(from).map_or(0o600, |of| of.mode() & 0o666 | 0o600);
    let mut aside = tempfile::Builder::new()
        .prefix(".envimage-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(readable))
        .tempfile_in(folder)
        .map_err(failed("write"))?;
    aside
        .write_all(text.as_bytes())
        .and_then(|()| aside.as_file().sync_all())
        .map_err(failed("write"))?;
    if there {
        aside
            .persist(path)
            .map_err(|error| failed("replace")(error.error))?;
        return Ok(Written::Replaced);
    }
    match aside.persist_noclobber(path) {
        Ok(_) => Ok(Written::Created),
        // Somebody else was faster.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            let path = path.to_owned();
            Err(FileError::Exists { path })
        }
        Err(error) => Err(failed("write")(error.error)),
    }
}

fn is_same(one: &Utf8Path, other: &Utf8Path) -> bool {
    let identity = |path: &Utf8Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    identity(one).is_some_and(|id| identity(other) == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        (folder, path)
    }

    #[test]
    fn only_files_are_read_and_only_so_far() {
        let (_keep, folder) = folder();
        let file = folder.join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert!(matches!(
            read(&file, 4),
            Err(FileError::TooLong {
                length: 5,
                most: 4,
                ..
            })
        ));
        assert!(matches!(
            read(&folder, 9),
            Err(FileError::NoFile {
                kind: "a folder",
                ..
            })
        ));
        assert!(matches!(
            read(&folder.join("none"), 9),
            Err(FileError::NotFound { .. })
        ));
    }

    #[test]
    fn a_pipe_and_a_socket_are_refused_at_once() {
        let (_keep, folder) = folder();
        let pipe = folder.join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            pipe.as_std_path(),
            rustix::fs::FileType::Fifo,
            mode,
            0,
        )
        .unwrap();
        assert!(matches!(
            read(&pipe, 9),
            Err(FileError::NoFile { kind: "a pipe", .. })
        ));
        let socket = folder.join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(matches!(
            read(&socket, 9),
            Err(FileError::NoFile {
                kind: "a socket",
                ..
            })
        ));
    }

    #[test]
    fn what_is_no_text_is_said_with_its_place() {
        let (_keep, folder) = folder();
        let file = folder.join("file");
        std::fs::write(&file, b"one\n\xc3\xa4b\xff").unwrap();
        let error = read_text(&file, 99).unwrap_err();
        assert!(error.to_string().contains(":2:3: "), "{error}");
    }

    #[test]
    fn a_file_is_written_once_and_replaced_only_by_force() {
        let (_keep, folder) = folder();
        let (old, new) = (folder.join("old"), folder.join("new"));
        std::fs::write(&old, "old").unwrap();
        assert_eq!(write(&new, &old, "one", false).unwrap(), Written::Created);
        assert_eq!(write(&new, &old, "one", false).unwrap(), Written::Unchanged);
        assert!(matches!(
            write(&new, &old, "two", false),
            Err(FileError::Exists { .. })
        ));
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "one");
        assert_eq!(write(&new, &old, "two", true).unwrap(), Written::Replaced);
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "two");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        let nowhere = write(&folder.join("none/new"), &old, "one", false).unwrap_err();
        assert!(
            nowhere.to_string().ends_with("/none: no such file"),
            "{nowhere}"
        );
    }

    #[test]
    fn a_file_can_be_read_by_those_who_can_read_what_it_is_made_of() {
        let (_keep, folder) = folder();
        let (old, new) = (folder.join("old"), folder.join("new"));
        std::fs::write(&old, "secret").unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&old, private).unwrap();
        write(&new, &old, "secret", false).unwrap();
        assert_eq!(std::fs::metadata(&new).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_file_that_is_read_is_never_written() {
        let (_keep, folder) = folder();
        let old = folder.join("old");
        std::fs::write(&old, "old").unwrap();
        let link = folder.join("link");
        std::os::unix::fs::symlink(&old, &link).unwrap();
        for to in [&old, &link] {
            assert!(matches!(
                write(to, &old, "new", true),
                Err(FileError::Same { .. })
            ));
        }
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "old");
    }
}
