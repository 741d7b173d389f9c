//! Files with several names.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

use super::job::Folder;
use crate::entry::{Entry, Id};
use crate::error::Failure;

/// Where the first name of a file was put.
pub(super) type Place = (Arc<Folder>, CString);

/// Where the copies are of the files that have more than one name.
#[derive(Debug, Default)]
pub(super) struct Links {
    first: Mutex<HashMap<Id, First>>,
}

#[derive(Debug)]
struct First {
    place: Place,
    /// Names not met yet. After the last one there is nothing to remember.
    left: u64,
}

/// What to do with a name of such a file.
pub(super) enum Claim<T> {
    /// It is the first: the file was created and is the caller's to fill.
    First(T),
    /// The file is there under this name, though perhaps not filled yet.
    Known(Place),
}

impl Links {
    /// Creates the file if none of its names was met before. The lock is held for that one call
    /// only: an empty file can be linked to while another thread fills it.
    pub(super) fn claim<T>(
        &self,
        Entry { id, names, .. }: &Entry,
        place: impl FnOnce() -> Place,
        create: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<Claim<T>, Failure> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = first.get_mut(id) {
            let (folder, name) = &known.place;
            let place = (Arc::clone(folder), name.clone());
            known.left = known.left.saturating_sub(1);
            if known.left == 0 {
                first.remove(id);
            }
            return Ok(Claim::Known(place));
        }
        let created = create()?;
        let left = names.saturating_sub(1);
        let place = place();
        first.insert(*id, First { place, left });
        Ok(Claim::First(created))
    }
}
