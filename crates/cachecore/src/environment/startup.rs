//! The start of a container: the scripts that run before its command, as the folder that is mounted into it.
//!
//! Each script runs in a shell of its own, so that `exit`, `cd`, `set -e` and traps stay its own. What the run
//! script exports reaches the command. What a cached script exports reaches nobody, in a build as at a start.

mod scripts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
pub use scripts::{Scripts, scripts};
use serde::Serialize;

use super::materials::{File, Files};
use super::shell_word::quoted;
use super::template::interpreter;
use crate::dataroot::chain::sha256_hex;

/// Where the folder is mounted. `/dev` is in memory in every container, so nothing of it stays in one.
pub const MOUNTED: &str = "/dev/cachecore/startup";
/// What is mounted around it, for what the run script exports.
pub const SCRATCH: &str = "/dev/cachecore";
/// What is run there.
pub const FIRST: &str = "/dev/cachecore/startup/start";

/// A script that runs before the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which one it is.
    pub role: Role,
    /// As whom it runs, if not as whom the container runs.
    pub user: Option<String>,
    /// The script, and what lies beside it when it runs.
    pub files: Files,
}

/// What a script is in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The cached script of a stage that is not in the image. If it fails, that is said, and the rest goes on.
    Stage {
        /// The stage's name.
        name: String,
        /// Its build arguments.
        args: BTreeMap<String, String>,
    },
    /// The run script. If it fails, its exit code is that of the container.
    Run,
}

/// What is mounted, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name, which says what it holds: 64 hex digits.
    pub name: String,
    /// Its files, by path.
    pub files: Vec<File>,
}

/// Why there is no such folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum FolderError {
    /// A file would lie elsewhere.
    #[error("{path} leads out of the folder of scripts")]
    Outside {
        /// Its path.
        path: Utf8PathBuf,
    },
}

/// Puts together what is mounted. `command_user` is as whom the command runs, if not as whom the container runs.
///
/// # Errors
/// [`FolderError`] if a path leads out of the folder.
pub fn folder(steps: &[Step], command_user: Option<&str>) -> Result<Folder, FolderError> {
    let mut start = include_str!("startup/first.sh").to_owned();
    let mut files = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let number = number + 1;
        let script = &step.files.script;
        let path = Utf8Path::new(MOUNTED)
            .join(number.to_string())
            .join(&script.path);
        let user = quoted(step.user.as_deref().unwrap_or_default());
        let _ = writeln!(start, "\nstep_{number}() {{");
        if let Role::Stage { args, .. } = &step.role {
            for (name, value) in args {
                let _ = writeln!(start, "  export {name}={}", quoted(value));
            }
        }
        let path = quoted(path.as_str());
        let shell = Shell::of(&script.bytes);
        let words = &shell.words;
        let _ = match (&step.role, shell.kind) {
            (Role::Stage { name, .. }, _) => {
                let name = quoted(name);
                writeln!(
                    start,
                    "  as {user} {words} {path}\n}}\nbaked {name} step_{number}"
                )
            }
            (Role::Run, Some(kind)) => {
                let words = format!("exporting {user} {kind} {path} {words}");
                writeln!(start, "  {words}\n}}\nrun exporting step_{number}")
            }
            (Role::Run, None) => {
                writeln!(
                    start,
                    "  as {user} {words} {path}\n}}\nrun plain step_{number}"
                )
            }
        };
        for (at, file) in step.files.all().enumerate() {
            if !is_inside(&file.path) {
                return Err(FolderError::Outside {
                    path: file.path.clone(),
                });
            }
            files.push(File {
                path: Utf8Path::new(&number.to_string()).join(&file.path),
                // The kernel starts it by its first line.
                executable: file.executable || at == 0,
                bytes: file.bytes.clone(),
            });
        }
    }
    let user = quoted(command_user.unwrap_or_default());
    let _ = writeln!(start, "\nfinish {user} \"$@\"");
    files.push(File {
        path: "start".into(),
        executable: true,
        bytes: start.into_bytes(),
    });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(Folder {
        name: name(&files),
        files,
    })
}

/// What runs a script, in a shell's words.
struct Shell {
    words: String,
    /// Which shell it is; `None` for another language.
    kind: Option<&'static str>,
}

impl Shell {
    /// What a build would take; but where the script names nothing and the image has no bash, its sh.
    fn of(script: &[u8]) -> Self {
        if !script.starts_with(b"#!") {
            return Self {
                words: "\"$step_shell\"".to_owned(),
                kind: Some("\"${step_shell##*/}\""),
            };
        }
        let words = interpreter(script);
        let mut names = words.iter().flat_map(|words| words.split_whitespace());
        let is_program = |word: &&str| !word.starts_with('-') && !word.ends_with("/env");
        let program = names.find(is_program).unwrap_or_default();
        let kind = match program.rsplit('/').next() {
            Some("bash") => Some("bash"),
            Some("sh" | "dash" | "ash") => Some("sh"),
            _ => None,
        };
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        Self {
            words: words.join(" "),
            kind,
        }
    }
}

fn is_inside(path: &Utf8Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Utf8Component::Normal(_)))
}

/// The digest of paths, modes and contents, each with its length before it.
fn name(files: &[File]) -> String {
    let mut all = b"cachecore startup 1\n".to_vec();
    for file in files {
        for part in [file.path.as_str().as_bytes(), &file.bytes] {
            all.extend_from_slice(&(part.len() as u64).to_be_bytes());
            all.extend_from_slice(part);
        }
        all.push(file.executable.into());
    }
    sha256_hex(&all)
}
