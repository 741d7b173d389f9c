//! Where each thing lies in the golden store. Paths only; nothing here looks at a disk.
//!
//! ```text
//! <root>/
//!   store.json                           format and identity of the store
//!   sharing.json                         whether the filesystem shares blocks, once it was tried
//!   lock                                 flock: shared while cloning, exclusive while collecting
//!   layers/<layer>/diff/                 immutable layer contents, shared by every golden and session
//!   layers/blob-<digest>/diff            the same of a blob: a file
//!   layers/<layer>/quarantine.json       why nobody may use the layer
//!   golden/<project>/current             symlink -> gen-000007, replaced by rename
//!   golden/<project>/gen-000007/docker/  a data root whose layers are links into layers/, or a
//!                                        read-only btrfs subvolume with its layers inside
//!   golden/<project>/gen-000007/containerd/  containerd's root, if it lies outside the data root
//!   golden/<project>/gen-000007/manifest.json
//!   golden/<project>/gen-000007.quarantine.json  why no session may start from it
//!   golden/<project>/state.json          settings, status, requests, last builds
//!   golden/<project>/last-used           its modification time is the last use
//!   golden/<project>/lock                flock: held while the project's golden changes
//!   golden/<project>/build.lock          flock: held while a golden build runs, or a request waits
//!   sessions/docker-data-<session>/docker/, containerd/
//!   sessions/docker-data-<session>/session.json
//!   builds/<build>/log, result.json
//!   trash/                               renamed here, then removed
//! ```

use camino::{Utf8Path, Utf8PathBuf};

use crate::dataroot::Part;
use crate::id::{BuildId, Generation, LayerName, ProjectId, SessionId};

/// The store's default root.
pub const DEFAULT_ROOT: &str = "/var/lib/cachecore";
/// The environment variable that names another root.
pub const ROOT_VARIABLE: &str = "CACHECORE_ROOT";
/// The folder of immutable layers.
pub const LAYERS: &str = "layers";
/// The folder of goldens.
pub const GOLDEN: &str = "golden";
/// The folder of sessions.
pub const SESSIONS: &str = "sessions";
/// The folder of golden builds.
pub const BUILDS: &str = "builds";
/// The folder of what is about to be removed.
pub const TRASH: &str = "trash";
/// An empty file in a project's folder; its modification time is when a session was last started.
/// Apart from the state, because starting a session must not wait for whoever changes that.
pub const LAST_USED: &str = "last-used";
/// The folder of a generation or a session that holds the data root.
pub const DOCKER: &str = "docker";
/// The folder beside it that holds containerd's root, where that lies outside the data root.
pub const CONTAINERD: &str = "containerd";
/// The folder of a layer that holds its contents.
pub const DIFF: &str = "diff";
/// The symlink to a project's current generation.
pub const CURRENT: &str = "current";
/// The file that describes a generation.
pub const MANIFEST: &str = "manifest.json";
/// The file beside a layer's contents that says why nobody may use them.
pub const QUARANTINE: &str = "quarantine.json";
/// The file that describes a session.
pub const SESSION_RECORD: &str = "session.json";
/// The file that describes a project.
pub const PROJECT_STATE: &str = "state.json";
/// The file that describes the store.
pub const STORE_RECORD: &str = "store.json";
/// The file that says whether sessions can share the blocks of goldens.
pub const SHARING_RECORD: &str = "sharing.json";
/// The name of the store's and each project's lock file.
pub const LOCK: &str = "lock";
/// The name of a project's build lock.
pub const BUILD_LOCK: &str = "build.lock";
/// A build's output.
pub const BUILD_LOG: &str = "log";
/// A build's outcome.
pub const BUILD_RESULT: &str = "result.json";

const SESSION_PREFIX: &str = "docker-data-";

/// The file beside a generation that says why no session may be started from it. Beside, because
/// nothing changes a generation.
pub fn generation_quarantine(generation: Generation) -> String {
    format!("{}.{QUARANTINE}", generation.folder())
}

/// The generation that a quarantine beside it names.
pub fn generation_of_quarantine(name: &str) -> Option<Generation> {
    Generation::from_folder(name.strip_suffix(QUARANTINE)?.strip_suffix('.')?)
}

/// The folder of a session under `sessions/`.
pub fn session_folder(session: &SessionId) -> String {
    format!("{SESSION_PREFIX}{session}")
}

/// The session whose folder has this name, if it is one.
pub fn session_of_folder(name: &str) -> Option<SessionId> {
    SessionId::new(name.strip_prefix(SESSION_PREFIX)?).ok()
}

/// The paths of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: Utf8PathBuf,
}

impl Layout {
    /// The layout of the store at `root`, an absolute path without symlinks.
    pub fn new(root: impl Into<Utf8PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The store's root.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// `layers/`: what every linked session mounts read-only at this very path.
    pub fn layers(&self) -> Utf8PathBuf {
        self.root.join(LAYERS)
    }

    /// The contents of one layer, and so the target of a link to it.
    pub fn layer_diff(&self, layer: &LayerName) -> Utf8PathBuf {
        self.layers().join(layer.as_str()).join(DIFF)
    }

    /// A project's folder.
    pub fn project(&self, project: &ProjectId) -> Utf8PathBuf {
        self.root.join(GOLDEN).join(project.as_str())
    }

    /// One generation of a project's golden.
    pub fn generation(&self, project: &ProjectId, generation: Generation) -> Utf8PathBuf {
        self.project(project).join(generation.folder())
    }

    /// A session's folder.
    pub fn session(&self, session: &SessionId) -> Utf8PathBuf {
        self.root.join(SESSIONS).join(session_folder(session))
    }

    /// One of the folders that a session's data root is.
    pub fn session_part(&self, session: &SessionId, part: Part) -> Utf8PathBuf {
        self.session(session).join(part.name())
    }

    /// A session's data root.
    pub fn session_data_root(&self, session: &SessionId) -> Utf8PathBuf {
        self.session_part(session, Part::Docker)
    }

    /// The folder of a golden build.
    pub fn build(&self, build: &BuildId) -> Utf8PathBuf {
        self.root.join(BUILDS).join(build.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_folder_names_its_session() {
        let session = SessionId::new("ses-1").unwrap();
        assert_eq!(session_of_folder(&session_folder(&session)), Some(session));
        assert_eq!(session_of_folder("docker-data-"), None);
        assert_eq!(session_of_folder(".starting-x"), None);
    }

    #[test]
    fn paths_are_those_of_the_contract() {
        let layout = Layout::new("/var/lib/cachecore");
        let project = ProjectId::new("api").unwrap();
        assert_eq!(
            layout.generation(&project, Generation::new(7)),
            "/var/lib/cachecore/golden/api/gen-000007"
        );
        assert_eq!(
            layout.session_data_root(&SessionId::new("s1").unwrap()),
            "/var/lib/cachecore/sessions/docker-data-s1/docker"
        );
    }
}
