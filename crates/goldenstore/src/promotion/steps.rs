use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use cachecore::promotion::{LayerAction, Plan};
use cachecore::record::Form;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use treeclone::Silent;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::parts::Parts;
use crate::store::Store;

impl Store {
    /// Turns every layer of the data root into a link; gives how many were new to the store.
    pub(super) fn settle_layers(&self, parts: &Parts, plan: &Plan) -> Result<u64, StoreError> {
        let lock = self.lock_layers()?;
        let mut moved = 0;
        for step in &plan.layers {
            let seat = &step.folder;
            let folder = parts.seat(seat)?;
            if step.seal {
                seal(&folder)?;
            }
            match step.action {
                LayerAction::Keep => {}
                LayerAction::Adopt => {
                    if self.adopt_layer(&lock, &folder, seat, &step.layer)? {
                        moved += 1;
                    } else {
                        // Another promotion brought it since the plan was made.
                        self.compare_layer(&folder, seat, &step.layer)?;
                        self.replace_layer(&folder, seat, &step.layer)?;
                    }
                }
                LayerAction::Replace => self.replace_layer(&folder, seat, &step.layer)?,
                LayerAction::Repair => {
                    self.repair_layer(&lock, &folder, seat, &step.layer)?;
                    moved += 1;
                }
            }
        }
        Ok(moved)
    }

    /// Moves what a generation does not keep into the trash. Out of a subvolume nothing can be moved:
    /// there it is deleted in place, and a promotion that is run again deletes the rest.
    pub(super) fn drop_what_is_not_kept(
        &self,
        docker: &Handle,
        form: Form,
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
            let name = OsStr::from_bytes(name);
            if form == Form::Whole {
                self.remove_tree(folder, name, &Silent)?;
            } else {
                self.discard(folder, name)?;
            }
        }
        Ok(())
    }
}

/// Marks an overlay2 folder as one that nothing writes again. Before its contents become a link, so
/// that a kill leaves no link that a daemon would mount for writing.
fn seal(folder: &Handle) -> Result<(), StoreError> {
    const MARK: &str = "committed";
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, MARK, flags, Mode::RUSR | Mode::WUSR) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(e) => Err(StoreError::io("make", folder.path().join(MARK), e)),
    }
}
