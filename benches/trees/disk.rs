//! Fresh filesystems in memory, so that no other's work on the disk is measured.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::FlockOperation;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A folder for everything, in memory, gone at the end.
pub(crate) struct Room {
    path: PathBuf,
    mounted: Vec<PathBuf>,
    _lock: File,
}

impl Room {
    /// `bytes` is what all filesystems together may grow to.
    pub(crate) fn take(bytes: u64) -> Result<Self, Box<dyn Error>> {
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(&place)?;
        let lock = File::create(place.join("trees-bench.lock"))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| "another run of this benchmark is at work")?;
        let available = available_memory()?;
        if available < bytes {
            let (needed, there) = (bytes >> 20, available >> 20);
            return Err(format!("needs {needed} MB of free memory, there are {there}").into());
        }
        let mut room = Self {
            path: place.join("trees-bench"),
            mounted: Vec::new(),
            _lock: lock,
        };
        // What a killed run left.
        for name in ["ext4", "xfs", "."] {
            let _ = unmount(room.path.join(name), UnmountFlags::DETACH);
        }
        fs::create_dir_all(&room.path)?;
        let size = std::ffi::CString::new(format!("size={bytes}"))?;
        mount("tmpfs", &room.path, "tmpfs", MountFlags::empty(), &*size)?;
        room.mounted.push(room.path.clone());
        Ok(room)
    }

    /// A new filesystem of this kind and size.
    pub(crate) fn disk(
        &mut self,
        kind: &str,
        options: &[&str],
        bytes: u64,
    ) -> Result<PathBuf, Box<dyn Error>> {
        let image = self.path.join(format!("{kind}.image"));
        File::create(&image)?.set_len(bytes)?;
        let mut make = Command::new(format!("mkfs.{kind}"));
        succeed(make.arg("-q").args(options).arg(&image))?;
        let path = self.path.join(kind);
        fs::create_dir(&path)?;
        succeed(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(&image)
                .arg(&path),
        )?;
        self.mounted.push(path.clone());
        Ok(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for path in self.mounted.drain(..).rev() {
            // Detached: it goes when the last process that looks into it does.
            if let Err(error) = unmount(&path, UnmountFlags::DETACH) {
                eprintln!("trees: {} is left mounted: {error}", path.display());
            }
        }
        let _ = fs::remove_dir(&self.path);
    }
}

/// Writes what the filesystem still has only in memory, so that nobody pays for another's work.
pub(crate) fn settle(disk: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(disk)?)?)
}

pub(crate) fn succeed(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let ended = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(format!("{command:?} ended with {}: {said}", ended.status).into())
}

fn available_memory() -> Result<u64, Box<dyn Error>> {
    let said = fs::read_to_string("/proc/meminfo")?;
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes
        .ok_or("/proc/meminfo tells no MemAvailable")?
        .parse::<u64>()?
        * 1024)
}
