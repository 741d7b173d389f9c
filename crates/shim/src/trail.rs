//! Where a command has come by, so that two programs which hand over to each other do not do so for ever.
//!
//! Somebody may have put a script called `docker` in front, which runs the next `docker` in `PATH`, which
//! is the shim, for which the next one is that script. What was handed over to is written down with the
//! number of the process, which `execve` keeps: the next time another one is taken, until there is none
//! left. If each starts the other as a new process, the number of shims above ends it.
//!
//! There may be several shims on one way: the real docker that a shim has started runs the plugin
//! docker-buildx, which is a shim again. The first that does something about a command marks the trail as
//! settled, and those below hand over at once.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where it is written down.
pub(crate) const VARIABLE: &str = "CACHECORE_TRAIL";

/// A build may call docker, whose build may call docker; hardly sixteen times.
const DEEPEST: u32 = 16;

/// The word for what is taken care of.
const SETTLED: &str = "settled";

/// A file, whatever it is called.
pub(crate) type Place = (u64, u64);

/// The trail of this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// How many shims are above.
    pub(crate) depth: u32,
    /// Whether a shim above has done what there is to do about the command, so that those below do not do
    /// it again.
    pub(crate) settled: bool,
    /// What this process has been, or has handed over to.
    pub(crate) been: Vec<Place>,
}

impl Trail {
    /// Reads what the last shim has written; what is not understood was not written by a shim.
    pub(crate) fn read(value: Option<&OsStr>, pid: u32) -> Self {
        let read = || {
            let mut parts = value?.to_str()?.split(' ').peekable();
            let writer: u32 = parts.next()?.parse().ok()?;
            let depth: u32 = parts.next()?.parse().ok()?;
            let settled = parts.next_if_eq(&SETTLED).is_some();
            if writer != pid {
                return Some(Self {
                    depth: depth.saturating_add(1),
                    settled,
                    been: Vec::new(),
                });
            }
            let been: Option<Vec<Place>> = parts
                .map(|part| {
                    let (device, inode) = part.split_once(':')?;
                    Some((device.parse().ok()?, inode.parse().ok()?))
                })
                .collect();
            Some(Self {
                depth,
                settled,
                been: been?,
            })
        };
        read().unwrap_or_default()
    }

    /// What the next shim reads, if this process becomes that file.
    pub(crate) fn with(&self, pid: u32, next: Place) -> OsString {
        let mut text = format!("{pid} {}", self.depth);
        if self.settled {
            text += &format!(" {SETTLED}");
        }
        for (device, inode) in self.been.iter().chain([&next]) {
            text += &format!(" {device}:{inode}");
        }
        text.into()
    }

    /// The same, once what there is to do about the command is done.
    pub(crate) fn settled(&self) -> Self {
        Self {
            settled: true,
            ..self.clone()
        }
    }

    /// Whether something must be a circle.
    pub(crate) fn is_endless(&self) -> bool {
        self.depth > DEEPEST
    }
}

/// Which file a path leads to.
pub(crate) fn place(path: &Path) -> Option<Place> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_its_process_own() {
        let first = Trail::read(None, 7);
        assert_eq!(first, Trail::default());
        let written = first.with(7, (1, 2));
        let same = Trail::read(Some(&written), 7);
        assert_eq!((same.depth, same.been.as_slice()), (0, &[(1, 2)][..]));
        let child = Trail::read(Some(&written), 8);
        assert_eq!((child.depth, child.been.len()), (1, 0));
        let settled = Trail::read(Some(&first.settled().with(7, (1, 2))), 8);
        assert!(settled.settled && settled.depth == 1);
        assert!(
            Trail::read(Some(&settled.with(8, (3, 4))), 9).settled,
            "and further down"
        );
        for strange in ["", "x", "7", "7 x", "7 0 1", "7 0 1:x"] {
            assert_eq!(Trail::read(Some(strange.as_ref()), 7), Trail::default());
        }
    }
}
