//! Whether something fits on the store's filesystem before it is written.

use std::str::FromStr;

use serde::Serialize;

use crate::record::Manifest;
use crate::size;
use crate::strategy::Strategy;

/// How much of a filesystem stays free whatever is started: the daemons of the sessions that are
/// there go on writing, and an operator needs room to work in.
///
/// Unless somebody says otherwise it is 2 % of the filesystem, at most 10 GiB. A share, so that small
/// filesystems stay usable; a ceiling, because on a large one 2 % is more than anybody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the filesystem.
    Percent(u8),
    /// 2 % of the filesystem, at most 10 GiB.
    Usual,
}

const USUAL_PERCENT: u8 = 2;
const USUAL_CEILING: u64 = 10 << 30;

impl Reserve {
    /// The reserve in bytes, of a filesystem of so many.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => share(total, percent),
            Self::Usual => share(total, USUAL_PERCENT).min(USUAL_CEILING),
        }
    }
}

fn share(total: u64, percent: u8) -> u64 {
    total / 100 * u64::from(percent)
}

impl FromStr for Reserve {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix('%') {
            Some(number) => match number.trim().parse() {
                Ok(percent @ 0..=99) => Ok(Self::Percent(percent)),
                _ => Err("use a share from 0% to 99%, or a size such as 5G".to_owned()),
            },
            None => size::parse(text)
                .map(Self::Bytes)
                .map_err(|e| e.to_string()),
        }
    }
}

/// Room on a filesystem: what there is, or what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Inodes. Filesystems that make them as they need them have as many as anybody asks for.
    pub inodes: u64,
}

/// A filesystem's free room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is free for whoever is not root; root's own part is nothing to plan with.
    pub free: Room,
    /// All that it has, free or not.
    pub total: Room,
}

/// Bytes of metadata for each entry of a reflinked tree: an inode, and its extents.
const REFLINKED_ENTRY: u64 = 1024;

/// What copying a tree takes; of one that shares its blocks, only the metadata.
pub fn of_copy(entries: u64, bytes: u64, shares_blocks: bool) -> Room {
    Room {
        bytes: if shares_blocks {
            entries.saturating_mul(REFLINKED_ENTRY)
        } else {
            bytes
        },
        inodes: entries,
    }
}

/// What cloning a generation takes. The entries of layers are not written down anywhere, so a clone
/// that copies layers needs more inodes than this says; its bytes are all counted.
pub fn of_clone(strategy: Strategy, manifest: &Manifest) -> Room {
    let sizes = manifest.sizes;
    match strategy {
        Strategy::Empty | Strategy::Snapshot => Room::default(),
        Strategy::Link => Room {
            bytes: sizes.mutable_bytes,
            inodes: sizes.mutable_entries,
        },
        Strategy::Reflink => Room {
            bytes: sizes.mutable_entries.saturating_mul(REFLINKED_ENTRY),
            inodes: sizes.mutable_entries,
        },
        Strategy::Copy => Room {
            bytes: sizes.mutable_bytes.saturating_add(sizes.shared_bytes),
            inodes: sizes.mutable_entries,
        },
    }
}

/// Why something does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shortage {
    /// What it needs.
    pub needed: Room,
    /// What is free.
    pub free: Room,
    /// Bytes that stay free in any case.
    pub reserve: u64,
    /// Whether it is inodes that are lacking, and not bytes.
    pub of_inodes: bool,
}

/// Whether something fits.
///
/// # Errors
/// [`Shortage`] if it does not, once the reserve is set aside.
pub fn fits(needed: Room, disk: Disk, reserve: Reserve) -> Result<(), Shortage> {
    let reserve = reserve.of(disk.total.bytes);
    let bytes = disk.free.bytes.saturating_sub(reserve) < needed.bytes
        || needed.bytes > 0 && disk.free.bytes < reserve;
    let inodes = disk.free.inodes < needed.inodes;
    if !bytes && !inodes {
        return Ok(());
    }
    Err(Shortage {
        needed,
        free: disk.free,
        reserve,
        of_inodes: !bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: u64 = 1 << 30;

    #[test]
    fn the_reserve_is_a_share_with_a_ceiling_unless_said_otherwise() {
        for (reserve, total, bytes) in [
            (Reserve::Usual, 100 * G, 2 * G),
            (Reserve::Usual, 100_000 * G, 10 * G),
            (Reserve::Usual, 300 << 20, (300 << 20) / 100 * 2),
            ("5G".parse().unwrap(), G, 5 * G),
            ("10%".parse().unwrap(), 100 * G, 10 * G),
            ("0".parse().unwrap(), 100 * G, 0),
        ] {
            assert_eq!(
                reserve.of(total) >> 20,
                bytes >> 20,
                "{reserve:?} of {total}"
            );
        }
        for wrong in ["", "x", "100%", "-1%", "%"] {
            assert!(wrong.parse::<Reserve>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_would_eat_into_the_reserve_does_not_fit() {
        let disk = |bytes, inodes| Disk {
            free: Room { bytes, inodes },
            total: Room {
                bytes: 100 * G,
                inodes: 1000,
            },
        };
        let needed = Room {
            bytes: 3 * G,
            inodes: 10,
        };
        let fits = |disk| fits(needed, disk, Reserve::Usual);
        assert_eq!(fits(disk(5 * G, 10)), Ok(()));
        let bytes = fits(disk(5 * G - 1, 10)).unwrap_err();
        assert!(
            !bytes.of_inodes && bytes.reserve >> 20 == 2 << 10,
            "{bytes:?}"
        );
        assert!(fits(disk(50 * G, 9)).unwrap_err().of_inodes);
        let nothing = super::fits(Room::default(), disk(0, 0), Reserve::Usual);
        assert_eq!(nothing, Ok(()), "what needs nothing fits always");
    }
}
