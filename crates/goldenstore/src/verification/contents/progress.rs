use treeclone::Observer;

use crate::error::StoreError;

/// How much is read between two looks at the observer.
const TELL: u64 = 4 << 20;
/// How many entries are.
const ENTRIES: u64 = 256;

/// What the observer has not been told yet.
pub(super) struct Progress<'a> {
    observer: &'a dyn Observer,
    entries: u64,
    bytes: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            entries: 0,
            bytes: 0,
        }
    }

    /// One more entry.
    pub(super) fn entry(&mut self) -> Result<(), StoreError> {
        self.entries += 1;
        match self.entries >= ENTRIES {
            true => self.tell(),
            false => Ok(()),
        }
    }

    /// So many more bytes.
    pub(super) fn bytes(&mut self, count: u64) -> Result<(), StoreError> {
        self.bytes += count;
        match self.bytes >= TELL {
            true => self.tell(),
            false => Ok(()),
        }
    }

    /// # Errors
    /// [`StoreError::Interrupted`] if the observer wants no more.
    pub(super) fn tell(&mut self) -> Result<(), StoreError> {
        self.observer.advanced(self.entries, self.bytes);
        (self.entries, self.bytes) = (0, 0);
        if self.observer.interrupted() {
            return Err(StoreError::Interrupted);
        }
        Ok(())
    }
}
