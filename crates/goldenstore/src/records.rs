//! Reads and writes the store's records. Nothing is edited in place: a record is written aside,
//! flushed, and renamed over the old one, so a reader sees the old or the new, never a part.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use cachecore::record::{self};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::handle::{Handle, Small};

/// Longest record that is read. The largest is the manifest, at about 200 bytes a layer.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// Reads a record; `None` if it is not there.
pub(crate) fn read<T: DeserializeOwned>(
    folder: &Handle,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let path = || folder.path().join(name);
    match folder.small(name, MAX_RECORD)? {
        Small::Missing => Ok(None),
        Small::Unreadable => Err(StoreError::Unexpected {
            path: path(),
            expected: "a regular file of a record's size",
        }),
        Small::Bytes(bytes) => {
            record::parse(&bytes)
                .map(Some)
                .map_err(|source| StoreError::Record {
                    path: path(),
                    source,
                })
        }
    }
}

/// Writes a record and flushes it, so that it outlives a power cut.
pub(crate) fn write<T: Serialize>(
    folder: &Handle,
    name: &str,
    record: &T,
) -> Result<(), StoreError> {
    write_aside(folder, name, record, true)?;
    folder.sync()
}

/// Writes a record without flushing it: for what only this boot needs.
pub(crate) fn write_unflushed<T: Serialize>(
    folder: &Handle,
    name: &str,
    record: &T,
) -> Result<(), StoreError> {
    write_aside(folder, name, record, false)
}

/// Whether a folder has something that is, or was, written aside.
pub(crate) fn has_asides(folder: &Handle) -> Result<bool, StoreError> {
    Ok(folder.names(usize::MAX)?.iter().any(is_aside))
}

/// Removes what killed commands had written aside in a folder. The caller excludes those that write.
pub(crate) fn clear_asides(folder: &Handle) -> Result<(), StoreError> {
    clear(folder, is_aside)
}

/// Removes what killed commands had written aside for one record. The caller excludes those that
/// write it.
pub(crate) fn clear_asides_of(folder: &Handle, record: &str) -> Result<(), StoreError> {
    let prefix = format!(".{record}.");
    clear(folder, |name| {
        name.as_bytes().starts_with(prefix.as_bytes())
    })
}

fn clear(folder: &Handle, which: impl Fn(&OsString) -> bool) -> Result<(), StoreError> {
    for name in folder.names(usize::MAX)?.iter().filter(|name| which(name)) {
        match rustix::fs::unlinkat(folder.as_fd(), name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(StoreError::io("remove", folder.path().join(name), e)),
        }
    }
    Ok(())
}

fn is_aside(name: &OsString) -> bool {
    name.as_bytes().starts_with(b".")
}

fn write_aside<T: Serialize>(
    folder: &Handle,
    name: &str,
    record: &T,
    flush: bool,
) -> Result<(), StoreError> {
    let aside = format!(".{name}.{}", crate::nonce::fresh());
    let failed = |action| {
        let path = folder.path().join(name);
        move |e: std::io::Error| StoreError::io(action, path, e)
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(folder.as_fd(), &aside, flags, Mode::from_raw_mode(0o600))
        .map_err(|e| failed("write")(e.into()))?;
    let mut file = std::fs::File::from(fd);
    let written = file
        .write_all(&record::render(record))
        .and_then(|()| if flush { file.sync_all() } else { Ok(()) })
        .and_then(|()| Ok(folder.rename(&aside, folder, name, RenameFlags::empty())?));
    if written.is_err() {
        // The old record still stands; the new one's file is of no use to anyone.
        let _ = rustix::fs::unlinkat(folder.as_fd(), &aside, AtFlags::empty());
    }
    written.map_err(failed("write"))
}
