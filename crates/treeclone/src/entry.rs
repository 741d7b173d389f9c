//! What is known about one entry of a tree.

use std::os::fd::AsFd;

use rustix::fs::{FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid};

use crate::error::{During, Failure, Operation};

/// Which inode: two entries with the same one are the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) device: u64,
    inode: u64,
}

/// The metadata of an entry, the same on every architecture.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: Id,
    pub(crate) kind: FileType,
    pub(crate) mode: Mode,
    pub(crate) owner: Uid,
    pub(crate) group: Gid,
    pub(crate) size: u64,
    pub(crate) allocated: u64,
    pub(crate) names: u64,
    pub(crate) device: u64,
    pub(crate) times: Timestamps,
}

impl Entry {
    /// Of what the descriptor is open on, an `O_PATH` one included.
    pub(crate) fn of(fd: impl AsFd) -> Result<Self, Failure> {
        rustix::fs::fstat(fd)
            .map(|stat| Self::from(&stat))
            .during(Operation::Stat)
    }
}

// The widths differ between architectures, so some casts do nothing on this one.
#[allow(clippy::unnecessary_cast)]
impl From<&Stat> for Entry {
    fn from(stat: &Stat) -> Self {
        let time = |seconds, nanoseconds| Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds,
        };
        Self {
            id: Id {
                device: stat.st_dev as u64,
                inode: stat.st_ino as u64,
            },
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: Mode::from_raw_mode(stat.st_mode),
            owner: Uid::from_raw(stat.st_uid),
            group: Gid::from_raw(stat.st_gid),
            size: stat.st_size as u64,
            allocated: stat.st_blocks as u64 * 512,
            names: stat.st_nlink as u64,
            device: stat.st_rdev as u64,
            times: Timestamps {
                last_access: time(stat.st_atime as i64, stat.st_atime_nsec as _),
                last_modification: time(stat.st_mtime as i64, stat.st_mtime_nsec as _),
            },
        }
    }
}
