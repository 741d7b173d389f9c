use std::io::Read;

use cachecore::id::{BlobId, LayerName};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use treeclone::{Observer, Silent};

use crate::error::StoreError;
use crate::handle::{Handle, Regular};

/// How much of a blob is in memory at a time.
const CHUNK: usize = 256 * 1024;

/// Makes sure that a blob in this folder is what its name says. All blobs of one name that pass are
/// the same, so one that passes need not be compared with the store's.
pub(super) fn prove(folder: &Handle, blob: &BlobId, layer: &LayerName) -> Result<(), StoreError> {
    let digest = digest(folder, blob.as_str(), &Silent)?;
    if digest == blob.as_str() {
        return Ok(());
    }
    Err(StoreError::LayerDiffers {
        layer: layer.clone(),
        difference: format!("its bytes have the digest {digest}"),
    })
}

/// The digest of a file, 64 hex digits.
pub(crate) fn digest(
    folder: &Handle,
    name: &str,
    observer: &dyn Observer,
) -> Result<String, StoreError> {
    let path = || folder.path().join(name);
    let Regular::File(mut file) = folder.regular(name, OFlags::RDONLY)? else {
        return Err(StoreError::Unexpected {
            path: path(),
            expected: "a blob",
        });
    };
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file
            .read(&mut chunk)
            .map_err(|e| StoreError::io("read", path(), e))?;
        if read == 0 {
            break;
        }
        digest.update(&chunk[..read]);
        observer.advanced(0, read as u64);
        if observer.interrupted() {
            return Err(StoreError::Interrupted);
        }
    }
    let digest = digest.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
