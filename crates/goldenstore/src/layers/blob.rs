use std::io::Read;

use cachecore::id::{BlobId, LayerName};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::handle::{Handle, Regular};

/// How much of a blob is in memory at a time.
const CHUNK: usize = 256 * 1024;

/// Makes sure that a blob in this folder is what its name says. All blobs of one name that pass are
/// the same, so one that passes need not be compared with the store's.
pub(super) fn prove(folder: &Handle, blob: &BlobId, layer: &LayerName) -> Result<(), StoreError> {
    let failed = |e: std::io::Error| StoreError::io("read", folder.path().join(blob.as_str()), e);
    let Regular::File(mut file) = folder.regular(blob.as_str(), OFlags::RDONLY)? else {
        return Err(StoreError::Unexpected {
            path: folder.path().join(blob.as_str()),
            expected: "a blob",
        });
    };
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        if read == 0 {
            break;
        }
        digest.update(&chunk[..read]);
    }
    let hex: String = digest
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if hex == blob.as_str() {
        return Ok(());
    }
    Err(StoreError::LayerDiffers {
        layer: layer.clone(),
        difference: format!("its bytes have the digest {hex}"),
    })
}
