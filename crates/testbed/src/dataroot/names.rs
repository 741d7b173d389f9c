//! Names that Docker draws by lot, drawn here from what they name.

use sha2::{Digest, Sha256};

use crate::checksum::hex;

/// 64 hex digits.
pub(super) fn digest(of: &str) -> String {
    hex(&Sha256::digest(of.as_bytes()))
}

/// The 26 letters and digits of a short link (moby `overlay2.generateID`).
pub(super) fn short(of: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = Sha256::digest(format!("short {of}").as_bytes());
    letters[..26]
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

/// The 25 lower-case letters and digits that BuildKit gives to a snapshot.
pub(super) fn snapshot(of: &str) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz012345";
    let letters = Sha256::digest(format!("snapshot {of}").as_bytes());
    letters[..25]
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}
