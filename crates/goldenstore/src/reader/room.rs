//! A bound on what is kept of a data root: each file and folder of it may be within its limits, and all
//! of them together still be more than a command may take.

use crate::error::StoreError;
use crate::handle::Handle;

/// Bytes that are kept at most. A host with 10,000 layers fits.
const MOST: usize = 32 << 20;
/// What an entry takes beside its contents: its name, and its places in the maps of facts and of what
/// follows from them.
const ENTRY: usize = 512;
/// The same of an entry in a daemon's book, which is only looked up.
const ROW: usize = 128;
/// What a name takes that nothing else is known of, at its longest.
const NAME: usize = 288;

/// How much is kept already.
#[derive(Debug, Default)]
pub(super) struct Room(usize);

impl Room {
    /// Takes room for an entry with contents of these lengths.
    pub(super) fn take(
        &mut self,
        folder: &Handle,
        contents: impl IntoIterator<Item = usize>,
    ) -> Result<(), StoreError> {
        self.hold(folder, ENTRY + contents.into_iter().sum::<usize>())
    }

    /// Takes room for a book whose entries have names and contents of these lengths.
    pub(super) fn take_book(
        &mut self,
        folder: &Handle,
        entries: impl IntoIterator<Item = usize>,
    ) -> Result<(), StoreError> {
        let bytes = entries.into_iter().map(|bytes| ROW + bytes).sum();
        self.hold(folder, bytes)
    }

    /// Takes room for so many names.
    pub(super) fn take_names(&mut self, folder: &Handle, count: usize) -> Result<(), StoreError> {
        self.hold(folder, count * NAME)
    }

    fn hold(&mut self, folder: &Handle, bytes: usize) -> Result<(), StoreError> {
        self.0 += bytes;
        if self.0 <= MOST {
            return Ok(());
        }
        Err(StoreError::TooLarge {
            path: folder.path().to_owned(),
            limit: format!("{MOST} bytes of records"),
        })
    }

    /// Gives the room of so many names back.
    pub(super) fn give_back(&mut self, names: usize) {
        self.0 -= names * NAME;
    }
}
