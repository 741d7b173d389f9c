//! Which line of work a build belongs to: the branch that its context is on, or else the folder.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How far up a repository is looked for.
const LEVELS: usize = 40;
/// The longest `HEAD`, in bytes.
const LONGEST: u64 = 4096;

/// The line of a context.
pub(crate) fn of(context: &Path) -> String {
    let whole = std::path::absolute(context).unwrap_or_else(|_| context.to_owned());
    let branch = whole.ancestors().take(LEVELS).find_map(branch);
    branch.unwrap_or_else(|| {
        let host = rustix::system::uname();
        format!("{}:{}", host.nodename().to_string_lossy(), whole.display())
    })
}

/// The branch that is checked out in a folder; `None` if it is no repository, or on no branch.
fn branch(folder: &Path) -> Option<String> {
    let git = folder.join(".git");
    let dir = if git.is_dir() {
        git
    } else {
        let text = text(&git)?;
        folder.join(PathBuf::from(text.strip_prefix("gitdir: ")?.trim_end()))
    };
    let head = text(&dir.join("HEAD"))?;
    let name = head.trim_end().strip_prefix("ref: refs/heads/")?;
    Some(name.to_owned())
}

fn text(path: &Path) -> Option<String> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}
