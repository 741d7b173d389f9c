use camino::{Utf8Path, Utf8PathBuf};
use engine::Engine;

/// An engine that `scripts/engine` has put into `.engine/` (or into `$CACHECORE_ENGINE_DIR`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// dockerd 26.1 with buildx and compose.
    V26_1,
    /// dockerd 20.10, whose BuildKit is in the daemon.
    V20_10,
}

impl Release {
    /// Its folder's name, which the version begins with.
    pub fn name(self) -> &'static str {
        match self {
            Self::V26_1 => "26.1",
            Self::V20_10 => "20.10",
        }
    }

    /// Its dockerd.
    ///
    /// # Panics
    /// If it is missing.
    pub fn dockerd(self) -> Utf8PathBuf {
        there(folder().join(self.name()).join("bin/dockerd"))
    }

    /// The engine, for the library.
    ///
    /// # Panics
    /// If it is missing.
    pub fn engine(self) -> Engine {
        let path = std::env::var_os("PATH").unwrap();
        Engine::find(Some(&self.dockerd()), &path).unwrap()
    }

    /// A plugin of its docker CLI.
    ///
    /// # Panics
    /// If it is missing.
    pub fn plugin(self, name: &str) -> Utf8PathBuf {
        there(folder().join(self.name()).join("cli-plugins").join(name))
    }

    /// `config.json` for the docker CLI: where this engine's plugins are.
    ///
    /// # Panics
    /// If they are missing.
    pub fn client_config(self) -> serde_json::Value {
        match self {
            Self::V26_1 => {
                let plugins = folder().join("26.1/cli-plugins");
                there(plugins.join("docker-buildx"));
                serde_json::json!({ "cliPluginsExtraDirs": [plugins] })
            }
            // The newer engine's plugins would be taken for this CLI's, too.
            Self::V20_10 => serde_json::json!({}),
        }
    }
}

/// A busybox that needs no libraries.
pub(crate) fn busybox() -> Utf8PathBuf {
    there(folder().join("bin/busybox"))
}

/// A small Debian, as an archive for `docker import`.
pub(crate) fn debian() -> Utf8PathBuf {
    there(folder().join("debian/rootfs.tar"))
}

/// Where the engines lie, without symlinks.
pub(super) fn folder() -> Utf8PathBuf {
    let folder = std::env::var("CACHECORE_ENGINE_DIR").map_or_else(
        |_| Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.engine"),
        Utf8PathBuf::from,
    );
    there(folder.clone()).canonicalize_utf8().unwrap()
}

fn there(path: Utf8PathBuf) -> Utf8PathBuf {
    assert!(path.exists(), "{path} is missing: run scripts/engine first");
    path
}
