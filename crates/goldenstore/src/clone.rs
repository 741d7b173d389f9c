//! Carries out a clone: a generation's data root becomes a session's.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::AsFd;

use cachecore::dataroot::Part;
use cachecore::layout::DIFF;
use cachecore::record::{Form, Manifest};
use cachecore::strategy::Strategy;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use treeclone::{CopyOptions, CopyReport, Observer, Sharing};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::nonce;
use crate::parts::Parts;
use crate::store::Store;
use crate::subvolumes;

/// What a clone did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cloned {
    pub(crate) layers: u64,
    pub(crate) bytes_shared: u64,
    pub(crate) bytes_copied: u64,
    pub(crate) files_copied: u64,
}

impl Cloned {
    fn add(&mut self, report: &CopyReport) {
        self.bytes_shared += report.bytes_shared;
        self.bytes_copied += report.bytes_copied;
        self.files_copied += report.files;
    }
}

impl Store {
    /// Clones the data root in a generation's folder to `to`.
    pub(crate) fn clone_generation(
        &self,
        strategy: Strategy,
        manifest: &Manifest,
        generation: &Handle,
        to: &Handle,
        observer: &dyn Observer,
    ) -> Result<Cloned, StoreError> {
        let source = Parts::of_generation(generation, manifest)?;
        let mut done = Cloned {
            layers: manifest.layers.len() as u64,
            ..Cloned::default()
        };
        let sizes = manifest.sizes;
        let mut options = CopyOptions::default();
        match strategy {
            Strategy::Snapshot => {
                for (part, folder) in source.each() {
                    subvolumes::snapshot(folder, to, part.name())
                        .map_err(|e| StoreError::io("snapshot", folder.path(), e))?;
                }
                done.bytes_shared = sizes.shared_bytes;
                return Ok(done);
            }
            Strategy::Link => {
                observer.expects(sizes.mutable_entries, sizes.mutable_bytes);
                // In a generation every layer is a link already, so the tree as it stands is the
                // clone.
                for (part, folder) in source.each() {
                    done.add(&copy(folder, to, part.name(), &options, observer)?);
                }
                done.bytes_shared += sizes.shared_bytes;
                return Ok(done);
            }
            Strategy::Reflink => options.sharing = Sharing::Always,
            // Who asks for a copy means one.
            Strategy::Copy | Strategy::Empty => options.sharing = Sharing::Never,
        }
        // The entries of layers are not counted when they come in; bytes say enough.
        observer.expects(0, sizes.mutable_bytes + sizes.shared_bytes);
        // What was whole stays whole, so that it can be snapshotted when it is promoted again.
        let whole = manifest.form == Form::Whole && self.form()? == Form::Whole;
        for (part, folder) in source.each() {
            let links = links_in(part, manifest);
            let skip = |path: &[u8]| links.contains(path);
            if whole {
                subvolumes::make_subvolume(to, part.name())?;
            }
            let outside = CopyOptions {
                skip: Some(&skip),
                into_existing: whole,
                ..options
            };
            done.add(&copy(folder, to, part.name(), &outside, observer)?);
        }
        let containerd = manifest
            .containerd
            .then(|| to.folder(Part::Containerd.name()));
        let copied = Parts::new(to.folder(Part::Docker.name())?, containerd.transpose()?);
        for layer in &manifest.layers {
            let seat = &layer.folder;
            let home = self.layers.folder(layer.layer.as_str())?;
            let folder = copied.seat(seat)?;
            if layer.layer.is_blob() {
                done.add(&copy_file(&home, &folder, seat.name(), &options, observer)?);
            } else {
                let contents = home.folder(DIFF)?;
                done.add(&copy(&contents, &folder, seat.name(), &options, observer)?);
            }
        }
        Ok(done)
    }
}

/// The paths of the links to layers in a part of a generation's data root.
fn links_in(part: Part, manifest: &Manifest) -> BTreeSet<Vec<u8>> {
    let seats = manifest.layers.iter().map(|layer| &layer.folder);
    seats
        .filter(|seat| seat.part() == part)
        .map(|seat| seat.path().into_bytes())
        .collect()
}

/// Copies the file of a blob's layer to a new name, with the folder that it lies in and out of it.
fn copy_file(
    home: &Handle,
    to: &Handle,
    name: &str,
    options: &CopyOptions<'_>,
    observer: &dyn Observer,
) -> Result<CopyReport, StoreError> {
    let failed = |e: Errno| StoreError::io("copy a blob to", to.path().join(name), e);
    let aside = nonce::fresh();
    let report = copy(home, to, &aside, options, observer)?;
    to.folder(&aside)?
        .rename(DIFF, to, name, RenameFlags::NOREPLACE)
        .map_err(failed)?;
    rustix::fs::unlinkat(to, &aside, AtFlags::REMOVEDIR).map_err(failed)?;
    Ok(report)
}

/// Copies a whole tree to a name.
pub(crate) fn copy(
    source: &Handle,
    to: &Handle,
    name: &str,
    options: &CopyOptions<'_>,
    observer: &dyn Observer,
) -> Result<CopyReport, StoreError> {
    treeclone::copy_tree(
        source.as_fd(),
        to.as_fd(),
        OsStr::new(name),
        options,
        observer,
    )
    .map_err(|e| StoreError::tree(source.path(), e))
}
