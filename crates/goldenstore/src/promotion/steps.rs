use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use cachecore::promotion::{LayerAction, Plan};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::store::Store;

impl Store {
    /// Turns every layer of the data root into a link; gives how many were new to the store.
    pub(super) fn settle_layers(&self, docker: &Handle, plan: &Plan) -> Result<u64, StoreError> {
        let Some(folders) = docker.folder_if_there("overlay2")? else {
            return Ok(0);
        };
        let lock = self.lock_layers()?;
        let mut moved = 0;
        for step in &plan.layers {
            let folder = folders.folder(step.folder.as_str())?;
            match step.action {
                LayerAction::Keep => {}
                LayerAction::Adopt => {
                    if self.adopt_layer(&lock, &folder, &step.layer)? {
                        moved += 1;
                    } else {
                        // Another promotion brought it since the plan was made.
                        self.compare_layer(&folder, &step.layer)?;
                        self.replace_layer(&folder, &step.layer)?;
                    }
                }
                LayerAction::Replace => self.replace_layer(&folder, &step.layer)?,
                LayerAction::Repair => {
                    self.repair_layer(&lock, &folder, &step.layer)?;
                    moved += 1;
                }
            }
        }
        Ok(moved)
    }

    /// Moves what a generation does not keep into the trash.
    pub(super) fn drop_what_is_not_kept(
        &self,
        docker: &Handle,
        plan: &Plan,
    ) -> Result<(), StoreError> {
        for drop in &plan.drops {
            let slash = drop.path.iter().rposition(|b| *b == b'/');
            let (folder, name) = match slash {
                Some(at) => (docker.descend(&drop.path[..at])?, &drop.path[at + 1..]),
                None => (None, drop.path.as_slice()),
            };
            let folder = match (slash, &folder) {
                (Some(_), None) => continue,
                (Some(_), Some(folder)) => folder,
                (None, _) => docker,
            };
            self.discard(folder, OsStr::from_bytes(name))?;
        }
        Ok(())
    }
}
