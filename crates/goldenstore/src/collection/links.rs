use std::collections::BTreeSet;
use std::path::Path;

use cachecore::id::LayerName;
use rustix::fs::FileType;

use crate::error::StoreError;
use crate::handle::Handle;

/// How deep links to layers lie at most: content blobs of containerd are the deepest, at
/// `docker/containerd/daemon/<content store>/blobs/sha256/<digest>`.
const DEPTH: usize = 8;
/// Most entries that are looked at. A data root of 10,000 layers has about as many times ten.
const MAX_ENTRIES: usize = 500_000;
/// Folders that hold what containers see or write: whatever lies there is no link of a daemon's.
const CONTENTS: [&str; 6] = ["diff", "merged", "work", "fs", "volumes", "vfs"];

/// The layers that a data root really links to, whatever any record says: every link into `layers/`
/// that lies where a daemon keeps its own things.
///
/// # Errors
/// [`StoreError`] if not all of it could be looked at; then nobody can tell.
pub(super) fn find(folder: &Handle, layers: &Path) -> Result<BTreeSet<LayerName>, StoreError> {
    let mut search = Search {
        layers,
        left: MAX_ENTRIES,
        found: BTreeSet::new(),
    };
    search.look(folder, DEPTH)?;
    Ok(search.found)
}

struct Search<'a> {
    layers: &'a Path,
    left: usize,
    found: BTreeSet<LayerName>,
}

impl Search<'_> {
    fn look(&mut self, folder: &Handle, depth: usize) -> Result<(), StoreError> {
        let names = folder.names(self.left)?;
        self.left -= names.len();
        for name in names {
            match folder.kind(&name)? {
                Some(FileType::Symlink) => {
                    let target = folder.link(&name)?;
                    self.found.extend(self.layer(&target));
                }
                Some(FileType::Directory)
                    if depth > 1 && !CONTENTS.iter().any(|contents| name == *contents) =>
                {
                    self.look(&folder.folder(&name)?, depth - 1)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn layer(&self, target: &[u8]) -> Option<LayerName> {
        let target = Path::new(std::str::from_utf8(target).ok()?);
        let below = target.strip_prefix(self.layers).ok()?;
        let name = below.components().next()?.as_os_str();
        LayerName::new(name.to_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::create_dir_all;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_found_where_daemons_have_them_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let layers = Path::new("/store/layers");
        let link = |path: &str, target: &str| {
            let path = dir.path().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, path).unwrap();
        };
        link("docker/overlay2/x/diff", "/store/layers/classic/diff");
        let daemon = "docker/containerd/daemon/io.containerd";
        link(
            &format!("{daemon}.snapshotter.v1.overlayfs/snapshots/7/fs"),
            "/store/layers/snapshot/diff",
        );
        link(
            &format!("{daemon}.content.v1.content/blobs/sha256/abc"),
            "/store/layers/blob/diff",
        );
        link("docker/overlay2/l/ABC", "../x/diff");
        link("docker/overlay2/x2/diff", "/store/layers/../../etc");
        link(
            "docker/overlay2/y/diff/inside",
            "/store/layers/container/diff",
        );
        link("docker/volumes/v/_data/l", "/store/layers/volume/diff");
        let found = find(&Handle::open(dir.path()).unwrap(), layers).unwrap();
        let names: Vec<&str> = found.iter().map(LayerName::as_str).collect();
        assert_eq!(names, ["blob", "classic", "snapshot"]);
    }
}
