//! Copies a tree.
//!
//! A folder is listed once, in parts; its subfolders and batches of its other entries become tasks
//! on the stack of the thread that listed it, so that the work goes depth first and the stacks stay
//! as small as the tree is narrow. A folder gets its owner, attributes, mode and times when the last
//! task below it has ended.

use std::ffi::OsStr;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::os::fd::BorrowedFd;

use crate::error::{Error, entry_name};
use crate::observer::Observer;
use crate::opening::Opener;
use crate::path::TreePath;

mod content;
mod job;
mod lessons;
mod links;
mod reach;
mod settle;
mod single;
mod worker;

/// Says yes or no to an entry by its path relative to the tree: `overlay2/abc/diff`, the bytes it
/// is made of, no leading slash. May be asked from several threads.
pub type PathTest<'a> = &'a (dyn Fn(&[u8]) -> bool + Sync);

/// Whether the content of a file is given to its copy by sharing its blocks: no bytes are moved,
/// and the filesystem copies a block when one of the files is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// Shares where the filesystem can; elsewhere the kernel copies; where it does not, bytes are
    /// read and written. Which of them works is learnt once for each pair of devices.
    #[default]
    WherePossible,
    /// Shares, or ends with an [`Error::Io`] of [`Operation::Share`](crate::Operation::Share) at
    /// the first file that cannot be shared. Empty files have nothing to share.
    Always,
    /// Bytes are read and written, so that the copy has blocks of its own on every filesystem: where
    /// blocks can be shared, the kernel's own copying would share them.
    Never,
}

/// How to copy.
#[derive(Default, Clone, Copy)]
pub struct CopyOptions<'a> {
    /// How many threads may work at most, the caller's included. `None`: as many as the machine
    /// runs at once.
    pub jobs: Option<NonZeroUsize>,
    /// Asked with the path relative to the tree (`b"overlay2/abc/diff"`) of every entry but the
    /// root, from several threads; `true` leaves the entry and all below it out.
    pub skip: Option<PathTest<'a>>,
    /// Whether files of the copy share their blocks with those of the source.
    pub sharing: Sharing,
    /// Whether the copy's root is there already: an empty folder, a btrfs subvolume for example,
    /// which gets what the source's root has.
    pub into_existing: bool,
    /// Bytes each second that all threads together write at most; an entry counts as 4096 bytes
    /// besides its content, and shared content as none. `None`: as fast as can be.
    pub rate: Option<NonZeroU64>,
    /// How much the threads stand back behind others, from 0 (not at all) to 19, as in `nice`.
    /// Above 0 they are all new ones; the caller's waits, and stays as it is.
    pub nice: u8,
}

impl fmt::Debug for CopyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOptions")
            .field("jobs", &self.jobs)
            .field("skip", &self.skip.map(|_| ".."))
            .field("sharing", &self.sharing)
            .field("into_existing", &self.into_existing)
            .field("rate", &self.rate)
            .field("nice", &self.nice)
            .finish()
    }
}

/// What a copy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyReport {
    /// Folders created, the root included.
    pub directories: u64,
    /// Regular files created; a file with several names counts once.
    pub files: u64,
    /// Further names given to files that were there already.
    pub hard_links: u64,
    /// Symlinks created.
    pub symlinks: u64,
    /// Block and character devices created, overlay whiteouts among them.
    pub devices: u64,
    /// Fifos created.
    pub fifos: u64,
    /// Sockets met and not copied: nobody listens on the copy of one.
    pub sockets_left_out: u64,
    /// Entries left out by [`CopyOptions::skip`], not counting what is below them.
    pub skipped: u64,
    /// Bytes of content really written. Holes are not.
    pub bytes_copied: u64,
    /// Bytes of content given by sharing blocks: of each such file its size, or what is allocated
    /// to it if that is less because it has holes.
    pub bytes_shared: u64,
    /// Sum of the sizes of the files, in bytes, holes included, each file once.
    pub bytes_apparent: u64,
}

impl CopyReport {
    fn add(&mut self, other: &Self) {
        self.directories += other.directories;
        self.files += other.files;
        self.hard_links += other.hard_links;
        self.symlinks += other.symlinks;
        self.devices += other.devices;
        self.fifos += other.fifos;
        self.sockets_left_out += other.sockets_left_out;
        self.skipped += other.skipped;
        self.bytes_copied += other.bytes_copied;
        self.bytes_shared += other.bytes_shared;
        self.bytes_apparent += other.bytes_apparent;
    }
}

/// Copies the folder `source` and all below it to the new folder `name` under `parent`.
///
/// Kept are owners, modes, access and modification times, extended attributes (capabilities,
/// access control lists, `trusted.*` among them), hard links inside the tree, holes, symlinks,
/// devices and fifos. Sockets are left out and counted. The access times of the source are not
/// moved where the caller may ask for that (its owner and root). While it is being made the copy
/// is closed to everybody else. Nothing is synced to disk.
///
/// The source should be at rest. If it is not, entries that are swapped under way end the copy
/// with [`Error::Changed`]; nothing outside the tree is ever read, and no fifo or device is waited
/// for.
///
/// # Errors
/// The first error ends the work. What was copied stays, for the caller to remove. `name` must not
/// exist, unless [`CopyOptions::into_existing`] says so; a mount point inside the source is refused;
/// so is an extended attribute that the destination does not take. To keep owners, devices and
/// `trusted.*` takes root.
pub fn copy_tree(
    source: BorrowedFd<'_>,
    parent: BorrowedFd<'_>,
    name: &OsStr,
    options: &CopyOptions<'_>,
    observer: &dyn Observer,
) -> Result<CopyReport, Error> {
    let name = entry_name(name)?;
    let opener = Opener::new(source);
    let source = opener
        .root(source)
        .map_err(|failure| failure.at(TreePath::default()))?;
    job::run(opener, source, parent, &name, options, observer)
}

#[cfg(test)]
mod tests;
