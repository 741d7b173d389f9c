//! The store itself: making one, opening one, and finding things in it.

use std::collections::BTreeSet;
use std::path::Path;

use cachecore::id::ProjectId;
use cachecore::layout::{self, Layout};
use cachecore::record::{self, Other, StoreRecord};
use cachecore::space::Reserve;
use cachecore::strategy::Filesystem;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::image;
use crate::lock::{self, Mode};
use crate::records;

/// A golden store on disk.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    pub(crate) root: Handle,
    pub(crate) layers: Handle,
    pub(crate) golden: Handle,
    pub(crate) sessions: Handle,
    pub(crate) builds: Handle,
    pub(crate) trash: Handle,
    pub(crate) reserve: Reserve,
}

/// What `init` did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct InitReport {
    /// The store's root, without symlinks.
    pub root: Utf8PathBuf,
    /// The filesystem it lies on.
    pub filesystem: String,
    /// Whether it was made now, or was there already.
    pub created: bool,
}

/// The folders of a store with their modes. `layers/` can be searched by others, because the root of
/// a session with remapped users is not this host's root; nobody reaches it through the store's own
/// root, which is closed.
const FOLDERS: [(&str, u32); 5] = [
    (layout::LAYERS, 0o711),
    (layout::GOLDEN, 0o700),
    (layout::SESSIONS, 0o700),
    (layout::BUILDS, 0o700),
    (layout::TRASH, 0o700),
];

impl Store {
    /// Makes a store at `root`, or completes one. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] if this is not root, if `root` holds something else, has an image that is not
    /// mounted, or lies on a filesystem that cannot hold a store.
    pub fn init(root: &Utf8Path) -> Result<InitReport, StoreError> {
        require_root()?;
        if let Some(image) = image::unmounted_image(root) {
            return Err(StoreError::NotMounted {
                root: root.into(),
                image: image.into(),
            });
        }
        let made = match std::fs::create_dir(root) {
            Ok(()) => true,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => false,
            Err(e) => return Err(StoreError::io("make the folder", root, e)),
        };
        let root = canonical(root)?;
        let handle = Handle::open(root.as_std_path())?;
        let _others = lock::lock(
            Handle::open(root.as_std_path())?.into_file(),
            Mode::Exclusive,
            "the folder of the store",
            lock::PATIENCE,
        )?;
        let existing: Option<StoreRecord> = records::read(&handle, layout::STORE_RECORD)?;
        if let Some(existing) = &existing {
            not_moved(&root, existing)?;
        } else if !made {
            refuse_strangers_folder(&handle)?;
        }
        let filesystem = filesystem(&handle)?;
        if filesystem == Filesystem::Overlay {
            return Err(StoreError::UnsuitableRoot {
                root: root.into(),
                because: "it lies on overlayfs, where Docker cannot keep its layers; \
                          use a volume or a folder of the host"
                    .to_owned(),
            });
        }
        rustix::fs::fchmod(&handle, rustix::fs::Mode::from_raw_mode(0o700))
            .map_err(|e| StoreError::io("close to others", &root, e))?;
        for (name, mode) in FOLDERS {
            match handle.make_folder(name, mode) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(StoreError::io("make the folder", root.join(name), e)),
            }
            let folder = handle.folder(name)?;
            // Whatever the caller's umask took away.
            rustix::fs::fchmod(&folder, rustix::fs::Mode::from_raw_mode(mode))
                .map_err(|e| StoreError::io("set the mode of", root.join(name), e))?;
        }
        let created = existing.is_none();
        if created {
            // Last, so that a store with a record is complete.
            let record = StoreRecord {
                format: record::FORMAT,
                id: random_id()?,
                root: root.clone(),
                other: Other::new(),
            };
            records::write(&handle, layout::STORE_RECORD, &record)?;
        }
        records::clear_asides_of(&handle, layout::STORE_RECORD)?;
        Ok(InitReport {
            root,
            filesystem: filesystem.to_string(),
            created,
        })
    }

    /// Opens the store at `root`.
    ///
    /// # Errors
    /// [`StoreError`] if this is not root, if there is no store, if a newer version made it, or if
    /// it was moved since.
    pub fn open(root: &Utf8Path) -> Result<Self, StoreError> {
        require_root()?;
        let no_store = || match image::unmounted_image(root) {
            Some(image) => StoreError::NotMounted {
                root: root.into(),
                image: image.into(),
            },
            None => StoreError::NoStore { root: root.into() },
        };
        let root = match canonical(root) {
            Err(StoreError::Io { source, .. })
                if matches!(
                    source.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(no_store());
            }
            other => other?,
        };
        let handle = Handle::open(root.as_std_path())?;
        let record: StoreRecord =
            records::read(&handle, layout::STORE_RECORD)?.ok_or_else(no_store)?;
        not_moved(&root, &record)?;
        Ok(Self {
            layout: Layout::new(root),
            layers: handle.folder(layout::LAYERS)?,
            golden: handle.folder(layout::GOLDEN)?,
            sessions: handle.folder(layout::SESSIONS)?,
            builds: handle.folder(layout::BUILDS)?,
            trash: handle.folder(layout::TRASH)?,
            root: handle,
            reserve: Reserve::Usual,
        })
    }

    /// Sets how much of the filesystem stays free whatever is started.
    #[must_use]
    pub fn with_reserve(mut self, reserve: Reserve) -> Self {
        self.reserve = reserve;
        self
    }

    /// The store's paths.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The filesystem that the store lies on.
    ///
    /// # Errors
    /// [`StoreError`] if the system does not say.
    pub fn filesystem(&self) -> Result<Filesystem, StoreError> {
        filesystem(&self.root)
    }

    /// The projects that the store knows, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn projects(&self) -> Result<BTreeSet<ProjectId>, StoreError> {
        let names = self.golden.names(usize::MAX)?;
        Ok(names
            .iter()
            .filter_map(|name| ProjectId::new(name.to_str()?).ok())
            .collect())
    }
}

