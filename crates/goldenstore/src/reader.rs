//! Reads a data root into a [`Listing`]. Decides nothing: what the facts mean is cachecore's.
//!
//! The data root was written by strangers with root. Every step is by folder descriptor and follows
//! no symlink, every file has a size limit, every folder a limit of entries.

mod books;
mod containerd;
mod image_config;
mod room;
mod strays;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cachecore::dataroot::Part;
use cachecore::dataroot::listing::{
    Diff, Folder, ImageConfig, Layer, Listing, Mount, Overlay2, Text,
};
use rustix::fs::FileType;

use crate::error::StoreError;
use crate::handle::{Handle, Small};
use crate::parts::Parts;
use room::Room;

/// Most entries in any folder that the reader lists. Hosts with 10,000 layers are unheard of.
const MAX_ENTRIES: usize = 50_000;
/// Longest `cache-id`, `link`, `parent`, `mount-id`, `init-id`: one word and a newline.
const MAX_WORD: usize = 256;
/// Longest `lower`: overlay2 allows 128 layers of 29 bytes each.
const MAX_LOWER: usize = 16 * 1024;
/// Most names that are read of a volume's `_data`: enough to recognise a data root.
const MAX_VOLUME_NAMES: usize = 64;

/// Where the root of a daemon's own containerd lies in its data root.
const OWN_CONTAINERD: &[u8] = b"containerd/daemon";
const SNAPSHOTTER_PREFIX: &[u8] = b"io.containerd.snapshotter.v1.";

/// Reads a data root.
///
/// # Errors
/// [`StoreError`] if a folder cannot be listed, is a symlink, or holds too much. Odd *files* are no
/// error: they are facts of the listing.
pub(crate) fn read(parts: &Parts) -> Result<Listing, StoreError> {
    let root = parts.docker();
    let elsewhere = parts.containerd();
    let mut snapshotters = match root.descend(OWN_CONTAINERD)? {
        Some(own) => snapshotters(&own)?,
        None => BTreeMap::new(),
    };
    if let Some(elsewhere) = elsewhere {
        for (name, used) in self::snapshotters(elsewhere)? {
            *snapshotters.entry(name).or_default() |= used;
        }
    }
    let mut room = Room::default();
    Ok(Listing {
        top: bytes(root.names(MAX_ENTRIES)?),
        image_drivers: image_drivers(root)?,
        snapshotters,
        overlay2: overlay2(root, &mut room)?,
        buildkit: books::buildkit(root, &mut room)?,
        containerd: containerd::read(Part::Docker, root, &mut room)?,
        elsewhere: elsewhere
            .map(|folder| containerd::read(Part::Containerd, folder, &mut room))
            .transpose()?,
        volumes: volumes(root, &mut room)?,
        strays: strays::find(parts, &mut room)?,
    })
}

fn bytes(names: Vec<OsString>) -> Vec<Vec<u8>> {
    names.into_iter().map(OsString::into_vec).collect()
}

/// The folders directly in `parent`, by name; nothing if `parent` is not there.
fn folders(parent: Option<&Handle>) -> Result<Vec<OsString>, StoreError> {
    let Some(parent) = parent else {
        return Ok(Vec::new());
    };
    let mut names = parent.names(MAX_ENTRIES)?;
    let mut kinds = Vec::with_capacity(names.len());
    for name in &names {
        kinds.push(parent.kind(name)? == Some(FileType::Directory));
    }
    let mut kinds = kinds.into_iter();
    names.retain(|_| kinds.next().unwrap_or(false));
    Ok(names)
}

fn image_drivers(root: &Handle) -> Result<Vec<Vec<u8>>, StoreError> {
    Ok(bytes(folders(root.folder_if_there("image")?.as_ref())?))
}

/// The snapshotters in a containerd's root, and whether they hold a snapshot.
fn snapshotters(containerd: &Handle) -> Result<BTreeMap<Vec<u8>, bool>, StoreError> {
    let mut found = BTreeMap::new();
    for name in folders(Some(containerd))? {
        let Some(snapshotter) = name.as_bytes().strip_prefix(SNAPSHOTTER_PREFIX) else {
            continue;
        };
        let snapshots = containerd.folder(&name)?.folder_if_there("snapshots")?;
        let used = match snapshots {
            Some(snapshots) => !snapshots.names(MAX_ENTRIES)?.is_empty(),
            None => false,
        };
        found.insert(snapshotter.to_vec(), used);
    }
    Ok(found)
}

