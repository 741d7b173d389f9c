//! One entry of an archive after the other against what lies in the folder.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use cachecore::tarsplit::{Entry, What};
use rustix::fs::{FileType, OFlags, Stat};
use treeclone::Observer;

use super::Rules;
use super::names::Names;
use super::node::{attribute, has, shown, shown_path};
use super::place::{Place, split};
use super::progress::Progress;
use crate::error::StoreError;
use crate::handle::{Handle, Regular};

/// Bytes of a file that are read at once.
const BLOCK: usize = 128 << 10;

/// What the contents of files are held against.
pub(super) trait Against {
    /// Takes the next bytes of the current file; `false` if they should be others.
    fn take(&mut self, bytes: &[u8]) -> bool;
}

/// The state of a comparison.
pub(super) struct Check<'a> {
    pub(super) place: Place<'a>,
    rules: Rules,
    pub(super) progress: Progress<'a>,
    pub(super) differences: Vec<String>,
    pub(super) apart: Option<String>,
    pub(super) names: Names,
    /// Whether overlayfs has moved a folder or changed a file without copying what is in it.
    pub(super) lies_below: bool,
    block: Vec<u8>,
}

impl<'a> Check<'a> {
    pub(super) fn new(folder: &'a Handle, rules: Rules, observer: &'a dyn Observer) -> Self {
        Self {
            place: Place::new(folder),
            rules,
            progress: Progress::new(observer),
            differences: Vec::new(),
            apart: None,
            names: Names::default(),
            lies_below: false,
            block: vec![0; BLOCK],
        }
    }

    pub(super) fn differs(&mut self, path: &[u8], what: &str) {
        self.differences
            .push(format!("{} {what}", shown_path(path)));
    }

    pub(super) fn stands_apart(&mut self, path: &[u8], what: &str) {
        self.apart
            .get_or_insert_with(|| format!("{} {what}", shown_path(path)));
    }

    /// One entry of the archive: what must lie there does, and a file's contents are what `against`
    /// says.
    pub(super) fn entry(
        &mut self,
        entry: &Entry,
        against: &mut dyn Against,
    ) -> Result<(), StoreError> {
        self.progress.entry()?;
        match entry.what {
            What::Nothing => return Ok(()),
            What::Opaque => {
                self.names.add_opaque(&entry.path);
                return Ok(());
            }
            _ => {}
        }
        if !self.names.add(&entry.path) {
            self.stands_apart(&entry.path, "is in the layer's archive twice");
            return Ok(());
        }
        self.names.climb(&entry.path);
        let (parent, name) = split(&entry.path);
        let Some((parent, entered)) = self.place.enter(parent)? else {
            self.differs(&entry.path, "is not there");
            return Ok(());
        };
        self.lies_below |= entered && has(&*parent, "trusted.overlay.redirect");
        self.found(entry, &parent, name, against)
    }

