//! Filesystems of all kinds, each in a file of its own.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use crate::ground::Ground;

/// A new filesystem, mounted for as long as this lives.
pub(crate) struct Disk {
    mounted: PathBuf,
    /// Has the image, and goes after the mount.
    _ground: Ground,
}

impl Disk {
    /// Of a `kind` that there is an `mkfs` for, with `options` for that.
    pub(crate) fn new(kind: &str, options: &[&str]) -> Self {
        let ground = Ground::new();
        let image = ground.path("image");
        // XFS is refused below 300 MB. The file is sparse.
        File::create(&image).unwrap().set_len(512 << 20).unwrap();
        run(Command::new(format!("mkfs.{kind}"))
            .arg("-q")
            .args(options)
            .arg(&image));
        let mounted = ground.folder("mounted");
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(&mounted));
        Self {
            mounted,
            _ground: ground,
        }
    }

    /// A temporary folder on it.
    pub(crate) fn ground(&self) -> Ground {
        Ground::within(&self.mounted)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.mounted).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn run(command: &mut Command) {
    let ended = command.output();
    let ended = ended.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; these tests need xfsprogs, btrfs-progs and e2fsprogs")
    });
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {said}");
}
