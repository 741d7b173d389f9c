//! A small ext4 in memory that can be filled, made read-only, pulled, and put back to how it was.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use testbed::engines::eventually;
use testbed::ground::Ground;
use testbed::mounted::Mounted;

const SIZE: u64 = 48 << 20;
const BLOCK: usize = 4096;

/// A filesystem with everything that a machine's has, but so small that it is soon full.
///
/// Each time that it is mounted the image is another file: processes of this machine that have begun a
/// mount namespace of their own meanwhile may keep the old one mounted, and its device in use.
pub(crate) struct Volume {
    images: Utf8PathBuf,
    number: Cell<u32>,
    mounted: Utf8PathBuf,
    _memory: Mounted,
    _ground: Ground,
}

impl Volume {
    pub(crate) fn new() -> Self {
        let ground = Ground::new();
        let memory = ground.path("memory");
        let mounted = ground.path("mounted");
        std::fs::create_dir(&memory).unwrap();
        std::fs::create_dir(&mounted).unwrap();
        let in_memory = Mounted::tmpfs_of(&memory, "256m");
        let this = Self {
            images: memory,
            number: Cell::new(0),
            mounted,
            _memory: in_memory,
            _ground: ground,
        };
        let image = this.image();
        File::create(&image).unwrap().set_len(SIZE).unwrap();
        // Nothing of it is kept back for root, and nothing is written later in the background.
        run(Command::new("mkfs.ext4")
            .args(["-q", "-m", "0", "-b", "4096", "-J", "size=4"])
            .args(["-E", "lazy_itable_init=0,lazy_journal_init=0"])
            .arg(&image));
        this.mount();
        this
    }

    /// Where it is mounted.
    pub(crate) fn root(&self) -> &Utf8Path {
        &self.mounted
    }

    /// Notes how it is now, for [`Volume::reset`].
    pub(crate) fn note(&self) {
        self.unmount();
        copy(&self.image(), &self.template());
        self.mount();
    }

    /// Puts it back to how it was noted.
    pub(crate) fn reset(&self) {
        self.unmount();
        let old = self.next();
        copy(&self.template(), &self.image());
        std::fs::remove_file(old).unwrap();
        self.mount();
    }

    /// Fills it but for so many blocks.
    pub(crate) fn fill(&self, spare: usize) {
        let mut file = File::create(self.filler()).unwrap();
        let mut written = 0;
        for piece in [1 << 20, BLOCK] {
            loop {
                match file.write(&vec![1; piece]) {
                    Ok(bytes) => written += bytes,
                    Err(e) if e.kind() == ErrorKind::StorageFull => break,
                    Err(e) => panic!("the disk cannot be filled: {e}"),
                }
            }
            // What is promised to files that have not been placed yet may turn out to be less.
            file.sync_all().unwrap();
        }
        file.set_len((written - spare * BLOCK) as u64).unwrap();
        self.flush();
        let free = rustix::fs::statfs(self.root().as_str()).unwrap().f_bavail;
        assert!(free <= spare as u64 + 8, "{free} blocks are free");
    }

    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
        self.flush();
    }

    pub(crate) fn make_read_only(&self) {
        self.remount("remount,ro");
    }

    pub(crate) fn make_writable(&self) {
        self.remount("remount,rw");
    }

    /// As if its cable were pulled: what the journal does not have on the disk yet is lost, and from
    /// now on nothing more can be read that is not in memory, or written.
    pub(crate) fn pull(&self) {
        run(Command::new("xfs_io")
            .args(["-x", "-c", "shutdown"])
            .arg(self.root()));
    }

    /// Puts a disk that was pulled in again, as a machine does at boot.
    pub(crate) fn plug_in(&self) {
        let old = self.next();
        // What the disk has now is what it had when it was pulled.
        copy(&old, &self.image());
        self.unmount();
        std::fs::remove_file(old).unwrap();
        let checked = Command::new("e2fsck")
            .arg("-p")
            .arg(self.image())
            .output()
            .unwrap();
        // 1: errors were corrected.
        let code = checked.status.code();
        assert!(matches!(code, Some(0 | 1)), "{checked:?}");
        self.mount();
    }

    fn mount(&self) {
        run(Command::new("mount")
            .args(["-t", "ext4", "-o", "loop"])
            .args([&self.image(), &self.mounted]));
    }

    /// What another test is just starting has this one's files open until it runs its program.
    fn unmount(&self) {
        eventually("the disk is unmounted", || {
            let ended = Command::new("umount").arg(&self.mounted).output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success() || said.contains("busy"), "{said}");
            ended.status.success()
        });
    }

    fn remount(&self, how: &str) {
        run(Command::new("mount").args(["-o", how]).arg(&self.mounted));
    }

    fn flush(&self) {
        rustix::fs::syncfs(File::open(self.root()).unwrap()).unwrap();
    }

    fn image(&self) -> Utf8PathBuf {
        self.images.join(format!("image-{}", self.number.get()))
    }

    /// Goes on to another image, and gives the one that it was on.
    fn next(&self) -> Utf8PathBuf {
        let old = self.image();
        self.number.set(self.number.get() + 1);
        old
    }

    fn template(&self) -> Utf8PathBuf {
        self.images.join("template")
    }

    fn filler(&self) -> Utf8PathBuf {
        self.mounted.join("filler")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.mounted).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn copy(from: &Utf8Path, to: &Utf8Path) {
    run(Command::new("cp").arg("--sparse=always").args([from, to]));
}

#[track_caller]
fn run(command: &mut Command) {
    let ended = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; these tests need e2fsprogs and xfsprogs")
    });
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {said}");
}
