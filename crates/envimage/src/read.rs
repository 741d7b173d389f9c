//! A spec with all that it names: scripts and the files beside them.
//!
//! The spec is opened as its name says, wherever that leads. What it names lies in its folder or below:
//! symbolic links on the way there are not followed, because they would lead out of what the key covers and
//! of what a project's folder is trusted with. All reads are bounded, and nothing is waited for.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use cachecore::environment::materials::{self, Materials};
use cachecore::environment::spec::{self, Position, Spec, SpecError};
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::file::{self, FileError};

/// The longest script, and the longest file beside one, in bytes.
pub const LONGEST_FILE: u64 = 1 << 20;

/// How many bytes all files of a spec have at most.
pub const MOST_BYTES: u64 = 16 << 20;

/// A spec, and what was read for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The spec.
    pub spec: Spec,
    /// Its scripts and what lies beside them.
    pub materials: Materials,
    /// Its folder, as it was named; `.` if it was named without one.
    pub folder: Utf8PathBuf,
}

/// Why a spec, or what it names, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The spec's file, or one that it names, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The spec is wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A file that the spec names is not there.
    #[error("{path}: no such file; {spec} names it")]
    Absent {
        /// The file.
        path: Utf8PathBuf,
        /// The spec's file.
        spec: Utf8PathBuf,
    },
    /// A script cannot be one.
    #[error("{path}:{at}: {what}")]
    Script {
        /// The script.
        path: Utf8PathBuf,
        /// Where.
        at: Position,
        /// What is wrong there.
        what: &'static str,
    },
    /// The files of a spec are more than are read.
    #[error("{path}: with this file, those of the spec have more than {most} bytes")]
    TooMuch {
        /// The file that is too much.
        path: Utf8PathBuf,
        /// The limit in bytes.
        most: u64,
    },
}

impl ReadError {
    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::File(FileError::NoFile { kind, .. }) if kind.contains("link") => {
                Some("name the file that it leads to, in the spec's folder".to_owned())
            }
            Self::File(error) => error.help().map(str::to_owned),
            Self::Spec(error) => error.help(),
            Self::Absent { .. } => Some("files are named from the spec's folder".to_owned()),
            Self::Script { .. } => Some("save it as UTF-8 with line ends of Unix".to_owned()),
            Self::TooMuch { .. } => {
                Some("`sources` are for scripts; download data, or have it in the base".to_owned())
            }
        }
    }

    /// Whether something that was named is not there.
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Absent { .. } | Self::File(FileError::NotFound { .. })
        )
    }
}

/// Reads a spec and all files that it names.
///
/// # Errors
/// [`ReadError`] says which file is wrong, and where.
pub fn load(path: &Utf8Path) -> Result<Loaded, ReadError> {
    let bytes = file::read(path, spec::LONGEST as u64)?;
    let spec = Spec::parse_bytes(&bytes, path.as_str())?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder.to_owned(),
        _ => Utf8PathBuf::from("."),
    };
    let materials = gather(&spec, &folder, path)?;
    Ok(Loaded {
        spec,
        materials,
        folder,
    })
}

/// Reads the files that a spec names, from its folder. `named` is its own file, for messages.
///
/// # Errors
/// As [`load`].
pub fn gather(spec: &Spec, folder: &Utf8Path, named: &Utf8Path) -> Result<Materials, ReadError> {
    let mut left = MOST_BYTES;
    let materials = Materials::gather(spec, |path| {
        let (executable, bytes) = below(folder, path, named)?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let path = folder.join(path);
            let most = MOST_BYTES;
            ReadError::TooMuch { path, most }
        })?;
        Ok::<_, ReadError>(materials::File {
            path: path.to_owned(),
            executable,
            bytes,
        })
    })?;
    for files in materials.stages.iter().chain(&materials.run) {
        let script = &files.script;
        if let Some((at, what)) = no_script(&script.bytes) {
            let path = folder.join(&script.path);
            return Err(ReadError::Script { path, at, what });
        }
    }
    Ok(materials)
}