    fn found(
        &mut self,
        entry: &Entry,
        parent: &Handle,
        name: &OsStr,
        against: &mut dyn Against,
    ) -> Result<(), StoreError> {
        let path = &entry.path;
        if entry.what == What::File {
            return match parent.regular(name, OFlags::RDONLY)? {
                Regular::File(file) => self.file(entry, file, against),
                Regular::Missing => {
                    self.differs(path, "is not there");
                    Ok(())
                }
                Regular::Other => {
                    self.differs(path, "is not a regular file");
                    Ok(())
                }
            };
        }
        let stat = if path.is_empty() {
            self.place.folder().own_stat().map(Some)?
        } else {
            parent.stat(name)?
        };
        let Some(stat) = stat else {
            match entry.what {
                // An engine that does not read whiteouts off the disk needs none where nothing is below.
                What::Whiteout => {
                    // Or an empty file whose name happens to begin like that.
                    let literal = [b".wh.", name.as_bytes()].concat();
                    let at = path.len() - name.len();
                    let whole = [&path[..at], &literal].concat();
                    self.names.add(&whole);
                    self.stands_apart(path, "was deleted, and no whiteout says so");
                }
                _ => self.differs(path, "is not there"),
            }
            return Ok(());
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let device = (
            rustix::fs::major(stat.st_rdev),
            rustix::fs::minor(stat.st_rdev),
        );
        let as_it_should_be = match &entry.what {
            What::Folder => kind == FileType::Directory,
            What::Symlink(target) => kind == FileType::Symlink && parent.link(name)? == *target,
            What::CharacterDevice(major, minor) => {
                kind == FileType::CharacterDevice && device == (*major, *minor)
            }
            What::BlockDevice(major, minor) => {
                kind == FileType::BlockDevice && device == (*major, *minor)
            }
            What::Fifo => kind == FileType::Fifo,
            What::Whiteout => kind == FileType::CharacterDevice && device == (0, 0),
            What::HardLink(to) => self.is_the_file(to, &stat)?,
            What::File | What::Opaque | What::Nothing => true,
        };
        if !as_it_should_be {
            self.differs(path, &format!("is not {}", shown(&entry.what)));
        } else if path.is_empty() && !self.rules.own_folder {
            // The engine has made it as it makes all of them.
        } else if !matches!(entry.what, What::HardLink(_) | What::Whiteout) {
            self.owner_and_mode(entry, &stat);
        }
        Ok(())
    }

    /// Whether a file has this path too.
    fn is_the_file(&self, path: &[u8], stat: &Stat) -> Result<bool, StoreError> {
        let (parent, name) = split(path);
        let Some(parent) = self.place.folder().beneath(parent)? else {
            return Ok(false);
        };
        let other = parent.stat(name)?;
        Ok(other.is_some_and(|other| (other.st_dev, other.st_ino) == (stat.st_dev, stat.st_ino)))
    }

    fn owner_and_mode(&mut self, entry: &Entry, stat: &Stat) {
        let mode = stat.st_mode & 0o7777;
        if !matches!(entry.what, What::Symlink(_)) && mode != entry.mode {
            let what = format!("has the mode {mode:o}, and should have {:o}", entry.mode);
            self.differs(&entry.path, &what);
        }
        let owner = (u64::from(stat.st_uid), u64::from(stat.st_gid));
        if !self.rules.remapped && owner != (entry.uid, entry.gid) {
            let what = format!(
                "belongs to {}:{}, and should to {}:{}",
                owner.0, owner.1, entry.uid, entry.gid
            );
            self.differs(&entry.path, &what);
        }
    }

    fn file(
        &mut self,
        entry: &Entry,
        mut file: std::fs::File,
        against: &mut dyn Against,
    ) -> Result<(), StoreError> {
        let path = &entry.path;
        let folder = self.place.folder().path();
        let failed =
            |e: std::io::Error| StoreError::io("read", folder.join(OsStr::from_bytes(path)), e);
        let stat = rustix::fs::fstat(&file).map_err(|e| failed(e.into()))?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size != entry.size {
            let what = format!("has {size} bytes, and should have {}", entry.size);
            self.differs(path, &what);
            return Ok(());
        }
        self.lies_below |=
            size > 0 && stat.st_blocks == 0 && has(&file, "trusted.overlay.metacopy");
        let capability = if self.rules.remapped {
            entry.capability.clone()
        } else {
            attribute(&file, "security.capability").map_err(|e| failed(e.into()))?
        };
        let mut left = size;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            let block = &mut self.block[..length];
            let read = file.read(block).map_err(failed)?;
            if read == 0 {
                self.differs(path, "became shorter while it was read");
                return Ok(());
            }
            if !against.take(&block[..read]) {
                self.differs(path, "has other contents than in its archive");
                return Ok(());
            }
            left -= read as u64;
            self.progress.bytes(read as u64)?;
        }
        if capability != entry.capability {
            self.differs(path, "has other capabilities than it should");
        }
        self.owner_and_mode(entry, &stat);
        Ok(())
    }
}
