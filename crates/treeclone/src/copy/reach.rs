//! Opens folders again that were too many to be kept open.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use super::job::{Folder, Pair};
use super::worker::Worker;
use crate::error::{Failure, Operation};
use crate::opening;

impl Worker<'_> {
    /// The open folder and its copy.
    pub(super) fn pair_of(&mut self, folder: &Arc<Folder>) -> Result<Arc<Pair>, Failure> {
        if let Some((recent, pair)) = &self.recent
            && Arc::ptr_eq(recent, folder)
        {
            return Ok(Arc::clone(pair));
        }
        let pair = match folder.kept() {
            Some(pair) => pair,
            None => {
                let (above, names) = folder.way()?;
                let opener = &self.copying.opener;
                let known = &folder.data;
                let source = opener.descend(above.source.as_fd(), &names, known.entry.id)?;
                let target = opener.descend(above.target.as_fd(), &names, known.fresh.id)?;
                Arc::new(Pair { source, target })
            }
        };
        self.recent = Some((Arc::clone(folder), Arc::clone(&pair)));
        Ok(pair)
    }

    /// The folder above one that was finished, and its copy.
    pub(super) fn up(&mut self, parent: &Arc<Folder>, pair: &Pair) -> Result<Arc<Pair>, Failure> {
        if let Some(kept) = parent.kept() {
            return Ok(kept);
        }
        // One step up is cheap but takes the right to search the folder just finished.
        let known = &parent.data;
        let above = opening::parent(pair.source.as_fd(), known.entry.id).and_then(|source| {
            let target = opening::parent(pair.target.as_fd(), known.fresh.id)?;
            Ok(Arc::new(Pair { source, target }))
        });
        above.or_else(|_| self.pair_of(parent))
    }

    /// The copy of a folder, which may be finished already.
    pub(super) fn target_of(&self, folder: &Arc<Folder>) -> Result<OwnedFd, Failure> {
        if let Some(pair) = folder.kept() {
            return pair.target.try_clone().map_err(|error| {
                let errno = Errno::from_io_error(&error);
                Failure::Refused(Operation::Open, errno.unwrap_or(Errno::MFILE))
            });
        }
        let (above, names) = folder.way()?;
        let opener = &self.copying.opener;
        opener.descend(above.target.as_fd(), &names, folder.data.fresh.id)
    }
}