/// Whether a file below a folder may be executed, and what is in it.
fn below(
    folder: &Utf8Path,
    path: &Utf8Path,
    named: &Utf8Path,
) -> Result<(bool, Vec<u8>), ReadError> {
    let whole = folder.join(path);
    let failed = |errno: Errno| match errno {
        Errno::NOENT => ReadError::Absent {
            path: whole.clone(),
            spec: named.to_owned(),
        },
        errno => ReadError::File(FileError::Io {
            what: "read",
            path: whole.clone(),
            source: io::Error::from(errno),
        }),
    };
    let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let start = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at: OwnedFd =
        rustix::fs::openat(CWD, folder.as_str(), start, Mode::empty()).map_err(failed)?;
    let parents = path.parent().unwrap_or(Utf8Path::new(""));
    for name in parents.iter() {
        at = match rustix::fs::openat(&at, name, on_the_way, Mode::empty()) {
            Ok(next) => next,
            Err(errno) => return Err(link(&at, name, &whole).unwrap_or_else(|| failed(errno))),
        };
    }
    let name = path.file_name().unwrap_or_default();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(&at, name, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(errno) => return Err(link(&at, name, &whole).unwrap_or_else(|| failed(errno))),
    };
    let metadata = opened.metadata();
    let metadata =
        metadata.map_err(|error| failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    if !metadata.is_file() {
        let kind = file::kind(metadata.mode());
        return Err(FileError::NoFile { path: whole, kind }.into());
    }
    let bytes = file::contents(opened, metadata.len(), &whole, LONGEST_FILE)?;
    Ok((metadata.mode() & 0o111 != 0, bytes))
}

/// That something on the way is a link, or a socket, which cannot be opened either.
fn link(at: impl AsFd, name: &str, path: &Utf8Path) -> Option<ReadError> {
    let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let found = FileType::from_raw_mode(stat.st_mode);
    if !matches!(found, FileType::Symlink | FileType::Socket) {
        return None;
    }
    let kind = file::kind(stat.st_mode);
    let path = path.to_owned();
    Some(FileError::NoFile { path, kind }.into())
}

/// Why no shell reads this as it is meant, and where. A file that ends its lines in another system's manner
/// does so in the first line.
fn no_script(bytes: &[u8]) -> Option<(Position, &'static str)> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        let what = "here is a byte order mark, which a shell takes for a command";
        return Some((Position::START, what));
    }
    let place = |at: usize| {
        let before = String::from_utf8_lossy(&bytes[..at]);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Some((place(at), "here is a NUL: this is no script"));
    }
    let first = bytes.iter().position(|byte| *byte == b'\n')?;
    let at = first.checked_sub(1).filter(|at| bytes[*at] == b'\r')?;
    let what = "lines end with CR and LF; a shell takes the CR for a part of the command";
    Some((place(at), what))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Folder {
        _keep: tempfile::TempDir,
        path: Utf8PathBuf,
    }

    impl Folder {
        fn with(files: &[(&str, &[u8])]) -> Self {
            let keep = tempfile::tempdir().unwrap();
            let path = Utf8PathBuf::from_path_buf(keep.path().to_owned()).unwrap();
            for (name, bytes) in files {
                let file = path.join(name);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, bytes).unwrap();
            }
            Self { _keep: keep, path }
        }

        fn load(&self) -> Result<Loaded, String> {
            load(&self.path.join("env.yaml"))
                .map_err(|error| error.to_string().replace(self.path.as_str(), "."))
        }
    }

    const SPEC: &[u8] =
        b"version: 1\nimage: a\nstages: [{name: x, script: s/a.sh, sources: [lib]}]\n";

    #[test]
    fn a_spec_is_read_with_all_that_it_names() {
        let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", b"a"), ("lib", b"l")]);
        let script = folder.path.join("s/a.sh");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let loaded = folder.load().unwrap();
        let files: Vec<_> = loaded.materials.stages[0]
            .all()
            .map(|file| (file.path.as_str(), file.mode(), file.bytes.as_slice()))
            .collect();
        assert_eq!(
            files,
            [("s/a.sh", 0o755, &b"a"[..]), ("lib", 0o644, &b"l"[..])]
        );
        assert_eq!(loaded.folder, folder.path);
    }

    #[test]
    fn what_is_not_there_is_said_with_who_names_it() {
        let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", b"a")]);
        assert_eq!(
            folder.load().unwrap_err(),
            "./lib: no such file; ./env.yaml names it"
        );
        let nothing = Folder::with(&[]);
        assert_eq!(nothing.load().unwrap_err(), "./env.yaml: no such file");
    }

    #[test]
    fn links_are_not_followed_wherever_they_lead() {
        for (at, to) in [("lib", "s/a.sh"), ("lib", "/etc/hostname"), ("lib", "gone")] {
            let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", b"a")]);
            symlink(to, folder.path.join(at)).unwrap();
            assert_eq!(
                folder.load().unwrap_err(),
                "./lib: this is a symbolic link, not a file"
            );
        }
        let folder = Folder::with(&[("env.yaml", SPEC), ("real/a.sh", b"a"), ("lib", b"l")]);
        symlink("real", folder.path.join("s")).unwrap();
        assert_eq!(
            folder.load().unwrap_err(),
            "./s/a.sh: this is a symbolic link, not a file"
        );
        // The spec itself is what its name leads to; its folder is that of the name.
        let folder = Folder::with(&[("other/env.yaml", SPEC), ("s/a.sh", b"a"), ("lib", b"l")]);
        symlink("other/env.yaml", folder.path.join("env.yaml")).unwrap();
        assert!(folder.load().is_ok());
    }

    #[test]
    fn only_files_are_read_and_nothing_is_waited_for() {
        let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", b"a"), ("lib/x", b"")]);
        assert_eq!(
            folder.load().unwrap_err(),
            "./lib: this is a folder, not a file"
        );
        std::fs::remove_dir_all(folder.path.join("lib")).unwrap();
        let pipe = folder.path.join("lib");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, pipe.as_std_path(), FileType::Fifo, mode, 0).unwrap();
        assert_eq!(
            folder.load().unwrap_err(),
            "./lib: this is a pipe, not a file"
        );
        std::fs::remove_file(&pipe).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&pipe).unwrap();
        assert_eq!(
            folder.load().unwrap_err(),
            "./lib: this is a socket, not a file"
        );
        let folder = Folder::with(&[("env.yaml", SPEC), ("s", b"a"), ("lib", b"")]);
        assert!(
            folder
                .load()
                .unwrap_err()
                .starts_with("cannot read ./s/a.sh")
        );
    }

    #[test]
    fn what_is_longer_than_a_script_is_not_read() {
        let long = vec![b'x'; (1 << 20) + 1];
        let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", b"a"), ("lib", &long)]);
        assert_eq!(
            folder.load().unwrap_err(),
            "./lib: the file has 1048577 bytes, at most 1048576 are read"
        );
        let mut spec =
            b"version: 1\nimage: a\nstages:\n- name: x\n  inline: x\n  sources:\n".to_vec();
        let folder = Folder::with(&[]);
        for at in 0..17 {
            spec.extend_from_slice(format!("  - f{at:02}\n").as_bytes());
            std::fs::write(folder.path.join(format!("f{at:02}")), &long[1..]).unwrap();
        }
        std::fs::write(folder.path.join("env.yaml"), spec).unwrap();
        assert_eq!(
            folder.load().unwrap_err(),
            "./f16: with this file, those of the spec have more than 16777216 bytes"
        );
    }

    #[test]
    fn a_script_that_no_shell_reads_as_meant_is_refused_with_its_place() {
        for (script, expected) in [
            (
                &b"#!/bin/sh\r\nls\r\n"[..],
                "./s/a.sh:1:10: lines end with CR and LF",
            ),
            (
                b"\xef\xbb\xbfls\n",
                "./s/a.sh:1:1: here is a byte order mark",
            ),
            (b"ls\n\xc3\xa4\0\n", "./s/a.sh:2:2: here is a NUL"),
            (b"\x7fELF\x02\x01\x01\0\0", "./s/a.sh:1:8: here is a NUL"),
        ] {
            let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", script), ("lib", b"\0")]);
            let said = folder.load().unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        }
        // A here-document may have such lines, and nobody minds a comment in Latin-1, or nothing at all.
        for script in [&b"cat <<E\na\r\nE\n"[..], b"# \xe4\n", b"", b"\r"] {
            let folder = Folder::with(&[("env.yaml", SPEC), ("s/a.sh", script), ("lib", b"")]);
            assert!(folder.load().is_ok(), "{:?}", folder.load());
        }
    }
}
