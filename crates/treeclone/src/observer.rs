//! How the work tells what it does, and is told to stop.

/// Told what happens while it happens. All methods have empty defaults.
///
/// Called from several threads at once. Reports come in batches, never once per tiny file.
pub trait Observer: Sync {
    /// About so many entries and bytes are ahead, as far as it is known; 0 is unknown. This crate
    /// never asks for more than it is told to do and does not call it: it is for those who know
    /// the size of a tree before they have it copied or removed.
    fn expects(&self, entries: u64, bytes: u64) {
        let _ = (entries, bytes);
    }

    /// So many more entries are done (copied or removed), and so many more bytes of file content
    /// written or shared.
    fn advanced(&self, entries: u64, bytes: u64) {
        let _ = (entries, bytes);
    }

    /// Asked often, so it should be as cheap as reading an atomic; `true` ends the work with
    /// [`Error::Interrupted`](crate::Error::Interrupted).
    fn interrupted(&self) -> bool {
        false
    }
}

/// The observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Collects what one thread did until it is worth telling.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    entries: u64,
    bytes: u64,
}

impl<'a> Tally<'a> {
    const ENTRIES: u64 = 256;
    const BYTES: u64 = 8 << 20;

    pub(crate) fn new(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            entries: 0,
            bytes: 0,
        }
    }

    pub(crate) fn add(&mut self, entries: u64, bytes: u64) {
        self.entries += entries;
        self.bytes += bytes;
        if self.entries >= Self::ENTRIES || self.bytes >= Self::BYTES {
            self.tell();
        }
    }

    pub(crate) fn tell(&mut self) {
        if self.entries > 0 || self.bytes > 0 {
            self.observer.advanced(self.entries, self.bytes);
            (self.entries, self.bytes) = (0, 0);
        }
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.observer.interrupted()
    }
}
