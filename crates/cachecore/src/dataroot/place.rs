//! Where links may be in a data root.
//!
//! A daemon writes through whatever lies in its data root, with the rights of root: a volume's
//! `_data`, or a folder of its build cache, that is a link to somewhere else lets it write there, and
//! on the host that is where a golden build runs. No daemon (20.10 to 29) makes links in its own
//! parts but for short links and the contents of layers, and the store links nothing but contents. What containers see is full of links, and
//! those are theirs: a daemon resolves them inside the container.

/// What a path of a data root is, as far as links go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The daemon's own. A link here is refused.
    Own,
    /// A link may be here, and is judged for itself: short links, the contents of layers, blobs.
    Link,
    /// What containers see, or what is left out of every generation. Nobody looks inside.
    Contents,
}

/// Deepest folder of a daemon's own parts, in components. `image/overlay2/layerdb/sha256/<chain>/…`
/// has six, BuildKit's and containerd's deepest eight.
pub const MAX_DEPTH: usize = 16;

/// Says what lies at a path, given by its components.
pub fn place(path: &[&[u8]]) -> Place {
    match path {
        // Left out of every generation, whatever they are.
        [
            b"containers" | b"network" | b"swarm" | b"runtimes" | b"tmp",
            ..,
        ] => Place::Contents,
        [b"overlay2" | b"fuse-overlayfs", b"l", _] => Place::Link,
        [b"overlay2" | b"fuse-overlayfs", _, b"diff"] => Place::Link,
        [
            b"containerd",
            b"daemon",
            b"io.containerd.snapshotter.v1.overlayfs",
            b"snapshots",
            _,
            b"fs",
        ]
        | [
            b"containerd",
            b"daemon",
            b"io.containerd.content.v1.content",
            b"blobs",
            b"sha256",
            _,
        ] => Place::Link,
        // The folders that an overlay is mounted with and on are the daemon's, what is in them not.
        [b"overlay2" | b"fuse-overlayfs", _, _, _, ..] => Place::Contents,
        [b"vfs", b"dir", _, _, ..] => Place::Contents,
        [b"volumes", _, b"_data", _, ..] => Place::Contents,
        [b"plugins", _, b"rootfs", _, ..] => Place::Contents,
        [b"containerd", _, _, b"snapshots", _, _, _, ..] => Place::Contents,
        [
            b"buildkit" | b"containerd" | b"fuse-overlayfs" | b"image" | b"overlay2" | b"plugins"
            | b"vfs" | b"volumes",
            ..,
        ] => Place::Own,
        // Nothing that is known here; that it is no link itself is all there is to say.
        [_] => Place::Own,
        _ => Place::Contents,
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, place};

    #[test]
    fn links_belong_in_few_places_and_in_what_containers_see() {
        for (path, expected) in [
            ("image/overlay2/repositories.json", Place::Own),
            ("image/overlay2/layerdb/sha256/c/cache-id", Place::Own),
            ("buildkit/content/blobs", Place::Own),
            ("overlay2", Place::Own),
            ("overlay2/l", Place::Own),
            ("overlay2/l/SHORT", Place::Link),
            ("overlay2/c", Place::Own),
            ("overlay2/c/diff", Place::Link),
            ("overlay2/c/work", Place::Own),
            ("overlay2/c/merged", Place::Own),
            ("overlay2/c/diff/etc", Place::Contents),
            ("overlay2/c/work/work", Place::Contents),
            ("volumes/db", Place::Own),
            ("volumes/db/_data", Place::Own),
            ("volumes/db/_data/link", Place::Contents),
            ("vfs/dir/c", Place::Own),
            ("vfs/dir/c/etc", Place::Contents),
            ("containerd/daemon/snapshotter/snapshots/7/fs", Place::Own),
            (
                "containerd/daemon/snapshotter/snapshots/7/fs/etc",
                Place::Contents,
            ),
            ("containerd/daemon/content/blobs/sha256/b", Place::Own),
            (
                "containerd/daemon/io.containerd.content.v1.content/blobs/sha256/b",
                Place::Link,
            ),
            (
                "containerd/daemon/io.containerd.content.v1.content/blobs/sha256",
                Place::Own,
            ),
            (
                "containerd/daemon/io.containerd.content.v1.content/ingest/b",
                Place::Own,
            ),
            (
                "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs",
                Place::Link,
            ),
            (
                "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/7/work",
                Place::Own,
            ),
            (
                "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs/etc",
                Place::Contents,
            ),
            ("plugins/p/rootfs", Place::Own),
            ("plugins/p/rootfs/etc", Place::Contents),
            ("containers/c/mounts", Place::Contents),
            ("trust", Place::Own),
            ("trust/keys", Place::Contents),
        ] {
            let components: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
            assert_eq!(place(&components), expected, "{path}");
        }
    }
}
