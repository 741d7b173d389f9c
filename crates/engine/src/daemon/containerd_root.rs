use std::io;
use std::os::unix::fs::DirBuilderExt;

use camino::{Utf8Path, Utf8PathBuf};

use super::{DaemonError, DaemonOptions, runtime_failed};

/// Where a dockerd has the containerd that it starts keep its files, in its data root (20.10 to 29).
const OWN: [&str; 2] = ["containerd", "daemon"];

/// What is covered by what for a daemon whose containerd has a root outside the data root. The daemon
/// starts and ends its containerd as always, and containerd names nothing by absolute paths.
pub(super) fn cover(
    options: &DaemonOptions,
) -> Result<Option<(Utf8PathBuf, Utf8PathBuf)>, DaemonError> {
    let Some(root) = &options.containerd_root else {
        return Ok(None);
    };
    let mut own = options.data_root.clone();
    for name in OWN {
        own.push(name);
        make(&own).map_err(runtime_failed("make", &own))?;
    }
    Ok(Some((own, root.clone())))
}

/// The folders that have to be mounts of their own for that.
pub(super) fn shared(options: &DaemonOptions) -> Vec<Utf8PathBuf> {
    let covered = options.containerd_root.is_some();
    covered
        .then(|| options.data_root.clone())
        .into_iter()
        .collect()
}

/// Makes a folder as dockerd would. A link in its place would lead the mount elsewhere.
fn make(folder: &Utf8Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o711).create(folder) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            match std::fs::symlink_metadata(folder)?.is_dir() {
                true => Ok(()),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_leads_the_mount_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap();
        make(&path.join("made")).unwrap();
        make(&path.join("made")).unwrap();
        std::os::unix::fs::symlink("/etc", path.join("link")).unwrap();
        assert!(make(&path.join("link")).is_err());
    }
}
