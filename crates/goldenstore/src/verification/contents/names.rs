use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// The names of an archive, eight bytes for each: a layer may have a million. The hashes are keyed, and
/// nobody who writes names knows the key.
#[derive(Default)]
pub(super) struct Names {
    key: RandomState,
    named: Hashes,
    /// The folders on the way to a name: an archive need not have entries for them.
    above: Hashes,
    opaque: Hashes,
}

/// Takes a hash as it is: hashing it again would gain nothing.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Hashes = HashSet<u64, BuildHasherDefault<AsItIs>>;

impl Names {
    /// Takes the path of an entry; `false` if there was one before.
    pub(super) fn add(&mut self, path: &[u8]) -> bool {
        self.named.insert(self.key.hash_one(path))
    }

    /// Takes the folders on the way to an entry.
    pub(super) fn climb(&mut self, path: &[u8]) {
        let mut path = path;
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            if !self.above.insert(self.key.hash_one(path)) {
                break;
            }
        }
    }

    /// Takes a folder that hides what is below it.
    pub(super) fn add_opaque(&mut self, path: &[u8]) {
        self.opaque.insert(self.key.hash_one(path));
    }

    /// Whether a folder is one of those; asked once for each.
    pub(super) fn take_opaque(&mut self, path: &[u8]) -> bool {
        self.opaque.remove(&self.key.hash_one(path))
    }

    /// Whether nobody has asked for some of them.
    pub(super) fn are_opaque_left(&self) -> bool {
        !self.opaque.is_empty()
    }

    /// Whether the archive has something there, or below it.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        let hash = self.key.hash_one(path);
        self.named.contains(&hash) || self.above.contains(&hash)
    }
}
