//! Copies, compares and removes directory trees on Linux with all their metadata.
//!
//! # Overview
//! [`copy_tree`] copies on several threads and keeps what `cp -a` keeps and more: owners, modes,
//! times, extended attributes, hard links, holes, devices. [`compare_trees`] finds the first
//! difference between two trees, [`measure_tree`] their sizes, and [`remove_tree`] removes one, on
//! several threads as well.
//!
//! Where the filesystem can share blocks (btrfs, XFS) a copy moves no content; [`Sharing`] says
//! whether it may or must, and [`shares_blocks`] tells beforehand. Work in the background takes a
//! rate and a nice level. Memory is bounded: of a folder a few thousand entries are known at once,
//! and of files only those with several names are remembered, until the last name was met.
//!
//! # Compared with others
//! cp 9.1, rsync 3.2, xcp 0.24, as they were seen to work on Debian 12:
//!
//! |  | treeclone | `cp -a` | `rsync -aHAX` | `xcp -r -o` |
//! |---|---|---|---|---|
//! | threads | one for each core | one | one reads, one writes | one for each core |
//! | owners, modes, times, attributes, lists | yes | yes | yes | not setuid, nor times of folders |
//! | hard links | yes | yes | yes | no |
//! | holes | yes | yes | with `-S` | yes |
//! | shares blocks | may, must, must not | may, must, must not | no | may, must, must not |
//! | sockets | left out and counted | yes | yes | yes |
//! | stays inside while somebody moves things about | yes | not promised | not promised | not promised |
//!
//! `docs/benchmarks.md` of the repository has measurements.
//!
//! A tree may have been written by somebody who means harm. Everything is reached by folder
//! descriptors and single names: no symlink is followed, no mount point is crossed, nothing outside
//! the tree is read or removed, whatever is moved about in it meanwhile. Depth is bounded neither
//! by the length of paths nor by the number of descriptors nor by the stack.
//!
//! Nothing is printed. An [`Observer`] is told how the work goes on and can end it, reports say
//! what was really done, and each [`Error`] carries the path and what was tried.
//!
//! # Example
//! ```
//! use std::fs::File;
//! use std::os::fd::AsFd;
//! use treeclone::{CompareOptions, CopyOptions, Silent};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! std::fs::create_dir_all(folder.path().join("golden/volumes"))?;
//! std::fs::write(folder.path().join("golden/engine-id"), "b2b2")?;
//!
//! let parent = File::open(folder.path())?;
//! let golden = File::open(folder.path().join("golden"))?;
//! let skip = |path: &[u8]| path == b"containers";
//! let options = CopyOptions { skip: Some(&skip), ..CopyOptions::default() };
//! let name = "session".as_ref();
//! let report =
//!     treeclone::copy_tree(golden.as_fd(), parent.as_fd(), name, &options, &Silent)?;
//! assert_eq!((report.directories, report.files, report.bytes_copied), (2, 1, 4));
//!
//! let session = File::open(folder.path().join("session"))?;
//! let exact = CompareOptions::exact();
//! assert_eq!(treeclone::compare_trees(golden.as_fd(), session.as_fd(), &exact)?, None);
//!
//! let removed = treeclone::remove_tree(parent.as_fd(), name, &Silent)?;
//! assert_eq!(removed.entries, 3);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/clone.rs` shows progress while it copies.
#![forbid(unsafe_code)]

mod compare;
mod copy;
mod descent;
mod entry;
mod error;
mod listing;
mod measure;
mod observer;
mod opening;
mod path;

mod remove;
mod sharing;
mod walk;
mod xattrs;

pub use compare::{Aspect, CompareOptions, Difference, compare_trees};
pub use copy::{CopyOptions, CopyReport, PathTest, Sharing, copy_tree};
pub use error::{Error, Operation};
pub use measure::{TreeSize, measure_tree};
pub use observer::{Observer, Silent};
pub use path::TreePath;
pub use remove::{RemoveOptions, RemoveReport, remove_tree, remove_tree_with};
pub use sharing::shares_blocks;
