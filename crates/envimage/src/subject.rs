//! An environment as it lies on disk: the spec, and the files that it names.

use cachecore::environment::materials::{File, Materials};
use cachecore::environment::spec::{self, Spec, SpecError};
use camino::{Utf8Path, Utf8PathBuf};

use crate::file::{self, FileError};

/// No script, and nothing that one sources, is longer than this.
pub const LONGEST_SCRIPT: u64 = 4 << 20;

/// A spec, what was read for it, and where it lies.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The spec.
    pub spec: Spec,
    /// Its scripts and what lies beside them.
    pub materials: Materials,
    /// Its folder: secrets and mounts are named from there.
    pub folder: Utf8PathBuf,
}

/// Why an environment was not read.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The spec makes no sense.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A file cannot be read: the spec, or one that it names.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Subject {
    /// Reads a spec and every file that it names.
    ///
    /// # Errors
    /// [`SubjectError`] with the place in the spec, or the file.
    pub fn read(path: &Utf8Path) -> Result<Self, SubjectError> {
        let bytes = file::read(path, spec::LONGEST as u64)?;
        let spec = Spec::parse_bytes(&bytes, path.as_str())?;
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let folder = if folder.as_str().is_empty() {
            Utf8Path::new(".")
        } else {
            folder
        };
        // docker is told of files, and may stand elsewhere.
        let folder = camino::absolute_utf8(folder).unwrap_or_else(|_| folder.to_owned());
        let materials = Materials::gather(&spec, |named| {
            let path = folder.join(named);
            let bytes = file::read(&path, LONGEST_SCRIPT)?;
            Ok::<_, FileError>(File {
                path: named.to_owned(),
                executable: file::is_executable(&path),
                bytes,
            })
        })?;
        Ok(Self {
            spec,
            materials,
            folder,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_spec_is_read_with_the_files_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(dir.path()).unwrap();
        let spec = "version: 1\nimage: base\nstages:\n- {name: tools, script: a.sh, sources: [lib/b.sh]}\n";
        std::fs::write(folder.join("shop.yaml"), spec).unwrap();
        let missing = Subject::read(&folder.join("shop.yaml")).unwrap_err();
        assert!(
            missing.to_string().contains("a.sh: no such file"),
            "{missing}"
        );
        std::fs::create_dir(folder.join("lib")).unwrap();
        std::fs::write(folder.join("a.sh"), ". ./lib/b.sh").unwrap();
        std::fs::write(folder.join("lib/b.sh"), "true").unwrap();
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder.join("a.sh"), mode).unwrap();
        let subject = Subject::read(&folder.join("shop.yaml")).unwrap();
        let files: Vec<_> = subject.materials.stages[0].all().collect();
        assert_eq!(files[0].bytes, b". ./lib/b.sh");
        assert_eq!((files[0].mode(), files[1].mode()), (0o755, 0o644));
        assert_eq!(files[1].path, "lib/b.sh");
        assert_eq!(subject.folder, folder);
    }
}
