//! What can go wrong, and where it did.

use std::ffi::CStr;
use std::fmt;
use std::io;

use rustix::io::Errno;

use crate::path::{Shown, TreePath};

/// Why a tree could not be copied, compared, measured or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The observer asked for the end.
    #[error("interrupted")]
    Interrupted,
    /// The system refused an operation.
    #[error("failed to {operation}: {path}")]
    Io {
        /// What was tried.
        operation: Operation,
        /// On what, relative to the tree.
        path: TreePath,
        /// What the system said.
        source: io::Error,
    },
    /// Another filesystem, or a part of this one, is mounted inside the tree.
    #[error("refused to cross a mount point inside the tree: {path}")]
    MountPoint {
        /// The entry that something is mounted on.
        path: TreePath,
    },
    /// An entry was replaced, moved or cut short between two looks at it.
    #[error("changed while it was being worked on: {path}")]
    Changed {
        /// The entry.
        path: TreePath,
    },
    /// The copy would lie inside the tree that is copied.
    #[error("refused to copy a tree into itself: the copy lies at {path}")]
    IntoItself {
        /// Where in the source the copy was met.
        path: TreePath,
    },
    /// A name that is not the name of one entry: empty, `.`, `..`, or with a `/` or NUL in it.
    #[error("not the name of an entry: {name}")]
    Name {
        /// The name as it was given.
        name: TreePath,
    },
}

impl Error {
    /// What to do about it, where there is something that always helps.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::MountPoint { .. } => Some("unmount what is mounted there and try again"),
            Self::Changed { .. } => Some("stop whatever writes to the tree and try again"),
            Self::IntoItself { .. } => Some("choose a destination outside the tree"),
            Self::Io {
                source, operation, ..
            } => match Errno::from_io_error(source)? {
                Errno::MFILE | Errno::NFILE => Some("raise the limit of open files"),
                Errno::OPNOTSUPP if matches!(operation, Operation::WriteXattr(_)) => {
                    Some("choose a destination filesystem that keeps extended attributes")
                }
                _ if *operation == Operation::Share => Some(
                    "have both on one filesystem that shares blocks: btrfs, or XFS with reflink",
                ),
                Errno::PERM if *operation == Operation::Remove => {
                    Some("run as root; lsattr tells whether a flag keeps it from being removed")
                }
                Errno::PERM | Errno::ACCESS => Some("run as root"),
                _ => None,
            },
            Self::Interrupted | Self::Name { .. } => None,
        }
    }

    pub(crate) fn io(operation: Operation, path: TreePath, errno: Errno) -> Self {
        Self::Io {
            operation,
            path,
            source: errno.into(),
        }
    }
}

/// What was tried when the system refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Open a file, folder or other entry.
    Open,
    /// List a folder.
    List,
    /// Read owner, mode, size and times.
    Stat,
    /// Create an entry in the copy.
    Create,
    /// Create a further name of a file in the copy.
    Link,
    /// Read the target of a symlink.
    ReadLink,
    /// Read a file's content.
    Read,
    /// Write a file's content.
    Write,
    /// Let a copy share the blocks of a file.
    Share,
    /// Set the owner.
    SetOwner,
    /// Set the mode.
    SetMode,
    /// Set the times.
    SetTimes,
    /// List the extended attributes.
    ListXattrs,
    /// Read the extended attribute of this name.
    ReadXattr(Vec<u8>),
    /// Set the extended attribute of this name.
    WriteXattr(Vec<u8>),
    /// Take away the extended attribute of this name.
    RemoveXattr(Vec<u8>),
    /// Remove an entry.
    Remove,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Stat => "read the metadata of",
            Self::Create => "create",
            Self::Link => "create a hard link",
            Self::ReadLink => "read the target of",
            Self::Read => "read",
            Self::Write => "write",
            Self::Share => "share the blocks of",
            Self::SetOwner => "set the owner of",
            Self::SetMode => "set the mode of",
            Self::SetTimes => "set the times of",
            Self::ListXattrs => "list the extended attributes of",
            Self::ReadXattr(name) => {
                return write!(f, "read the extended attribute {} of", Shown(name));
            }
            Self::WriteXattr(name) => {
                return write!(f, "set the extended attribute {} of", Shown(name));
            }
            Self::RemoveXattr(name) => {
                return write!(f, "remove the extended attribute {} of", Shown(name));
            }
            Self::Remove => "remove",
        };
        f.write_str(words)
    }
}

/// A failure before its path is known: the leaves of this crate work on descriptors and names, and
/// building a path for each success would cost more than many a call.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(Operation, Errno),
    MountPoint,
    Changed,
    Interrupted,
}

impl Failure {
    pub(crate) fn at(self, path: TreePath) -> Error {
        match self {
            Self::Refused(operation, errno) => Error::io(operation, path, errno),
            Self::MountPoint => Error::MountPoint { path },
            Self::Changed => Error::Changed { path },
            Self::Interrupted => Error::Interrupted,
        }
    }
}

/// Names the operation that a result of a system call belongs to.
pub(crate) trait During<T> {
    fn during(self, operation: Operation) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Errno> {
    fn during(self, operation: Operation) -> Result<T, Failure> {
        self.map_err(|errno| Failure::Refused(operation, errno))
    }
}

/// Checks that `name` is the name of one entry.
pub(crate) fn entry_name(name: &std::ffi::OsStr) -> Result<std::ffi::CString, Error> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = name.as_bytes();
    let refused = || Error::Name {
        name: TreePath::new(bytes),
    };
    if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
        return Err(refused());
    }
    std::ffi::CString::new(bytes).map_err(|_| refused())
}

/// The path of one entry at the top of a tree or beside it.
pub(crate) fn path_of(name: &CStr) -> TreePath {
    TreePath::new(name.to_bytes())
}
