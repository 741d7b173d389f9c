use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;

use cachecore::dataroot::buildkit::Book;
use cachecore::dataroot::containerd::{self, Blob, Containerd};
use cachecore::dataroot::{Diff, Part};
use rustix::fs::FileType;

use super::MAX_ENTRIES;
use super::books::book;
use super::room::Room;
use crate::error::StoreError;
use crate::handle::Handle;

/// What containerd keeps of images in this part of a data root.
pub(super) fn read(part: Part, root: &Handle, room: &mut Room) -> Result<Containerd, StoreError> {
    let mut found = Containerd {
        blobs: blobs(part, root, room)?,
        ..Containerd::default()
    };
    let Some(snapshotter) = root.descend(part.snapshotter().as_bytes())? else {
        return Ok(found);
    };
    found.snapshots = book(&snapshotter, "metadata.db", containerd::rows)?;
    if let Book::Read(rows) = &found.snapshots {
        room.take_book(&snapshotter, rows.keys().map(Vec::len))?;
    }
    if let Some(snapshots) = snapshotter.folder_if_there("snapshots")? {
        for name in super::folders(Some(&snapshots))? {
            let snapshot = snapshots.folder(&name)?;
            let fs = match snapshot.kind("fs")? {
                None => Diff::Missing,
                Some(FileType::Directory) => Diff::Directory,
                Some(FileType::Symlink) => Diff::Symlink(snapshot.link("fs")?),
                Some(_) => Diff::Other,
            };
            room.take(&snapshots, [name.len(), target(&fs)])?;
            found.folders.insert(name.into_vec(), fs);
        }
    }
    Ok(found)
}

fn target(fs: &Diff) -> usize {
    match fs {
        Diff::Symlink(target) => target.len(),
        Diff::Missing | Diff::Directory | Diff::Other => 0,
    }
}

fn blobs(
    part: Part,
    root: &Handle,
    room: &mut Room,
) -> Result<BTreeMap<Vec<u8>, Blob>, StoreError> {
    let mut found = BTreeMap::new();
    let Some(folder) = root.descend(part.blobs().as_bytes())? else {
        return Ok(found);
    };
    for name in folder.names(MAX_ENTRIES)? {
        let blob = match folder.kind(&name)? {
            None => continue,
            Some(FileType::RegularFile) => Blob::File,
            Some(FileType::Symlink) => Blob::Symlink(folder.link(&name)?),
            Some(_) => Blob::Other,
        };
        let target = match &blob {
            Blob::Symlink(target) => target.len(),
            Blob::File | Blob::Other => 0,
        };
        room.take(&folder, [name.len(), target])?;
        found.insert(name.into_vec(), blob);
    }
    Ok(found)
}
