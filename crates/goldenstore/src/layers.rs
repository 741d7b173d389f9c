//! The shared layers: `layers/<layer>/diff`.
//!
//! A layer is there if its `diff` is a folder, or a file where it is a blob. It comes in by one rename: `layers/<layer>/diff` is
//! first a symlink that points at itself, a placeholder; then `renameat2(RENAME_EXCHANGE)` swaps it
//! with the session's own folder. Before the swap the session has its folder, after it the store has
//! the folder and the session a link to it, and there is no moment between. A placeholder that a
//! killed promotion left is used by the next one that brings the layer.

pub(crate) mod blob;

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::Path;

use cachecore::dataroot::Seat;
use cachecore::id::LayerName;
use cachecore::layout::DIFF;
use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;
use treeclone::{CompareOptions, TreeSize};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::lock::{self, Lock, Mode};
use crate::nonce;
use crate::store::Store;

/// What decides whether two folders are the same layer: what an image means. Times differ between a
/// layer that was built here and one that was unpacked (whole seconds in an archive), and so do the
/// bookkeeping attributes of overlayfs; neither is part of an image.
fn means_something(xattr: &[u8]) -> bool {
    xattr == b"security.capability"
        || xattr == b"trusted.overlay.opaque"
        || xattr.starts_with(b"user.") && !xattr.starts_with(b"user.overlay.")
}

impl Store {
    /// The layers that are there.
    pub(crate) fn known_layers(&self) -> Result<BTreeSet<LayerName>, StoreError> {
        let mut known = BTreeSet::new();
        for name in self.layers.names(usize::MAX)? {
            let Some(layer) = name.to_str().and_then(|n| LayerName::new(n).ok()) else {
                continue;
            };
            if self.has_layer(&layer)? {
                known.insert(layer);
            }
        }
        Ok(known)
    }

    fn has_layer(&self, layer: &LayerName) -> Result<bool, StoreError> {
        let Some(folder) = self.layers.folder_if_there(layer.as_str())? else {
            return Ok(false);
        };
        Ok(folder.kind(DIFF)? == Some(contents_of(layer)))
    }

    /// Excludes other promotions from `layers/`.
    pub(crate) fn lock_layers(&self) -> Result<Lock, StoreError> {
        let layers = Handle::open(self.layers.path())?;
        lock::lock(
            layers.into_file(),
            Mode::Exclusive,
            "the layer store",
            lock::PATIENCE,
        )
    }

