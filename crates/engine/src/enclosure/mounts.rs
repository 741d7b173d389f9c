//! What an enclosure mounts for itself. All of it is done by the enclosure's own thread, in the
//! enclosure's mount namespace, and vanishes with it: nothing here is ever unmounted.

use std::io;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount,
};

use cachecore::mountinfo::Mount;

use super::mountinfo;

/// A mount that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path} in the enclosure")]
pub struct MountError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failed(
    what: &'static str,
    path: impl AsRef<Path>,
) -> impl FnOnce(rustix::io::Errno) -> MountError {
    let path = path.as_ref().to_owned();
    move |errno| MountError {
        what,
        path,
        source: errno.into(),
    }
}

/// What is mounted on the host from now on appears here too, but nothing goes the other way.
pub(super) fn detach_from_host() -> Result<(), MountError> {
    mount_change(
        "/",
        MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
    )
    .map_err(failed("detach", "/"))
}

/// Makes a folder, and every mount below it, read-only for the enclosure.
pub(super) fn make_read_only(folder: &Utf8Path) -> Result<(), MountError> {
    let real = folder.canonicalize().map_err(|source| MountError {
        what: "find",
        path: folder.into(),
        source,
    })?;
    mount_bind_recursive(&real, &real).map_err(failed("bind", &real))?;
    // A writable mount that the host makes below this folder later must not appear here.
    mount_change(
        &real,
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(failed("detach", &real))?;
    let mounts = mountinfo::of_this_thread().map_err(|source| MountError {
        what: "list the mounts below",
        path: real.clone(),
        source,
    })?;
    for nested in mounts.iter().filter(|mount| mount.is_within(&real)) {
        if nested.has_option("ro") {
            continue;
        }
        let flags = MountFlags::BIND | MountFlags::RDONLY | flags_to_keep(nested);
        mount_remount(&nested.point, flags, "").map_err(failed("make read-only", &nested.point))?;
    }
    Ok(())
}

/// A remount sets all per-mount flags, so those already there have to be named again.
fn flags_to_keep(mount: &Mount) -> MountFlags {
    [
        ("nosuid", MountFlags::NOSUID),
        ("nodev", MountFlags::NODEV),
        ("noexec", MountFlags::NOEXEC),
        ("noatime", MountFlags::NOATIME),
        ("nodiratime", MountFlags::NODIRATIME),
        ("relatime", MountFlags::RELATIME),
    ]
    .into_iter()
    .filter(|(name, _)| mount.has_option(name))
    .fold(MountFlags::empty(), |flags, (_, flag)| flags | flag)
}

/// Gives the enclosure a `/run/containerd` of its own.
///
/// dockerd connects to `/run/containerd/containerd.sock` if there is one instead of starting a
/// containerd, and then the host's containerd would run our containers, outside the enclosure.
/// And containerd's shims put their sockets there, whatever folder dockerd was given.
pub(super) fn hide_host_containerd() -> Result<(), MountError> {
    let path = Path::new("/run/containerd");
    std::fs::create_dir_all(path).map_err(|source| MountError {
        what: "create",
        path: path.into(),
        source,
    })?;
    mount(
        "tmpfs",
        path,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=0711",
    )
    .map_err(failed("hide", path))
}

/// Makes a folder a mount of its own, which shares with containers what is mounted in it. dockerd does
/// the same to its data root where it is not so already, and would hide what is mounted in it by then.
pub(super) fn make_shared(folder: &Utf8Path) -> Result<(), MountError> {
    let path = folder.as_std_path();
    mount_bind(path, path).map_err(failed("bind", path))?;
    mount_change(path, MountPropagationFlags::SHARED).map_err(failed("share", path))
}

/// Puts one file or folder over another, for the enclosure alone.
pub(super) fn cover(file: &Utf8Path, with: &Utf8Path) -> Result<(), MountError> {
    mount_bind(with.as_std_path(), file.as_std_path()).map_err(failed("cover", file))
}
