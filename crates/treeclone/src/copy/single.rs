//! Copies one entry that is no folder.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, OFlags};

use super::content::Given;
use super::job::{Folder, Pair};
use super::links::{Claim, Place};
use super::settle;
use super::worker::Worker;
use crate::entry::Entry;
use crate::error::{During, Failure, Operation};
use crate::listing::Listed;
use crate::xattrs::Holder;

impl Worker<'_> {
    /// Copies what is listed under this name, if that is what is there.
    pub(super) fn single(
        &mut self,
        folder: &Arc<Folder>,
        pair: &Pair,
        listed: &Listed,
    ) -> Result<(), Failure> {
        match listed.kind {
            FileType::RegularFile => self.file(folder, pair, &listed.name)?,
            FileType::Socket => self.report.sockets_left_out += 1,
            kind => self.node(folder, pair, &listed.name, kind)?,
        }
        self.tally.add(1, 0);
        Ok(())
    }

    fn file(&mut self, folder: &Arc<Folder>, pair: &Pair, name: &CStr) -> Result<(), Failure> {
        let source = self.copying.opener.file(pair.source.as_fd(), name)?;
        let entry = Entry::of(&source)?;
        if entry.kind != FileType::RegularFile {
            return Err(Failure::Changed);
        }
        let create = || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mode = settle::first_mode(&entry);
            rustix::fs::openat(&pair.target, name, flags, mode).during(Operation::Create)
        };
        let Some(target) = self.first_name(&entry, folder, pair, name, create)? else {
            return Ok(());
        };
        let xattrs = self.xattrs.read(Holder::Open(source.as_fd()))?;
        let (source, target) = (source.as_fd(), target.as_fd());
        let fresh = Entry::of(target)?;
        let device = fresh.id.device;
        let given = self
            .mover
            .give(source, &entry, target, device, &mut self.tally)?;
        match given {
            Given::Copied(bytes) => self.report.bytes_copied += bytes,
            Given::Shared(bytes) => self.report.bytes_shared += bytes,
        }
        settle::open(target, &fresh, &entry, &xattrs)?;
        self.report.files += 1;
        self.report.bytes_apparent += entry.size;
        Ok(())
    }

    fn node(
        &mut self,
        folder: &Arc<Folder>,
        pair: &Pair,
        name: &CStr,
        kind: FileType,
    ) -> Result<(), Failure> {
        let source = self.copying.opener.node(pair.source.as_fd(), name)?;
        let entry = Entry::of(&source)?;
        if entry.kind != kind {
            return Err(Failure::Changed);
        }
        let create = || create_node(&source, &entry, pair, name);
        if self
            .first_name(&entry, folder, pair, name, create)?
            .is_none()
        {
            return Ok(());
        }
        let xattrs = self.xattrs.read(Holder::Node(source.as_fd()))?;
        settle::node(
            &self.copying.opener,
            pair.target.as_fd(),
            name,
            &entry,
            &xattrs,
        )?;
        match entry.kind {
            FileType::Symlink => self.report.symlinks += 1,
            FileType::Fifo => self.report.fifos += 1,
            _ => self.report.devices += 1,
        }
        Ok(())
    }

    /// Creates the entry, or, if it was met under another name before, gives it this name too.
    fn first_name<T>(
        &mut self,
        entry: &Entry,
        folder: &Arc<Folder>,
        pair: &Pair,
        name: &CStr,
        create: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        if entry.names < 2 {
            return create().map(Some);
        }
        let place = || (Arc::clone(folder), name.to_owned());
        match self.copying.links.claim(entry, place, create)? {
            Claim::First(created) => Ok(Some(created)),
            Claim::Known((first, first_name)) => {
                self.link(folder, pair, (first, first_name), name)?;
                self.report.hard_links += 1;
                Ok(None)
            }
        }
    }

    fn link(
        &mut self,
        folder: &Arc<Folder>,
        pair: &Pair,
        (first, first_name): Place,
        name: &CStr,
    ) -> Result<(), Failure> {
        let reopened;
        let from = if Arc::ptr_eq(&first, folder) {
            pair.target.as_fd()
        } else {
            reopened = self.target_of(&first)?;
            reopened.as_fd()
        };
        rustix::fs::linkat(from, &*first_name, &pair.target, name, AtFlags::empty())
            .during(Operation::Link)
    }
}

fn create_node(source: &OwnedFd, entry: &Entry, pair: &Pair, name: &CStr) -> Result<(), Failure> {
    match entry.kind {
        FileType::Symlink => {
            let leads_to =
                rustix::fs::readlinkat(source, c"", Vec::new()).during(Operation::ReadLink)?;
            rustix::fs::symlinkat(&*leads_to, &pair.target, name)
        }
        kind @ (FileType::Fifo | FileType::CharacterDevice | FileType::BlockDevice) => {
            let mode = settle::first_mode(entry);
            rustix::fs::mknodat(&pair.target, name, kind, mode, entry.device)
        }
        _ => return Err(Failure::Changed),
    }
    .during(Operation::Create)
}