pub(crate) fn require_root() -> Result<(), StoreError> {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        Ok(())
    } else {
        Err(StoreError::NotRoot { uid: uid.as_raw() })
    }
}

/// Links into `layers/` are absolute, so the store's own path must be the one without symlinks.
fn canonical(root: &Utf8Path) -> Result<Utf8PathBuf, StoreError> {
    root.canonicalize_utf8()
        .map_err(|e| StoreError::io("open", root, e))
}

fn not_moved(root: &Utf8Path, record: &StoreRecord) -> Result<(), StoreError> {
    if record.root == root {
        return Ok(());
    }
    Err(StoreError::Moved {
        found: root.into(),
        made: record.root.clone().into(),
    })
}

/// A folder that holds something but no store is somebody else's. What an interrupted `init` left is
/// ours: empty folders of our names, or a record that was not renamed yet.
fn refuse_strangers_folder(root: &Handle) -> Result<(), StoreError> {
    for name in root.names(1000)? {
        let text = name.to_string_lossy();
        let aside = format!(".{}.", layout::STORE_RECORD);
        let ours = FOLDERS.iter().any(|(folder, _)| text == *folder)
            || text.starts_with(&aside)
            || text == "lost+found";
        if !ours {
            return Err(StoreError::UnsuitableRoot {
                root: root.path().to_owned(),
                because: format!("it is no store and already holds {text:?}; name an empty folder"),
            });
        }
    }
    Ok(())
}

fn filesystem(root: &Handle) -> Result<Filesystem, StoreError> {
    let stat = rustix::fs::fstatfs(root)
        .map_err(|e| StoreError::io("look at the filesystem of", root.path(), e))?;
    Ok(Filesystem::from_magic(stat.f_type.cast_unsigned()))
}

fn random_id() -> Result<String, StoreError> {
    let path = Path::new("/proc/sys/kernel/random/uuid");
    let id = std::fs::read_to_string(path).map_err(|e| StoreError::io("read", path, e))?;
    Ok(id.trim().to_owned())
}
