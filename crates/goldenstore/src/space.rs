//! Room on the store's filesystem, looked at before anything is written.

use cachecore::collection::{self, Policy};
use cachecore::record::Manifest;
use cachecore::space::{self, Disk, Room, Shortage};
use cachecore::strategy::Strategy;
use jiff::Timestamp;
use treeclone::Silent;

use crate::collection::facts::Gathering;
use crate::error::StoreError;
use crate::layers::measure;
use crate::store::Store;

impl Store {
    /// The room of the store's filesystem.
    ///
    /// # Errors
    /// [`StoreError`] if the system does not say.
    pub fn disk(&self) -> Result<Disk, StoreError> {
        let stat = rustix::fs::fstatvfs(&self.root)
            .map_err(|e| StoreError::io("look at the filesystem of", self.root.path(), e))?;
        // A filesystem without a number of inodes makes them as they are needed.
        let inodes = |number| match stat.f_files {
            0 => u64::MAX,
            _ => number,
        };
        let room = |blocks: u64, files| Room {
            bytes: blocks.saturating_mul(stat.f_frsize),
            inodes: inodes(files),
        };
        Ok(Disk {
            free: room(stat.f_bavail, stat.f_favail),
            total: room(stat.f_blocks, stat.f_files),
        })
    }

    /// Makes sure that a clone fits.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if it does not.
    pub(crate) fn prove_room_for(
        &self,
        strategy: Strategy,
        manifest: &Manifest,
    ) -> Result<(), StoreError> {
        let mut needed = space::of_clone(strategy, manifest);
        if strategy == Strategy::Copy && self.are_inodes_scarce(&manifest.sizes.shared_bytes)? {
            for layer in &manifest.layers {
                let folder = self.layers.folder(layer.layer.as_str())?;
                needed.inodes += measure(&folder)?.entries;
            }
        }
        self.prove_room(needed)
    }

    /// Whether layers of so many bytes could have more entries than there are inodes left. Counting
    /// them takes a walk through all of them.
    fn are_inodes_scarce(&self, bytes: &u64) -> Result<bool, StoreError> {
        const SMALL_ENTRY: u64 = 512;
        Ok(self.disk()?.free.inodes < bytes / SMALL_ENTRY)
    }

    /// Makes sure that something fits.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if it does not.
    pub(crate) fn prove_room(&self, needed: Room) -> Result<(), StoreError> {
        space::fits(needed, self.disk()?, self.reserve).map_err(|shortage| self.no_space(shortage))
    }

    fn no_space(&self, shortage: Shortage) -> StoreError {
        let bytes = |policy: &Policy| {
            let mut gathering = Gathering::new(policy, &Silent);
            let facts = gathering.gather(self).ok()?;
            Some(collection::plan(&facts, policy, Timestamp::now()).bytes())
        };
        let policy = Policy::default();
        let all = Policy {
            max_size: Some(0),
            ..policy
        };
        StoreError::NoSpace {
            shortage,
            collectable: bytes(&policy),
            evictable: bytes(&all),
        }
    }
}
