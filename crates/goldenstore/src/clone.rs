//! Carries out a clone: a generation's data root becomes a session's.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use cachecore::layout::{DIFF, DOCKER};
use cachecore::record::Manifest;
use cachecore::strategy::Strategy;
use treeclone::{CopyOptions, CopyReport, Observer, PathTest};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::store::Store;

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
        self.bytes_copied += report.bytes_copied;
        self.files_copied += report.files;
    }
}

impl Store {
    /// Clones `generation/docker` to `to/docker`.
    pub(crate) fn clone_generation(
        &self,
        strategy: Strategy,
        manifest: &Manifest,
        generation: &Handle,
        to: &Handle,
        observer: &dyn Observer,
    ) -> Result<Cloned, StoreError> {
        let source = generation.folder(DOCKER)?;
        let mut done = Cloned {
            layers: manifest.layers.len() as u64,
            ..Cloned::default()
        };
        let sizes = manifest.sizes;
        if strategy == Strategy::Link {
            observer.expects(sizes.mutable_entries, sizes.mutable_bytes);
            // In a generation every layer is a link already, so the tree as it stands is the clone.
            done.add(&copy(&source, to, DOCKER, None, observer)?);
            done.bytes_shared = manifest.sizes.shared_bytes;
            return Ok(done);
        }
        // The entries of layers are not counted when they come in; bytes say enough.
        observer.expects(0, sizes.mutable_bytes + sizes.shared_bytes);
        let links: std::collections::BTreeSet<Vec<u8>> = manifest
            .layers
            .iter()
            .map(|layer| format!("overlay2/{}/{DIFF}", layer.folder).into_bytes())
            .collect();
        done.add(&copy(
            &source,
            to,
            DOCKER,
            Some(&|path: &[u8]| links.contains(path)),
            observer,
        )?);
        let Some(folders) = to.folder(DOCKER)?.folder_if_there("overlay2")? else {
            return Ok(done);
        };
        for layer in &manifest.layers {
            let contents = self.layers.folder(layer.layer.as_str())?.folder(DIFF)?;
            let folder = folders.folder(layer.folder.as_str())?;
            done.add(&copy(&contents, &folder, DIFF, None, observer)?);
        }
        Ok(done)
    }
}

/// Copies a whole tree to a new name.
pub(crate) fn copy(
    source: &Handle,
    to: &Handle,
    name: &str,
    skip: Option<PathTest<'_>>,
    observer: &dyn Observer,
) -> Result<CopyReport, StoreError> {
    let options = CopyOptions {
        skip,
        ..CopyOptions::default()
    };
    treeclone::copy_tree(
        source.as_fd(),
        to.as_fd(),
        OsStr::new(name),
        &options,
        observer,
    )
    .map_err(|e| StoreError::tree(source.path(), e))
}
