//! A tree that is compared: what is listed in it and opened.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::CompareOptions;
use crate::descent::Descent;
use crate::entry::Entry;
use crate::error::{Error, Failure, Operation};
use crate::listing::{Listed, Lister};
use crate::opening::Opener;

/// One of the two trees.
pub(super) struct Side {
    opener: Opener,
    pub(super) descent: Descent,
}

impl Side {
    pub(super) fn new(root: BorrowedFd<'_>) -> Result<Self, Failure> {
        let opener = Opener::new(root);
        let descent = Descent::new(opener.root(root)?, c"")?;
        Ok(Self { opener, descent })
    }

    /// At most so many names from a position on, without those that do not count, and where the next
    /// ones begin.
    pub(super) fn part(
        &self,
        lister: &mut Lister,
        options: &CompareOptions<'_>,
        from: u64,
        most: usize,
    ) -> Result<(Vec<Listed>, Option<u64>), Error> {
        let folder = self.descent.fd();
        let mut listed = Vec::new();
        let unread = lister
            .part(folder, from, most, &mut listed)
            .map_err(|failure| failure.at(self.descent.path()))?;
        if !options.sockets {
            for entry in &mut listed {
                if entry.kind == FileType::Unknown
                    && let Some(kind) = self.kind(&entry.name)?
                {
                    entry.kind = kind;
                }
            }
            listed.retain(|entry| entry.kind != FileType::Socket);
        }
        if let Some(skip) = options.skip {
            let above = self.descent.path();
            listed.retain(|entry| !skip(above.join(entry.name.to_bytes()).as_bytes()));
        }
        Ok((listed, unread))
    }

    /// An entry of the current folder by its name, if it is there and counts.
    pub(super) fn find(
        &self,
        options: &CompareOptions<'_>,
        name: &CString,
    ) -> Result<Option<Listed>, Error> {
        let kind = self.kind(name)?;
        let kind = kind.filter(|kind| options.sockets || *kind != FileType::Socket);
        let name = name.clone();
        Ok(kind.map(|kind| Listed { name, kind }))
    }

    fn kind(&self, name: &CString) -> Result<Option<FileType>, Error> {
        match rustix::fs::statat(self.descent.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => {
                let failure = Failure::Refused(Operation::Stat, errno);
                Err(failure.at(self.descent.path_to(name)))
            }
        }
    }

    /// Opens an entry: files to read them, folders to enter them, all else only to look at.
    pub(super) fn open(&self, listed: &Listed) -> Result<(OwnedFd, Entry), Failure> {
        let here = self.descent.fd();
        let fd = match listed.kind {
            FileType::RegularFile => self.opener.file(here, &listed.name)?,
            FileType::Directory => self.opener.folder(here, &listed.name)?,
            FileType::Unknown => {
                let kind = Entry::of(self.opener.node(here, &listed.name)?)?.kind;
                return self.open(&Listed {
                    name: listed.name.clone(),
                    kind,
                });
            }
            _ => self.opener.node(here, &listed.name)?,
        };
        let entry = Entry::of(&fd)?;
        let same = listed.kind == entry.kind;
        if same {
            Ok((fd, entry))
        } else {
            Err(Failure::Changed)
        }
    }
}
