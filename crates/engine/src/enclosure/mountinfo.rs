//! The mounts of an enclosure's thread.

use std::io;

use cachecore::mountinfo::{self, Mount};

/// The mounts that the calling *thread* sees: threads of one process may live in different mount
/// namespaces, and ours do.
pub(crate) fn of_this_thread() -> io::Result<Vec<Mount>> {
    let table = std::fs::read("/proc/thread-self/mountinfo")?;
    Ok(mountinfo::parse(&table).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn sees_the_root_of_this_machine() {
        let mounts = of_this_thread().unwrap();
        assert!(
            mounts.iter().any(|mount| mount.point == Path::new("/")),
            "{mounts:?}"
        );
    }
}
