//! Which archives containerd's store has of a generation's layers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Seek};

use cachecore::dataroot::images::{self, ImageManifest, MAX_DOCUMENT, Source};
use cachecore::dataroot::{DataRoot, Seat};
use cachecore::id::{BlobId, ChainId};

use crate::error::StoreError;
use crate::parts::Parts;
use crate::store::Store;

/// Where layers come from, by their chain ids.
pub(super) type Sources = BTreeMap<ChainId, Source>;

impl Store {
    /// Reads the images of a data root of containerd's store. Nothing they say is taken on trust: an
    /// archive is asked for its digest before anything is compared with it.
    pub(super) fn sources(&self, parts: &Parts, root: &DataRoot) -> Result<Sources, StoreError> {
        let mut sources = Sources::new();
        let layers = root.immutable();
        let wanted: BTreeSet<ChainId> = layers
            .filter_map(|(_, layer, _)| layer.unpacked())
            .collect();
        for seat in root.contained.keys() {
            let Seat::Blob(_, blob) = seat else {
                continue;
            };
            let Some(manifest) = self.image(parts, blob)? else {
                continue;
            };
            if let Some(config) = self.document(parts, manifest.config())? {
                manifest.layers(&config, |chain| wanted.contains(chain), &mut sources);
            }
        }
        Ok(sources)
    }

    fn image(&self, parts: &Parts, blob: &BlobId) -> Result<Option<ImageManifest>, StoreError> {
        let document = self.document(parts, blob)?;
        Ok(document.and_then(|document| images::manifest(&document)))
    }

    /// A blob that may be a JSON object: most are archives, of which no more than a byte is read.
    fn document(&self, parts: &Parts, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |e| StoreError::io("read a blob of", parts.docker().path(), e);
        let Some(file) = self.open_blob(parts, blob)? else {
            return Ok(None);
        };
        let mut file = BufReader::with_capacity(4096, file);
        let mut first = [0];
        if file.read(&mut first).map_err(failed)? == 0
            || !first[0].is_ascii_whitespace() && first[0] != b'{'
        {
            return Ok(None);
        }
        file.rewind().map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(MAX_DOCUMENT as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Ok((bytes.len() <= MAX_DOCUMENT).then_some(bytes))
    }
}
