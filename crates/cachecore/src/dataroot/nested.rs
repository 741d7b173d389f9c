//! Data roots inside volumes: docker-in-docker keeps one in a volume of the outer daemon.
//!
//! A daemon that runs inside a container of the session does not see the store's `layers/`, so such
//! a root is never linked. It is part of its volume and is copied with it; recognising it lets a
//! report say where the time and the bytes went.

use serde::{Deserialize, Serialize};

use super::listing::Listing;

/// A volume that holds a data root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nested {
    /// The volume's name, made readable.
    pub volume: String,
}

/// Finds the volumes that hold a data root: the names every daemon makes, and a place for layers.
pub fn find(listing: &Listing) -> Vec<Nested> {
    let holds = |names: &[Vec<u8>], name: &str| names.iter().any(|n| n == name.as_bytes());
    listing
        .volumes
        .iter()
        .filter(|(_, names)| {
            holds(names, "image")
                && holds(names, "containers")
                && (holds(names, "overlay2") || holds(names, "containerd") || holds(names, "vfs"))
        })
        .map(|(volume, _)| Nested {
            volume: volume.escape_ascii().to_string(),
        })
        .collect()
}
