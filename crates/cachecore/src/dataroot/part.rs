use crate::layout::{CONTAINERD, DOCKER};

/// One of the folders that a data root is.
///
/// A daemon that starts its own containerd gives it `containerd/daemon` in the data root, and then the
/// data root is one folder. A containerd that is a service of the host's keeps images and snapshots in
/// a folder of its own, and neither folder is worth anything without the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What dockerd calls its data root, `/var/lib/docker`.
    Docker,
    /// What containerd calls its root, `/var/lib/containerd`, where it lies outside the data root.
    Containerd,
}

/// Where containerd keeps its files in the data root of a daemon that starts its own.
const INSIDE: &str = "containerd/daemon/";

impl Part {
    /// All there are. A data root has the first, and may have the second.
    pub const ALL: [Self; 2] = [Self::Docker, Self::Containerd];

    /// Its name in the folder of a generation or a session.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => DOCKER,
            Self::Containerd => CONTAINERD,
        }
    }

    /// What a session mounts it at.
    pub fn target(self) -> &'static str {
        match self {
            Self::Docker => "/var/lib/docker",
            Self::Containerd => "/var/lib/containerd",
        }
    }

    /// The path in this part of what lies at a path of a data root in one folder; `None` if it does not
    /// lie in this part.
    pub fn within(self, path: &str) -> Option<&str> {
        match self {
            Self::Docker => Some(path),
            Self::Containerd => path.strip_prefix(INSIDE),
        }
    }

    /// A path in this part as messages name it: from the data root.
    pub fn shown(self, path: &str) -> String {
        match self {
            Self::Docker => path.to_owned(),
            Self::Containerd => format!("../{CONTAINERD}/{path}"),
        }
    }

    /// The folder of containerd's overlayfs snapshotter, from this part.
    pub fn snapshotter(self) -> &'static str {
        match self {
            Self::Docker => "containerd/daemon/io.containerd.snapshotter.v1.overlayfs",
            Self::Containerd => "io.containerd.snapshotter.v1.overlayfs",
        }
    }

    /// The folder of blobs in containerd's content store, from this part.
    pub fn blobs(self) -> &'static str {
        match self {
            Self::Docker => "containerd/daemon/io.containerd.content.v1.content/blobs/sha256",
            Self::Containerd => "io.containerd.content.v1.content/blobs/sha256",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn a_containerd_elsewhere_has_the_same_files_without_the_way_to_them() {
        for (path, elsewhere) in [
            (
                Part::Docker.snapshotter(),
                Some(Part::Containerd.snapshotter()),
            ),
            (Part::Docker.blobs(), Some(Part::Containerd.blobs())),
            ("containerd/daemon/io.x/meta.db", Some("io.x/meta.db")),
            ("containerd/other", None),
            ("buildkit/cache.db", None),
        ] {
            assert_eq!(Part::Docker.within(path), Some(path));
            assert_eq!(Part::Containerd.within(path), elsewhere);
        }
        assert_eq!(Part::Docker.shown("a/b"), "a/b");
        assert_eq!(Part::Containerd.shown("a/b"), "../containerd/a/b");
    }
}
