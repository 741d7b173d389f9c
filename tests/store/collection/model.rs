use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::keeper::Keeper;

/// Everything that ought to lie in a store, path by path.
pub(super) struct Model {
    root: PathBuf,
    paths: BTreeSet<PathBuf>,
}

/// Locks and the note of the last use come with use.
fn is_note(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name == "lock" || name == "build.lock" || name == "last-used"
}

fn listing(root: &Path) -> BTreeSet<PathBuf> {
    WalkDir::new(root)
        .into_iter()
        .map(|entry| {
            entry
                .unwrap()
                .into_path()
                .strip_prefix(root)
                .unwrap()
                .to_owned()
        })
        .filter(|path| !is_note(path))
        .collect()
}

impl Model {
    /// What lies there now.
    pub(super) fn of(keeper: &Keeper) -> Self {
        let root = keeper.root().into_std_path_buf();
        Self {
            paths: listing(&root),
            root,
        }
    }

    /// Without this and all that lies below it.
    pub(super) fn without(mut self, path: &str) -> Self {
        let before = self.paths.len();
        self.paths.retain(|p| !p.starts_with(path));
        assert!(self.paths.len() < before, "{path} is there");
        self
    }

    /// Without the layers that no link of what is left leads to, wherever in the store it lies.
    pub(super) fn without_unneeded_layers(mut self) -> Self {
        let layers = self.root.join("layers");
        let needed: BTreeSet<PathBuf> = self
            .paths
            .iter()
            .filter(|path| path.starts_with("golden") || path.starts_with("sessions"))
            .filter_map(|path| std::fs::read_link(self.root.join(path)).ok())
            .filter_map(|target| Some(target.strip_prefix(&layers).ok()?.parent()?.to_owned()))
            .collect();
        self.paths.retain(|path| {
            path.strip_prefix("layers").is_err()
                || path.components().count() == 1
                || needed.contains(Path::new(path.components().nth(1).unwrap().as_os_str()))
        });
        self
    }

    /// Ends the test unless exactly this lies in the store.
    #[track_caller]
    pub(super) fn assert_is(&self, keeper: &Keeper) {
        let now = listing(keeper.root().as_std_path());
        let lost: Vec<_> = self.paths.difference(&now).take(9).collect();
        let left: Vec<_> = now.difference(&self.paths).take(9).collect();
        assert!(
            lost.is_empty() && left.is_empty(),
            "lost {lost:?}, left {left:?}"
        );
    }
}
