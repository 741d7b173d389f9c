//! What an installer takes from: the network, or files that the script finds.

use crate::split::value::Value;

/// Whether an argument of a command that sets up the system names a file that it reads.
pub(super) fn is_file_for_setup(name: &str, value: &Value) -> bool {
    let text = value.beginning();
    if text.starts_with('-') || text.contains("://") {
        return false;
    }
    match name {
        "add-apt-repository" => false,
        "useradd" | "usermod" | "adduser" if text.starts_with("/home/") => false,
        "rpm" | "dpkg" => {
            value.known().is_none()
                || [".deb", ".rpm"].iter().any(|end| text.ends_with(end))
                || text.contains('/')
        }
        "debconf-set-selections" => true,
        "apt-key" => text != "add" && (text.contains('/') || text.contains('.')),
        _ => text.contains('/'),
    }
}

/// Whether a word names a file or a folder for pip, or an option that does.
fn is_local_for_pip(word: &str) -> bool {
    let options = [
        "-e",
        "-r",
        "-c",
        "--editable",
        "--requirement",
        "--constraint",
        "--target",
        "--prefix",
        "--root",
        "--find-links",
        "--src",
        "--no-index",
        "--python",
    ];
    if word.starts_with('-') {
        let name = word.split('=').next().unwrap_or_default();
        return options.contains(&name)
            || !word.starts_with("--") && word.len() > 2 && options.contains(&&word[..2]);
    }
    word.contains('/') && !word.contains("://") || word.starts_with('.')
}

/// Whether an installer with these words works on files that it finds, or in the folder where it is started.
pub(super) fn is_local(name: &str, words: &[&str]) -> bool {
    let pip = matches!(name, "pip" | "pip3" | "pipx" | "uv");
    let plain = words.iter().filter(|word| !word.starts_with('-')).count();
    let nothing_named = plain < 2
        && (matches!(name, "npm" | "pnpm" | "go" | "cargo") || words.contains(&"prepare"));
    // Without a version the module of the folder decides.
    let of_module = |word: &&str| name == "go" && word.contains('/') && !word.contains('@');
    let local = |word: &&str| {
        matches!(
            *word,
            "-e" | "--editable" | "-r" | "--requirement" | "--path" | "." | "-c" | "-f" | "--file"
        ) && name != "apk"
            && name != "apt-get"
            && name != "apt"
            || word.starts_with("./")
            || word.starts_with("../")
            || (word.starts_with(['/', '~'])
                && !word.starts_with("/usr")
                && !word.starts_with("/opt"))
            || [".txt", ".deb", ".rpm", ".whl", ".tgz", ".tar.gz", ".gem"]
                .iter()
                .any(|end| word.ends_with(end) && !word.contains("://"))
            || word.starts_with(".[")
            || word.contains("file:")
            || pip && is_local_for_pip(word)
            || matches!(name, "conda" | "mamba" | "micromamba") && *word == "-p"
            || matches!(
                *word,
                "-t" | "--target" | "--prefix" | "--root" | "--installroot" | "--modules-folder"
            )
            || word.split_once('=').is_some_and(|(_, path)| {
                path.starts_with(['/', '~', '.'])
                    && !path.starts_with("/usr")
                    && !path.starts_with("/opt")
            })
    };
    nothing_named || words.iter().any(|word| local(word) || of_module(word))
}
