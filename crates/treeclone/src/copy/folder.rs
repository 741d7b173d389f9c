//! A folder that is being copied.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::entry::{Entry, Id};
use crate::path::TreePath;
use crate::xattrs::Xattr;

/// The folder in the source and its copy.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) source: OwnedFd,
    pub(super) target: OwnedFd,
}

/// A folder from the moment it is opened until the last task below it has ended. Tasks share it,
/// and it holds the folder above it, so the way to the root is known as long as it is needed.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) parent: Option<Arc<Folder>>,
    pub(super) name: CString,
    /// As it was before it was listed: that moves its access time.
    pub(super) entry: Entry,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) target: Id,
    /// Tasks in and directly below it that have not ended, its own listing included.
    pending: AtomicUsize,
    kept: Mutex<Option<Arc<Pair>>>,
}

impl Folder {
    pub(super) fn new(
        parent: Option<Arc<Self>>,
        name: CString,
        entry: Entry,
        xattrs: Vec<Xattr>,
        target: Id,
    ) -> Arc<Self> {
        let pending = AtomicUsize::new(1);
        Arc::new(Self {
            parent,
            name,
            entry,
            xattrs,
            target,
            pending,
            kept: Mutex::new(None),
        })
    }

    pub(super) fn expect(&self, tasks: usize) {
        self.pending.fetch_add(tasks, Ordering::Relaxed);
    }

    /// A task of this folder has ended. Was it the last?
    pub(super) fn ended(&self) -> bool {
        // Whoever ends last must see all that the others did to the folder.
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(super) fn kept(&self) -> Option<Arc<Pair>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn path(&self) -> TreePath {
        let mut names = Vec::new();
        let mut folder = self;
        while let Some(parent) = &folder.parent {
            names.push(folder.name.to_bytes());
            folder = parent;
        }
        names.reverse();
        TreePath::new(names.join(&b'/'))
    }

    pub(super) fn path_to(&self, name: &CStr) -> TreePath {
        self.path().join(name.to_bytes())
    }
}

impl Drop for Folder {
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
pub(super) struct Keeper {
    kept: AtomicUsize,
    most: usize,
}

impl Keeper {
    /// Takes a small part of what the process may open, two descriptors for each folder.
    pub(super) fn new() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let most = limit.map_or(128, |limit| (limit / 8).clamp(4, 128));
        Self {
            kept: AtomicUsize::new(0),
            most: usize::try_from(most).unwrap_or(4),
        }
    }

    /// Keeps the folder open if there is room.
    pub(super) fn keep(&self, folder: &Folder, pair: &Arc<Pair>) {
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
            *seat = Some(Arc::clone(pair));
        } else {
            self.kept.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn release(&self, folder: &Folder) {
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
