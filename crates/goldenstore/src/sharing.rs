//! Whether sessions can share the blocks of goldens: tried out once, and remembered.

use std::os::fd::AsFd;

use cachecore::layout;
use cachecore::record::{FORMAT, Other, SharingRecord};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::records;
use crate::store::Store;

impl Store {
    /// Whether a file under `sessions/` can share the blocks of one under `golden/`. What was found
    /// out is kept for as long as both lie on the filesystems that they lay on then.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be tried, because the disk is full for example.
    pub fn shares_blocks(&self) -> Result<bool, StoreError> {
        let (golden, sessions) = (filesystem_id(&self.golden)?, filesystem_id(&self.sessions)?);
        let known: Option<SharingRecord> = match records::read(&self.root, layout::SHARING_RECORD) {
            Ok(known) => known,
            // It is only a memory.
            Err(StoreError::Record { .. }) => None,
            Err(e) => return Err(e),
        };
        if let Some(known) = known
            && known.golden == golden
            && known.sessions == sessions
        {
            return Ok(known.shares_blocks);
        }
        let shares = treeclone::shares_blocks(self.golden.as_fd(), self.sessions.as_fd())
            .map_err(|e| StoreError::tree(self.golden.path(), e))?;
        let record = SharingRecord {
            format: FORMAT,
            golden,
            sessions,
            shares_blocks: shares,
            other: Other::new(),
        };
        records::write_unflushed(&self.root, layout::SHARING_RECORD, &record)?;
        Ok(shares)
    }
}

/// What tells a filesystem from others: device numbers are given anew at each mount of a btrfs.
fn filesystem_id(folder: &Handle) -> Result<String, StoreError> {
    let found = rustix::fs::fstatvfs(folder)
        .map_err(|e| StoreError::io("look at the filesystem of", folder.path(), e))?;
    Ok(format!("{:016x}", found.f_fsid))
}
