//! Files of other formats become specs beside them.

use cachecore::environment::conversion::Conversion;
use cachecore::environment::devcontainer::{self, DevcontainerError, Place};
use cachecore::environment::migration::{self, Choice, MigrationError};
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::file::{self, FileError, Written};

/// Why a file became no spec.
#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    /// It was not read, or the spec not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no older environment file.
    #[error("{file}: {source}")]
    Migration {
        /// As it was named.
        file: Utf8PathBuf,
        /// What is wrong.
        source: MigrationError,
    },
    /// It is no `devcontainer.json`.
    #[error("{file}: {source}")]
    Devcontainer {
        /// As it was named.
        file: Utf8PathBuf,
        /// What is wrong.
        source: DevcontainerError,
    },
}

impl ConversionError {
    /// What to do next, if that is known.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::File(error) => error.help(),
            Self::Migration { source, .. } => Some(source.help()),
            Self::Devcontainer { source, .. } => Some(source.help()),
        }
    }
}

/// Where a spec goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Beside the file, with the ending `.yaml`.
    Beside,
    /// Into this file.
    File(Utf8PathBuf),
    /// Nowhere: the caller has it.
    Nowhere,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Converted {
    /// The file that was read. It is as it was.
    pub from: Utf8PathBuf,
    /// The file with the spec, if there is one.
    pub to: Option<Utf8PathBuf>,
    /// What became of that file.
    pub written: Option<Written>,
    /// The spec, and what has no place in it.
    #[serde(flatten)]
    pub made: Conversion,
    /// The text of the spec's file.
    #[serde(skip)]
    pub text: String,
}

/// Makes a spec of an older environment file. A spec that is there is replaced only if `force` says so.
///
/// # Errors
/// [`ConversionError`]; nothing was written then.
pub fn migrate(
    file: &Utf8Path,
    choice: Choice<'_>,
    target: &Target,
    force: bool,
) -> Result<Converted, ConversionError> {
    let text = file::read_text(file, migration::MAX_FILE as u64)?;
    let choice = Choice {
        name: choice.name.or_else(|| file.file_stem()),
        ..choice
    };
    let made = migration::migrate(&text, choice).map_err(|source| ConversionError::Migration {
        file: file.to_owned(),
        source,
    })?;
    converted("envimage migrate", file, made, target, force)
}

/// Makes a spec of a `devcontainer.json`. A spec that is there is replaced only if `force` says so.
///
/// # Errors
/// [`ConversionError`]; nothing was written then.
pub fn from_devcontainer(
    file: &Utf8Path,
    image: Option<&str>,
    target: &Target,
    force: bool,
) -> Result<Converted, ConversionError> {
    let text = file::read_text(file, devcontainer::MAX_FILE as u64)?;
    let folder = folder(file);
    let place = Place {
        folder: folder.as_deref(),
        image,
    };
    let made =
        devcontainer::convert(&text, place).map_err(|source| ConversionError::Devcontainer {
            file: file.to_owned(),
            source,
        })?;
    converted("envimage from-devcontainer", file, made, target, force)
}

fn converted(
    program: &str,
    file: &Utf8Path,
    made: Conversion,
    target: &Target,
    force: bool,
) -> Result<Converted, ConversionError> {
    let text = made.file(program, file.file_name().unwrap_or(file.as_str()));
    let to = match target {
        Target::Beside => Some(file.with_extension("yaml")),
        Target::File(path) => Some(path.clone()),
        Target::Nowhere => None,
    };
    let written = match &to {
        Some(to) => Some(file::write(to, file, &text, force)?),
        None => None,
    };
    Ok(Converted {
        from: file.to_owned(),
        to,
        written,
        made,
        text,
    })
}

/// The name of the folder that a `devcontainer.json` configures.
fn folder(file: &Utf8Path) -> Option<String> {
    const OWN: &str = ".devcontainer";
    let whole = file.canonicalize_utf8().ok()?;
    let folder = whole.parent()?;
    // Of several, each has a folder of its own below.
    let own = folder
        .ancestors()
        .take(2)
        .find(|folder| folder.file_name() == Some(OWN));
    let configured = own.map_or(Some(folder), Utf8Path::parent)?;
    configured.file_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_belongs_to_the_folder_above_its_own() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        for file in [
            "shop/.devcontainer/devcontainer.json",
            "shop/.devcontainer/python/devcontainer.json",
            "shop/.devcontainer.json",
        ] {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "{}").unwrap();
            assert_eq!(folder(&file).as_deref(), Some("shop"), "{file}");
        }
    }
}
