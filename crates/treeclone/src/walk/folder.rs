//! A folder that is being worked on.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Failure;
use crate::path::TreePath;

/// A folder from the moment it is opened until the last task below it has ended. Tasks share it,
/// and it holds the folder above it, so the way to the root is known as long as it is needed.
///
/// `D` is what there is to know about it, and `O` what it is open as.
#[derive(Debug)]
pub(crate) struct Folder<D, O> {
    pub(crate) parent: Option<Arc<Self>>,
    pub(crate) name: CString,
    pub(crate) data: D,
    /// Tasks in and directly below it that have not ended.
    pending: AtomicUsize,
    kept: Mutex<Option<Arc<O>>>,
}

impl<D, O> Folder<D, O> {
    /// With one task that has not ended: its own listing.
    pub(crate) fn new(parent: Option<Arc<Self>>, name: CString, data: D) -> Arc<Self> {
        Arc::new(Self {
            parent,
            name,
            data,
            pending: AtomicUsize::new(1),
            kept: Mutex::new(None),
        })
    }

    pub(crate) fn expect(&self, tasks: usize) {
        self.pending.fetch_add(tasks, Ordering::Relaxed);
    }

    /// A task of this folder has ended. Was it the last?
    pub(crate) fn ended(&self) -> bool {
        // Whoever ends last must see all that the others did to the folder.
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn kept(&self) -> Option<Arc<O>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The path from the root, which begins with the root's name if that has one.
    pub(crate) fn path(&self) -> TreePath {
        let mut names = Vec::new();
        let mut folder = Some(self);
        while let Some(one) = folder {
            if !one.name.is_empty() {
                names.push(one.name.to_bytes());
            }
            folder = one.parent.as_deref();
        }
        names.reverse();
        TreePath::new(names.join(&b'/'))
    }

    pub(crate) fn path_to(&self, name: &CStr) -> TreePath {
        self.path().join(name.to_bytes())
    }

    /// The nearest folder above that is open, and the names from there to here.
    pub(crate) fn way(&self) -> Result<(Arc<O>, Vec<&CStr>), Failure> {
        let mut names = vec![self.name.as_c_str()];
        let mut above = self.parent.as_deref();
        while let Some(folder) = above {
            if let Some(open) = folder.kept() {
                names.reverse();
                return Ok((open, names));
            }
            names.push(&folder.name);
            above = folder.parent.as_deref();
        }
        // The root is kept open to the end.
        Err(Failure::Changed)
    }
}

impl<D, O> Drop for Folder<D, O> {
    fn drop(&mut self) {
        // One after the other: letting the compiler drop the parents would take a stack frame for
        // each level of a tree that somebody else chose the depth of.
        let mut above = self.parent.take();
        while let Some(mut folder) = above.and_then(Arc::into_inner) {
            above = folder.parent.take();
        }
    }
}

/// How many folders may stay open at once. Beyond that they are opened again when they are needed:
/// the depth of a tree must not decide whether descriptors run out.
#[derive(Debug)]
pub(crate) struct Keeper {
    kept: AtomicUsize,
    most: usize,
}

impl Keeper {
    /// Takes a small part of what the process may open, at two descriptors for each folder.
    pub(crate) fn new() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let most = limit.map_or(128, |limit| (limit / 8).clamp(4, 128));
        Self {
            kept: AtomicUsize::new(0),
            most: usize::try_from(most).unwrap_or(4),
        }
    }

    /// Keeps the folder open if there is room.
    pub(crate) fn keep<D, O>(&self, folder: &Folder<D, O>, open: &Arc<O>) {
        let room = |kept| (kept < self.most).then_some(kept + 1);
        if self
            .kept
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_err()
        {
            return;
        }
        let mut seat = folder.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if seat.is_none() {
            *seat = Some(Arc::clone(open));
        } else {
            self.kept.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn release<D, O>(&self, folder: &Folder<D, O>) {
        if folder
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
        {
            self.kept.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
