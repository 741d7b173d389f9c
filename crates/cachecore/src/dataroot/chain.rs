//! Chain ids: the name of a layer together with everything below it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::id::ChainId;

/// The chain ids of an image's layers, from the lowest up, out of its diff ids (`sha256:<hex>`).
///
/// `chain(1) = diff(1)`, `chain(n) = sha256(chain(n-1) + " " + diff(n))`, per the OCI image
/// specification, "Layer ChainID". `None` if a diff id is not one.
pub fn chain_ids(diff_ids: &[impl AsRef<str>]) -> Option<Vec<ChainId>> {
    let mut chains: Vec<ChainId> = Vec::with_capacity(diff_ids.len());
    for diff in diff_ids {
        let diff = ChainId::new(diff.as_ref().strip_prefix("sha256:")?).ok()?;
        let chain = match chains.last() {
            None => diff,
            Some(below) => above(below, &diff)?,
        };
        chains.push(chain);
    }
    Some(chains)
}

/// The chain id of a layer with this diff id (64 hex digits, as a chain id has) on this parent.
pub fn chain_id(parent: Option<&ChainId>, diff: &ChainId) -> Option<ChainId> {
    match parent {
        None => Some(diff.clone()),
        Some(parent) => above(parent, diff),
    }
}

fn above(parent: &ChainId, diff: &ChainId) -> Option<ChainId> {
    ChainId::new(&sha256_hex(
        format!("sha256:{parent} sha256:{diff}").as_bytes(),
    ))
    .ok()
}

/// SHA-256 as 64 lower-case hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_those_of_the_specification() {
        let a = format!("sha256:{}", "a".repeat(64));
        let b = format!("sha256:{}", "b".repeat(64));
        let chains = chain_ids(&[&a, &b]).unwrap();
        assert_eq!(chains[0].as_str(), "a".repeat(64));
        // printf 'sha256:aa…a sha256:bb…b' | sha256sum
        assert_eq!(
            chains[1].as_str(),
            "ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"
        );
        assert_eq!(chain_ids(&["md5:x"]), None);
    }
}
