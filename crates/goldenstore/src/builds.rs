//! The records of golden builds: `builds/<build>/log` and `result.json`.

use std::fs::File;

use cachecore::id::{BuildId, IdError};
use cachecore::layout;
use cachecore::record::BuildRecord;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use crate::error::StoreError;
use crate::nonce;
use crate::records;
use crate::store::Store;

/// An id for a build that begins now. It sorts by time; that no other build has it is made sure when
/// its folder is made.
///
/// # Errors
/// None that can happen; the type says so because ids are checked when they are made.
pub fn fresh_build_id(now: Timestamp) -> Result<BuildId, IdError> {
    BuildId::new(&format!(
        "{}-{}",
        now.strftime("%Y%m%d-%H%M%S"),
        nonce::short()
    ))
}

impl Store {
    /// Makes a build's folder and opens its log. The project's state has to name the build by then,
    /// or another build that ends at this moment takes the folder for a left-over.
    ///
    /// # Errors
    /// [`StoreError`] if it exists or cannot be made.
    pub fn open_build(&self, build: &BuildId) -> Result<File, StoreError> {
        let path = self.builds.path().join(build.as_str());
        self.builds
            .make_folder(build.as_str(), 0o700)
            .map_err(|e| StoreError::io("make the folder", &path, e))?;
        let folder = self.builds.folder(build.as_str())?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::APPEND | OFlags::CLOEXEC;
        rustix::fs::openat(
            &folder,
            layout::BUILD_LOG,
            flags,
            Mode::from_raw_mode(0o600),
        )
        .map(File::from)
        .map_err(|e| StoreError::io("write", path.join(layout::BUILD_LOG), e))
    }

    /// Writes how a build ended, and removes the records of builds that no project remembers.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn finish_build(&self, record: &BuildRecord) -> Result<(), StoreError> {
        let folder = self.builds.folder(record.build.as_str())?;
        records::write(&folder, layout::BUILD_RESULT, record)?;
        // In this order: a build is in its project's state before its folder is made, so a folder
        // that is there by now and in no state afterwards is one that nobody asks for any more.
        let names = self.builds.names(usize::MAX)?;
        let mut remembered = std::collections::BTreeSet::from([record.build.clone()]);
        for project in self.projects()? {
            let state = self.project_state(&project)?;
            remembered.extend(state.building.map(|running| running.build));
            remembered.extend(state.last_builds.into_iter().map(|summary| summary.build));
        }
        for name in names {
            let build = name.to_str().and_then(|name| BuildId::new(name).ok());
            if build.is_some_and(|build| !remembered.contains(&build)) {
                self.discard(&self.builds, &name)?;
            }
        }
        Ok(())
    }

    /// How a build ended; `None` if it runs or was killed.
    ///
    /// # Errors
    /// [`StoreError`] if its record cannot be used.
    pub fn build_result(&self, build: &BuildId) -> Result<Option<BuildRecord>, StoreError> {
        match self.builds.folder_if_there(build.as_str())? {
            Some(folder) => records::read(&folder, layout::BUILD_RESULT),
            None => Ok(None),
        }
    }
}