/// The volumes, each with the names in its `_data`.
fn volumes(root: &Handle, room: &mut Room) -> Result<BTreeMap<Vec<u8>, Vec<Vec<u8>>>, StoreError> {
    let Some(volumes) = root.folder_if_there("volumes")? else {
        return Ok(BTreeMap::new());
    };
    let mut found = BTreeMap::new();
    for name in folders(Some(&volumes))? {
        let names = match volumes.folder(&name)?.folder_if_there("_data") {
            Ok(Some(data)) => first_names(&data)?,
            // A volume may keep anything there; only a folder can hold a data root.
            Ok(None) | Err(StoreError::Unexpected { .. }) => Vec::new(),
            Err(e) => return Err(e),
        };
        room.take(&volumes, names.iter().map(Vec::len))?;
        found.insert(name.into_vec(), names);
    }
    Ok(found)
}

/// The names in a folder if it has few, else none: a data root has a dozen.
fn first_names(folder: &Handle) -> Result<Vec<Vec<u8>>, StoreError> {
    match folder.names(MAX_VOLUME_NAMES) {
        Ok(names) => Ok(bytes(names)),
        Err(StoreError::TooLarge { .. }) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn overlay2(root: &Handle, room: &mut Room) -> Result<Option<Overlay2>, StoreError> {
    let driver = root.folder_if_there("overlay2")?;
    let image = root.descend(b"image/overlay2")?;
    if driver.is_none() && image.is_none() {
        return Ok(None);
    }
    let mut facts = Overlay2::default();
    if let Some(driver) = driver {
        facts.owner_gid = driver.own_stat()?.st_gid;
        for name in driver.names(MAX_ENTRIES)? {
            if name == "l" {
                continue;
            }
            // A file beside the folders (the quota driver's device node) belongs to no layer.
            if driver.kind(&name)? == Some(FileType::Directory) {
                let folder = layer_folder(&driver, &name)?;
                let diff = match &folder.diff {
                    Diff::Symlink(target) => target.len(),
                    Diff::Missing | Diff::Directory | Diff::Other => 0,
                };
                let texts = [&folder.link, &folder.lower].map(length);
                room.take(&driver, texts.into_iter().chain([diff]))?;
                facts.folders.insert(name.as_bytes().to_vec(), folder);
            }
        }
        if let Some(links) = driver.folder_if_there("l")? {
            for name in links.names(MAX_ENTRIES)? {
                let target = match links.kind(&name)? {
                    Some(FileType::Symlink) => Some(links.link(&name)?),
                    _ => None,
                };
                room.take(&links, target.iter().map(Vec::len))?;
                facts.short_links.insert(name.into_vec(), target);
            }
        }
    }
    if let Some(image) = image {
        let layers = image.descend(b"layerdb/sha256")?;
        for name in folders(layers.as_ref())? {
            let Some(layer) = layers.as_ref().map(|l| l.folder(&name)).transpose()? else {
                continue;
            };
            let layer = Layer {
                cache_id: text(&layer, "cache-id", MAX_WORD)?,
                parent: text(&layer, "parent", MAX_WORD)?,
            };
            room.take(&image, [&layer.cache_id, &layer.parent].map(length))?;
            facts.layers.insert(name.into_vec(), layer);
        }
        let mounts = image.descend(b"layerdb/mounts")?;
        for name in folders(mounts.as_ref())? {
            let Some(mount) = mounts.as_ref().map(|m| m.folder(&name)).transpose()? else {
                continue;
            };
            let mount = Mount {
                mount_id: text(&mount, "mount-id", MAX_WORD)?,
                init_id: text(&mount, "init-id", MAX_WORD)?,
            };
            room.take(&image, [&mount.mount_id, &mount.init_id].map(length))?;
            facts.mounts.insert(name.into_vec(), mount);
        }
        if let Some(images) = image.descend(b"imagedb/content/sha256")? {
            for name in images.names(MAX_ENTRIES)? {
                let config = image_config::read(&images, &name)?;
                if let ImageConfig::DiffIds(ids) = &config {
                    let each = ids.iter().map(|id| id.len() + size_of::<String>());
                    room.take(&images, each)?;
                }
                facts.images.insert(name.into_vec(), config);
            }
        }
    }
    Ok(Some(facts))
}

fn layer_folder(driver: &Handle, name: &OsStr) -> Result<Folder, StoreError> {
    let folder = driver.folder(name)?;
    let diff = match folder.kind("diff")? {
        None => Diff::Missing,
        Some(FileType::Directory) => Diff::Directory,
        Some(FileType::Symlink) => Diff::Symlink(folder.link("diff")?),
        Some(_) => Diff::Other,
    };
    Ok(Folder {
        diff,
        link: text(&folder, "link", MAX_WORD)?,
        lower: text(&folder, "lower", MAX_LOWER)?,
    })
}

fn length(text: &Text) -> usize {
    match text {
        Text::Bytes(bytes) => bytes.len(),
        Text::Missing | Text::Unreadable => 0,
    }
}

fn text(folder: &Handle, name: &str, limit: usize) -> Result<Text, StoreError> {
    Ok(match folder.small(name, limit)? {
        Small::Missing => Text::Missing,
        Small::Bytes(bytes) => Text::Bytes(bytes),
        Small::Unreadable => Text::Unreadable,
    })
}