    /// Brings what lies at `seat` into the store and leaves a link; `folder` is the seat's. `false` if
    /// the store has the layer by now, and nothing was done. The caller holds the lock of the layers.
    pub(crate) fn adopt_layer(
        &self,
        _lock: &Lock,
        folder: &Handle,
        seat: &Seat,
        layer: &LayerName,
    ) -> Result<bool, StoreError> {
        if self.has_layer(layer)? {
            return Ok(false);
        }
        let failed = |e: Errno| {
            StoreError::io(
                "bring a layer to",
                self.layers.path().join(layer.as_str()),
                e,
            )
        };
        match self.layers.make_folder(layer.as_str(), 0o711) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e)),
        }
        let home = self.layers.folder(layer.as_str())?;
        let target = self.layout().layer_diff(layer);
        match home.make_link(DIFF, target.as_std_path()) {
            // The session is left with what lies here, which has to be the link.
            Err(Errno::EXIST) if home.link(DIFF)? == target.as_str().as_bytes() => {}
            done => done.map_err(failed)?,
        }
        exchange(folder, seat, &home, layer)?;
        Ok(true)
    }

    /// Makes sure that what lies at `seat` is what the store's layer holds.
    ///
    /// # Errors
    /// [`StoreError::LayerDiffers`] with the first difference.
    pub(crate) fn compare_layer(
        &self,
        folder: &Handle,
        seat: &Seat,
        layer: &LayerName,
    ) -> Result<(), StoreError> {
        if let Some(blob) = layer.blob() {
            return blob::prove(folder, &blob, layer);
        }
        let ours = self.layers.folder(layer.as_str())?.folder(DIFF)?;
        compare(&ours, &folder.folder(seat.name())?, layer)
    }

    /// Puts a link to the store's layer at `seat`; what lay there goes to the trash.
    pub(crate) fn replace_layer(
        &self,
        folder: &Handle,
        seat: &Seat,
        layer: &LayerName,
    ) -> Result<(), StoreError> {
        let failed = |e: Errno| StoreError::io("link a layer in", folder.path(), e);
        let target = self.layout().layer_diff(layer);
        loop {
            let aside = nonce::fresh();
            self.trash
                .make_link(&aside, target.as_std_path())
                .map_err(failed)?;
            match folder.rename(seat.name(), &self.trash, &aside, RenameFlags::EXCHANGE) {
                // Another command has emptied the trash, the new link with it.
                Err(Errno::NOENT) if folder.stat(seat.name())?.is_some() => {}
                done => return done.map_err(failed),
            }
        }
    }

    /// Swaps the store's damaged contents with those of `folder/diff`, and these for a link. The
    /// caller holds the lock of the layers. Killed in between, the damaged contents lie in the session,
    /// and the same promotion finds the store's well.
    pub(crate) fn repair_layer(
        &self,
        _lock: &Lock,
        folder: &Handle,
        seat: &Seat,
        layer: &LayerName,
    ) -> Result<(), StoreError> {
        exchange(folder, seat, &self.layers.folder(layer.as_str())?, layer)?;
        self.replace_layer(folder, seat, layer)
    }

    /// Bytes and entries of a layer.
    pub(crate) fn layer_size(&self, layer: &LayerName) -> Result<TreeSize, StoreError> {
        // Of a blob the folder around it is measured: one entry more, and no byte of its own.
        let home = self.layers.folder(layer.as_str())?;
        if layer.is_blob() {
            return measure(&home);
        }
        measure(&home.folder(DIFF)?)
    }
}

/// Makes sure that two folders are the same layer.
///
/// # Errors
/// [`StoreError::LayerDiffers`] with the first difference.
pub(crate) fn compare(ours: &Handle, theirs: &Handle, layer: &LayerName) -> Result<(), StoreError> {
    let options = CompareOptions {
        times: false,
        sockets: false,
        content: true,
        hard_links: false,
        xattrs: &means_something,
        skip: None,
    };
    match treeclone::compare_trees(ours.as_fd(), theirs.as_fd(), &options) {
        Ok(None) => Ok(()),
        Ok(Some(difference)) => Err(StoreError::LayerDiffers {
            layer: layer.clone(),
            difference: difference.to_string(),
        }),
        Err(e) => Err(StoreError::tree(theirs.path(), e)),
    }
}

/// What the contents of a layer are.
fn contents_of(layer: &LayerName) -> FileType {
    if layer.is_blob() {
        FileType::RegularFile
    } else {
        FileType::Directory
    }
}

/// Swaps what lies at `seat` with `home/diff`. What comes in is of the kind that a layer's contents
/// are: whoever puts a link there after it was looked at gets it back.
fn exchange(
    folder: &Handle,
    seat: &Seat,
    home: &Handle,
    layer: &LayerName,
) -> Result<(), StoreError> {
    let swap = || {
        folder
            .rename(seat.name(), home, DIFF, RenameFlags::EXCHANGE)
            .map_err(|e| StoreError::io("bring a layer to", home.path(), e))
    };
    swap()?;
    if home.kind(DIFF)? == Some(contents_of(layer)) {
        return Ok(());
    }
    swap()?;
    Err(StoreError::Unexpected {
        path: folder.path().join(seat.name()),
        expected: "what a layer is",
    })
}

/// Bytes and entries of a folder.
pub(crate) fn measure(folder: &Handle) -> Result<TreeSize, StoreError> {
    let path: &Path = folder.path();
    treeclone::measure_tree(folder.as_fd()).map_err(|e| StoreError::tree(path, e))
}
