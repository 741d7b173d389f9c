//! What a running build needs on disk, and who belongs to it.
//!
//! The lease is an empty file that is the standard input of the build's docker, and so of the plugins that it
//! starts. Who is killed cannot end its docker; but whoever builds the image next finds all processes that
//! have the file open, without knowing their numbers, and ends them first.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{State, StateError, create, make_folder, unusable};

/// How long a process that was killed may take to go.
const GOING: Duration = Duration::from_secs(10);

/// The folder of a running build, until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    folder: Utf8PathBuf,
}

impl State {
    /// Begins a build, after having ended what is left of one that was killed. The caller has the right to
    /// build the image.
    pub(crate) fn begin_build(&self, image: &str) -> Result<Lease, StateError> {
        let folder = self.file("builds", image)?;
        end_left_over(&folder.join("lease")).map_err(unusable("end the build in", &folder))?;
        remove(&folder).map_err(unusable("remove", &folder))?;
        make_folder(&folder)?;
        let lease = Lease { folder };
        let file = lease.folder.join("lease");
        create(&file, 0o600).map_err(unusable("write", &file))?;
        Ok(lease)
    }
}

impl Lease {
    /// What the build's docker gets for standard input.
    pub(crate) fn stdin(&self) -> Result<File, StateError> {
        let path = self.folder.join("lease");
        File::open(&path).map_err(unusable("open", &path))
    }

    /// The folder that is sent to the builder.
    pub(crate) fn context(&self) -> Utf8PathBuf {
        self.folder.join("context")
    }

    /// Writes the Dockerfile, beside what is sent.
    pub(crate) fn write_dockerfile(&self, text: &str) -> Result<Utf8PathBuf, StateError> {
        let path = self.folder.join("Dockerfile");
        let written = create(&path, 0o600).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(unusable("write", &path))?;
        Ok(path)
    }

    /// Writes a file that is sent. Its path has only names.
    pub(crate) fn write(&self, path: &Utf8Path, mode: u32, bytes: &[u8]) -> Result<(), StateError> {
        let context = self.context();
        let file = context.join(path);
        if let Some(folder) = file.parent() {
            // Scripts read what lies beside them, whoever they run as.
            let made = std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(folder);
            made.map_err(unusable("make the folder", folder))?;
        }
        let written = create(&file, mode).and_then(|mut new| {
            new.write_all(bytes)?;
            // Without what the umask takes away: modes are part of the key.
            new.set_permissions(std::fs::Permissions::from_mode(mode))
        });
        written.map_err(unusable("write", &file))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, path = %self.folder, "cannot remove what a build needed");
        }
    }
}

fn remove(folder: &Utf8Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Ends all processes whose standard input is this file.
fn end_left_over(lease: &Utf8Path) -> io::Result<()> {
    let Ok(there) = std::fs::symlink_metadata(lease) else {
        return Ok(());
    };
    let belongs = |pid: Pid| {
        let stdin = std::fs::metadata(format!("/proc/{}/fd/0", pid.as_raw_nonzero()));
        stdin.is_ok_and(|open| (open.dev(), open.ino()) == (there.dev(), there.ino()))
    };
    let until = Instant::now() + GOING;
    // Until there is none: one may have started another meanwhile.
    loop {
        let left: Vec<Pid> = processes()?
            .into_iter()
            .filter(|pid| belongs(*pid))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            tracing::info!(
                pid = pid.as_raw_nonzero(),
                "ends what is left of a killed build"
            );
            // A number may be another's by now; what is behind the descriptor stays the same.
            if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
                && belongs(pid)
            {
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
        }
        if Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn processes() -> io::Result<Vec<Pid>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter_map(Pid::from_raw).collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_a_killed_build_has_left_is_ended_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(Utf8Path::from_path(dir.path()).unwrap().to_owned());
        let lease = state.begin_build("system-1").unwrap();
        lease.write("lib/a.sh".into(), 0o640, b"true").unwrap();
        let stdin = lease.stdin().unwrap();
        let mut orphan = Command::new("sleep")
            .arg("1000")
            .stdin(stdin)
            .spawn()
            .unwrap();
        let other = state.begin_build("system-2").unwrap();
        assert!(
            orphan.try_wait().unwrap().is_none(),
            "it is no part of that one"
        );
        drop(other);
        // As if this process had been killed.
        std::mem::forget(lease);
        let reaped = std::thread::spawn(move || orphan.wait().unwrap());
        let again = state.begin_build("system-1").unwrap();
        assert!(!reaped.join().unwrap().success());
        assert!(!again.context().exists(), "it begins anew");
        drop(again);
        assert_eq!(
            std::fs::read_dir(dir.path().join("builds"))
                .unwrap()
                .count(),
            0
        );
    }
}
