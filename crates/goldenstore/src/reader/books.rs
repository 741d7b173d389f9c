//! The bolt databases that daemons keep their books in. They are read as they lie, a page at a time;
//! what cannot be read is a fact like any other.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use cachecore::bolt::{Bolt, Limits, ReadAt};
use cachecore::dataroot::buildkit::{self, Book, BookError, BuildKit};
use rustix::fs::OFlags;

use super::room::Room;
use crate::error::StoreError;
use crate::handle::{Handle, Regular};

/// A database's file.
pub(super) struct OnDisk(File);

impl ReadAt for OnDisk {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(into, offset)
    }
}

/// BuildKit's books of a classic store.
pub(super) fn buildkit(root: &Handle, room: &mut Room) -> Result<BuildKit, StoreError> {
    let Some(folder) = root.folder_if_there("buildkit")? else {
        return Ok(BuildKit::default());
    };
    let snapshots = book(&folder, "snapshots.db", buildkit::snapshots)?;
    if let Book::Read(rows) = &snapshots {
        room.take_book(
            &folder,
            rows.iter().map(|(key, row)| key.len() + row.bytes()),
        )?;
    }
    let records = book(&folder, "metadata_v2.db", buildkit::records)?;
    if let Book::Read(rows) = &records {
        room.take_book(
            &folder,
            rows.iter().map(|(key, row)| key.len() + row.bytes()),
        )?;
    }
    Ok(BuildKit { snapshots, records })
}

/// One book, as far as it can be read.
pub(super) fn book<T>(
    folder: &Handle,
    name: &str,
    read: impl Fn(&Bolt<OnDisk>) -> Result<BTreeMap<Vec<u8>, T>, BookError>,
) -> Result<Book<T>, StoreError> {
    Ok(match folder.regular(name, OFlags::RDONLY)? {
        Regular::Missing => Book::Missing,
        Regular::Other => Book::Unreadable("it is no regular file".to_owned()),
        Regular::File(file) => Book::of(
            Bolt::open(OnDisk(file), Limits::default())
                .map_err(BookError::from)
                .and_then(|bolt| read(&bolt)),
        ),
    })
}
