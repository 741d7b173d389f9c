//! The folders that are mounted into containers, each under a name that says what it holds.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::time::SystemTime;

use cachecore::environment::startup::Folder;
use camino::{Utf8Path, Utf8PathBuf};

use super::{State, StateError, create, make_folder, unusable};

impl State {
    /// A folder that holds these files and nothing else, for reading. It is the same at each call.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be made.
    pub fn startup(&self, folder: &Folder) -> Result<Utf8PathBuf, StateError> {
        let all = self.folder().join("startup");
        make_folder(&all)?;
        let place = all.join(&folder.name);
        // What a collection goes by.
        let used = File::open(&place).and_then(|open| open.set_modified(SystemTime::now()));
        if used.is_ok() && holds(&place, folder) {
            return Ok(place);
        }
        let aside = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&all)
            .map_err(unusable("make a folder in", &all))?;
        let outside = |name: &str| Utf8PathBuf::from_path_buf(aside.path().join(name));
        let (Ok(new), Ok(damaged)) = (outside("new"), outside("damaged")) else {
            return Err(StateError::NoPlace);
        };
        write(&new, folder).map_err(unusable("write", &new))?;
        // Somebody else may have been faster, or what is there is damaged.
        if std::fs::rename(&new, &place).is_ok() || holds(&place, folder) {
            return Ok(place);
        }
        let _ = std::fs::rename(&place, &damaged);
        match std::fs::rename(&new, &place) {
            Err(cause) if !holds(&place, folder) => Err(unusable("write", &place)(cause)),
            _ => Ok(place),
        }
    }
}

/// Whether each file is as it should be.
fn holds(place: &Utf8Path, folder: &Folder) -> bool {
    folder.files.iter().all(|file| {
        let path = place.join(&file.path);
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            return false;
        };
        metadata.is_file()
            && metadata.len() == file.bytes.len() as u64
            && metadata.permissions().mode() & 0o777 == file.mode()
            && std::fs::read(&path).is_ok_and(|bytes| bytes == file.bytes)
    })
}

/// Writes the files, which whoever runs in a container can read, whatever the umask is.
fn write(place: &Utf8Path, folder: &Folder) -> io::Result<()> {
    let make = |path: &Utf8Path| {
        DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o755))
    };
    make(place)?;
    for file in &folder.files {
        let above: Vec<&Utf8Path> = file.path.ancestors().skip(1).collect();
        for folder in above.into_iter().rev() {
            make(&place.join(folder))?;
        }
        let path = place.join(&file.path);
        create(&path, 0o600)?.write_all(&file.bytes)?;
        std::fs::set_permissions(&path, Permissions::from_mode(file.mode()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cachecore::environment::materials::{File, Files};
    use cachecore::environment::startup::{Role, Step, folder};

    use super::*;

    fn step(text: &str) -> Step {
        let file = |path: &str, text: &str| File {
            path: path.into(),
            executable: false,
            bytes: text.into(),
        };
        Step {
            role: Role::Run,
            user: None,
            files: Files {
                script: file("deep/er/run.sh", text),
                sources: vec![file("lib.sh", "")],
            },
        }
    }

    #[test]
    fn a_folder_is_written_once_and_again_if_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(Utf8Path::from_path(dir.path()).unwrap().join("state"));
        let files = folder(&[step("true")], None).unwrap();
        let place = state.startup(&files).unwrap();
        assert!(place.ends_with(&files.name));
        let script = place.join("1/deep/er/run.sh");
        let mode = |path: &Utf8Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&script), mode(&place.join("1/lib.sh"))),
            (0o755, 0o644)
        );
        assert_eq!(mode(&place.join("1/deep")), 0o755);
        assert_eq!(state.startup(&files).unwrap(), place);
        std::fs::write(&script, "echo others").unwrap();
        assert_eq!(state.startup(&files).unwrap(), place);
        assert_eq!(std::fs::read_to_string(&script).unwrap(), "true");
        std::fs::remove_file(&script).unwrap();
        state.startup(&files).unwrap();
        assert_eq!(std::fs::read_to_string(&script).unwrap(), "true");
        let names = std::fs::read_dir(dir.path().join("state/startup")).unwrap();
        assert_eq!(names.count(), 1);
    }
}
