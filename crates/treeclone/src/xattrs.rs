//! Extended attributes, of anything that can be in a tree.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::error::{During, Failure, Operation};

/// An attribute: its name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Xattr {
    pub(crate) name: CString,
    pub(crate) value: Vec<u8>,
}

/// Whose attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder<'a> {
    /// A file or folder that is open for reading or writing.
    Open(BorrowedFd<'a>),
    /// A symlink, device or fifo, open as `O_PATH`. The attribute calls refuse such a descriptor,
    /// but take its place in `/proc`, which leads to that very inode and nowhere else.
    Node(BorrowedFd<'a>),
}

/// What the kernel allows for a list of names and for a value.
const MOST: usize = 64 << 10;

/// Reads attributes, keeping the memory for it.
#[derive(Debug)]
pub(crate) struct Reader {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        // Small at first: the kernel allocates what it is offered, for each call.
        Self {
            names: vec![0; 1 << 10],
            value: vec![0; 1 << 10],
        }
    }

    /// All attributes that the filesystem shows, in the order of their names; none where the
    /// filesystem knows no attributes.
    pub(crate) fn read(&mut self, of: Holder<'_>) -> Result<Vec<Xattr>, Failure> {
        let length = match self.list(of) {
            Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            listed => listed.during(Operation::ListXattrs)?,
        };
        let mut xattrs = Vec::new();
        for name in self.names[..length].split_inclusive(|&byte| byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else {
                return Err(Failure::Changed);
            };
            let length = loop {
                match get(of, name, &mut self.value) {
                    Err(Errno::RANGE) if self.value.len() < MOST => self.value.resize(MOST, 0),
                    got => {
                        break got.during(Operation::ReadXattr(name.to_bytes().to_vec()))?;
                    }
                }
            };
            xattrs.push(Xattr {
                name: name.to_owned(),
                value: self.value[..length].to_vec(),
            });
        }
        xattrs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(xattrs)
    }

    fn list(&mut self, of: Holder<'_>) -> Result<usize, Errno> {
        loop {
            let buffer = self.names.as_mut_slice();
            let listed = match of {
                Holder::Open(fd) => rustix::fs::flistxattr(fd, buffer),
                Holder::Node(fd) => rustix::fs::listxattr(in_proc(fd), buffer),
            };
            match listed {
                Err(Errno::RANGE) if self.names.len() < MOST => self.names.resize(MOST, 0),
                listed => return listed,
            }
        }
    }
}

fn get(of: Holder<'_>, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
    match of {
        Holder::Open(fd) => rustix::fs::fgetxattr(fd, name, value),
        Holder::Node(fd) => rustix::fs::getxattr(in_proc(fd), name, value),
    }
}

/// Sets all of them. One that the filesystem does not take is an error that names it.
pub(crate) fn write(to: Holder<'_>, xattrs: &[Xattr]) -> Result<(), Failure> {
    for Xattr { name, value } in xattrs {
        let none = XattrFlags::empty();
        match to {
            Holder::Open(fd) => rustix::fs::fsetxattr(fd, name, value, none),
            Holder::Node(fd) => rustix::fs::setxattr(in_proc(fd), name, value, none),
        }
        .during(Operation::WriteXattr(name.to_bytes().to_vec()))?;
    }
    Ok(())
}

/// Takes away the access control lists that a new folder got from the folder it was made in.
pub(crate) fn disinherit(fd: BorrowedFd<'_>) -> Result<(), Failure> {
    for name in [c"system.posix_acl_default", c"system.posix_acl_access"] {
        match rustix::fs::fremovexattr(fd, name) {
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            refused => {
                refused.during(Operation::RemoveXattr(name.to_bytes().to_vec()))?;
            }
        }
    }
    Ok(())
}

/// The path that leads to what an `O_PATH` descriptor is open on.
pub(crate) fn in_proc(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}
