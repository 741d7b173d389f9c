//! A filesystem of a chosen kind, in a file that is mounted through a loop device.

use std::fs::File;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::ground::Ground;

/// Kinds of filesystems that stores lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// btrfs: subvolumes and shared blocks.
    Btrfs,
    /// XFS with shared blocks.
    Xfs,
}

/// A new filesystem, mounted for as long as this lives.
#[derive(Debug)]
pub struct Disk {
    mounted: Utf8PathBuf,
    /// Has the image, if it is this disk's own, and goes after the mount.
    ground: Option<Ground>,
}

impl Disk {
    /// A filesystem of a gigabyte. Its image is sparse: what is not written takes no room.
    ///
    /// # Panics
    /// If it cannot be made or mounted.
    pub fn new(kind: Kind) -> Self {
        Self::of_size(kind, 1 << 30)
    }

    /// A filesystem of so many bytes.
    ///
    /// # Panics
    /// If it cannot be made or mounted.
    pub fn of_size(kind: Kind, bytes: u64) -> Self {
        let ground = Ground::new();
        let mut disk = Self::within(kind, bytes, ground.root());
        disk.ground = Some(ground);
        disk
    }

    /// The same with its image in a folder that is there for longer, in memory, say.
    ///
    /// # Panics
    /// If it cannot be made or mounted.
    pub fn within(kind: Kind, bytes: u64, folder: &Utf8Path) -> Self {
        let image = folder.join("image");
        File::create(&image).unwrap().set_len(bytes).unwrap();
        let mut make = match kind {
            Kind::Btrfs => Command::new("mkfs.btrfs"),
            Kind::Xfs => Command::new("mkfs.xfs"),
        };
        if kind == Kind::Xfs {
            make.args(["-m", "reflink=1"]);
        }
        run(make.arg("-q").arg(&image));
        let mounted = folder.join("mounted");
        std::fs::create_dir(&mounted).unwrap();
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(&mounted));
        Self {
            mounted,
            ground: None,
        }
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Utf8Path {
        &self.mounted
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a store of the test may still have folders open.
        let unmounted = Command::new("umount").arg("-l").arg(&self.mounted).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn run(command: &mut Command) {
    let ended = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; these tests need xfsprogs and btrfs-progs")
    });
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {said}");
}
