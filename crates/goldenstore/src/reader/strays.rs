use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cachecore::dataroot::place::{MAX_DEPTH, Place, place};
use cachecore::dataroot::{Part, Stray};
use rustix::fs::FileType;

use super::MAX_ENTRIES;
use super::room::Room;
use crate::error::StoreError;
use crate::handle::Handle;
use crate::liveness::DATABASES;
use crate::parts::Parts;

/// Most strays that are named. One is enough for a refusal.
const MAX_STRAYS: usize = 100;

/// Finds the entries in the daemon's own parts that no daemon makes there.
pub(super) fn find(parts: &Parts, room: &mut Room) -> Result<Vec<Stray>, StoreError> {
    let mut strays = Vec::new();
    look(parts.docker(), &mut Vec::new(), &mut strays, room)?;
    if let Some(containerd) = parts.containerd() {
        // What lies where is the same as in the root of a daemon's own containerd.
        let mut path = ["containerd", "daemon"].map(OsString::from).to_vec();
        let before = strays.len();
        look(containerd, &mut path, &mut strays, room)?;
        strays[before..].iter_mut().for_each(name_elsewhere);
    }
    Ok(strays)
}

/// Names what was found in containerd's folder by where it really lies.
fn name_elsewhere(stray: &mut Stray) {
    let (Stray::Symlink(path) | Stray::NoDatabase(path)) = stray;
    let inside = path.strip_prefix(b"containerd/daemon/".as_slice());
    if let Some(inside) = inside {
        let elsewhere = Part::Containerd.shown("");
        *path = [elsewhere.as_bytes(), inside].concat();
    }
}

fn look(
    folder: &Handle,
    path: &mut Vec<OsString>,
    strays: &mut Vec<Stray>,
    room: &mut Room,
) -> Result<(), StoreError> {
    if path.len() == MAX_DEPTH {
        return Err(StoreError::TooLarge {
            path: folder.path().to_owned(),
            limit: format!("{MAX_DEPTH} folders below each other in the daemon's own parts"),
        });
    }
    let names = folder.names(MAX_ENTRIES)?;
    let entries = names.len();
    // The names of all the folders on the way down are kept meanwhile.
    room.take_names(folder, entries)?;
    for name in names {
        path.push(name);
        let components: Vec<&[u8]> = path.iter().map(|name| name.as_bytes()).collect();
        if place(&components) == Place::Own && strays.len() < MAX_STRAYS {
            let here = components.join(&b'/');
            let name = components[components.len() - 1].to_vec();
            let name = OsString::from_vec(name);
            match folder.kind(&name)? {
                Some(FileType::Symlink) => strays.push(Stray::Symlink(here)),
                Some(FileType::RegularFile) | None => {}
                Some(_) if DATABASES.iter().any(|known| known.as_bytes() == here) => {
                    strays.push(Stray::NoDatabase(here));
                }
                Some(FileType::Directory) => look(&folder.folder(&name)?, path, strays, room)?,
                Some(_) => {}
            }
        }
        path.pop();
    }
    room.give_back(entries);
    Ok(())
}
