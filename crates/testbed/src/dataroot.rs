//! Data roots as a stopped dockerd leaves them, made on disk without one.
//!
//! ```text
//! <data root>/
//!   image/overlay2/repositories.json
//!   image/overlay2/imagedb/content/sha256/<image>   config: its diff ids give exactly these chains
//!   image/overlay2/layerdb/sha256/<chain>/          cache-id, diff, parent, size, tar-split.json.gz
//!   image/overlay2/layerdb/mounts/<container>/      mount-id, init-id, parent
//!   overlay2/<cache id>/                            diff/, link, lower, work/, committed
//!   overlay2/l/<short id>                           -> ../<cache id>/diff
//!   volumes/<name>/_data/                           files; or a data root of its own
//!   buildkit/*.db, containers/, network/, engine-id, ...
//! ```
//!
//! The same layers give the same chain ids and the same contents in every data root; the names of
//! their folders under `overlay2/` depend on the daemon ([`DataRoot::of_daemon`]), as Docker draws
//! them by lot. Writing to a data root that is there already adds to it, as a daemon would that
//! builds one more image: layers it has are not written again, also where they are links.

mod archive;
mod books;
mod containerd;
mod daemon;
mod image;
mod layer;
mod names;
mod oddities;
mod overlay2;
mod vfs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use image::{Image, LayerOnDisk};
pub use layer::Layer;
pub use oddities::HOLE;

/// When every layer was made, in seconds since 1970.
pub(crate) const MTIME: i64 = 1_700_000_000;

/// A data root to write.
#[derive(Debug, Clone)]
pub struct DataRoot {
    daemon: String,
    gid: u32,
    store: Store,
    elsewhere: Option<PathBuf>,
    twin: Option<String>,
    images: Vec<(String, Vec<Layer>)>,
    volumes: Vec<Volume>,
    containers: Vec<String>,
    build_cache: String,
    stages: Vec<(String, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Overlay2,
    Vfs,
    Containerd,
}

#[derive(Debug, Clone)]
struct Volume {
    name: String,
    files: Vec<(String, String)>,
    nested: bool,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The images by name.
    pub images: BTreeMap<String, Image>,
}

impl Written {
    /// An image that was written.
    ///
    /// # Panics
    /// If there is none by this name.
    pub fn image(&self, name: &str) -> &Image {
        &self.images[name]
    }
}

impl DataRoot {
    /// A daemon's data root without images, on the overlay2 driver.
    #[expect(
        clippy::new_without_default,
        reason = "a data root is built, and begins with new"
    )]
    pub fn new() -> Self {
        Self {
            daemon: "daemon".to_owned(),
            gid: 0,
            store: Store::Overlay2,
            elsewhere: None,
            twin: None,
            images: Vec::new(),
            volumes: Vec::new(),
            containers: Vec::new(),
            build_cache: "empty".to_owned(),
            stages: Vec::new(),
        }
    }

    /// Which daemon it is: another one names the same layers' folders differently.
    #[must_use]
    pub fn of_daemon(mut self, name: &str) -> Self {
        self.daemon = name.to_owned();
        self
    }

    /// On the vfs driver: every layer a whole tree.
    #[must_use]
    pub fn on_vfs(mut self) -> Self {
        self.store = Store::Vfs;
        self
    }

    /// With containerd's image store.
    #[must_use]
    pub fn on_containerd(mut self) -> Self {
        self.store = Store::Containerd;
        self
    }

    /// With the image store of a containerd whose root is this folder.
    #[must_use]
    pub fn on_containerd_at(mut self, root: impl AsRef<Path>) -> Self {
        self.elsewhere = Some(root.as_ref().to_owned());
        self.on_containerd()
    }

    /// With the base layer of the first image unpacked once more, for another namespace of containerd's.
    /// It holds one file more where `more` is not empty, as no layer of that chain id does.
    #[must_use]
    pub fn in_two_namespaces(mut self, more: &str) -> Self {
        self.twin = Some(more.to_owned());
        self
    }

    /// With users remapped: the mapped root has this group id.
    #[must_use]
    pub fn remapped(mut self, gid: u32) -> Self {
        self.gid = gid;
        self
    }

    /// With an image, its layers from the lowest up. A name without a tag is `latest`.
    #[must_use]
    pub fn image(mut self, name: &str, layers: &[Layer]) -> Self {
        self.images.push((name.to_owned(), layers.to_vec()));
        self
    }

    /// With a volume that holds these files, path and content.
    #[must_use]
    pub fn volume(mut self, name: &str, files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), (*content).to_owned()));
        self.volumes.push(Volume {
            name: name.to_owned(),
            files: files.collect(),
            nested: false,
        });
        self
    }

    /// With a volume in which a daemon of its own keeps its data root (docker-in-docker).
    #[must_use]
    pub fn volume_with_data_root(mut self, name: &str) -> Self {
        self.volumes.push(Volume {
            name: name.to_owned(),
            files: Vec::new(),
            nested: true,
        });
        self
    }

    /// With a stopped container of the first image.
    #[must_use]
    pub fn container(mut self, name: &str) -> Self {
        self.containers.push(name.to_owned());
        self
    }

    /// With this word in the databases of the build cache.
    #[must_use]
    pub fn build_cache(mut self, word: &str) -> Self {
        self.build_cache = word.to_owned();
        self
    }

    /// With the last step of a stage that an image was made from and that is none itself. It holds one
    /// file of the stage's name. `committed` where BuildKit has committed it, as it does when something
    /// is built on it; else only its records say that it is finished.
    #[must_use]
    pub fn stage(mut self, name: &str, committed: bool) -> Self {
        self.stages.push((name.to_owned(), committed));
        self
    }

    /// Writes it, or adds it to what is there.
    ///
    /// # Panics
    /// If anything cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Written {
        let path = path.as_ref();
        std::fs::create_dir_all(path).unwrap();
        let images = match self.store {
            Store::Overlay2 => overlay2::write(self, path),
            Store::Vfs => vfs::write(self, path),
            Store::Containerd => containerd::write(self, path),
        };
        daemon::write(self, path, &images);
        Written { images }
    }
}

/// The name of a blob with these contents.
pub fn blob_name(content: &str) -> String {
    names::digest(content)
}

/// Writes a file and the folders on its way.
pub(crate) fn put(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
