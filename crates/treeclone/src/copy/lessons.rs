//! What the threads of one copy learned about the filesystems they copy between.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// The device of a source file and that of its copy.
pub(super) type Devices = (u64, u64);

/// What is known of a pair of devices.
#[derive(Debug, Default)]
pub(super) struct Lesson {
    /// They share no blocks.
    pub(super) no_sharing: AtomicBool,
    /// The kernel does not copy between them.
    pub(super) no_range: AtomicBool,
}

/// A lesson for each pair of devices: one tree may have several, subvolumes for example.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    pairs: Mutex<HashMap<Devices, Arc<Lesson>>>,
}

impl Lessons {
    pub(super) fn of(&self, devices: Devices) -> Arc<Lesson> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pairs.entry(devices).or_default())
    }
}
