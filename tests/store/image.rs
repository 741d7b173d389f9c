//! A store on a btrfs of its own, in an image beside its root.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use cachecore::strategy::Filesystem;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ErrorClass, ImageReport, Store, StoreError};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use testbed::checksum::Checksum;
use testbed::ground::Ground;
use testbed::mounted::Mounted;

use crate::child::{End, Task, Worker, with_path};
use crate::keeper::refused;

const SIZE: u64 = 300 << 20;

/// A root to make a store at; what is mounted there in the end goes with it.
struct Place {
    ground: Ground,
}

impl Place {
    fn new() -> Self {
        Self {
            ground: Ground::new(),
        }
    }

    fn root(&self) -> Utf8PathBuf {
        self.ground.path("store")
    }

    fn image(&self) -> Utf8PathBuf {
        self.ground.path("store.btrfs")
    }

    fn init(&self, size: Option<u64>) -> Result<ImageReport, StoreError> {
        Store::init_on_image(&self.root(), size, None).map(|(_, image)| image)
    }

    fn unmount(&self) -> bool {
        unmount(self.root().as_std_path(), UnmountFlags::DETACH).is_ok()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.ground.root()).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        while self.unmount() {}
    }
}

#[test]
fn an_image_makes_a_store_on_btrfs() {
    let place = Place::new();
    let report = place.init(Some(SIZE)).unwrap();
    assert!(report.made && report.mounted);
    assert_eq!(report.image, place.image());
    assert!(
        report.fstab.contains(place.image().as_str()),
        "{}",
        report.fstab
    );
    let store = Store::open(&place.root()).unwrap();
    assert_eq!(store.filesystem().unwrap(), Filesystem::Btrfs);
    let image = fs::metadata(place.image()).unwrap();
    assert_eq!((image.len(), image.mode() & 0o777), (SIZE, 0o600));
    assert!(image.blocks() * 512 < SIZE / 4, "it is sparse");
    assert_eq!(place.names(), ["store", "store.btrfs"]);

    let again = place.init(Some(SIZE * 2)).unwrap();
    assert!(!again.made && !again.mounted);
    assert_eq!(fs::metadata(place.image()).unwrap().len(), SIZE);
    let id = fs::read(place.root().join("store.json")).unwrap();

    // After a reboot.
    assert!(place.unmount());
    for error in [
        refused(Store::open(&place.root())),
        refused(Store::init(&place.root())),
    ] {
        assert!(matches!(error, StoreError::NotMounted { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::NotFound);
        assert!(
            error.to_string().contains(place.image().as_str()),
            "{error}"
        );
        assert!(
            error.help().unwrap().contains("init --btrfs-image"),
            "{error}"
        );
    }
    assert_eq!(
        fs::read_dir(place.root()).unwrap().count(),
        0,
        "nothing was made there"
    );
    let again = place.init(None).unwrap();
    assert!(!again.made && again.mounted);
    assert_eq!(fs::read(place.root().join("store.json")).unwrap(), id);
}

#[test]
fn what_is_there_is_neither_hidden_nor_overwritten() {
    type Prepare = fn(&Place);
    let cases: [(Prepare, &str); 5] = [
        (
            |p| Store::init(&p.root()).map(drop).unwrap(),
            "holds something",
        ),
        (
            |p| {
                fs::create_dir(p.root()).unwrap();
                fs::write(p.root().join("theirs"), "x").unwrap();
            },
            "holds something",
        ),
        (|p| fs::write(p.image(), "theirs").unwrap(), "is no btrfs"),
        (|p| fs::create_dir(p.image()).unwrap(), "is no btrfs"),
        (
            |p| std::os::unix::fs::symlink("elsewhere", p.image()).unwrap(),
            "is no btrfs",
        ),
    ];
    for (prepare, said) in cases {
        let place = Place::new();
        prepare(&place);
        let before = Checksum::of(place.ground.root());
        let error = refused(place.init(Some(SIZE)));
        assert!(error.to_string().contains(said), "{error}");
        before.assert_same(&Checksum::of(place.ground.root()), "what is there");
    }
    let place = Place::new();
    fs::create_dir(place.root()).unwrap();
    let _theirs = Mounted::tmpfs(place.root());
    let error = refused(place.init(Some(SIZE)));
    assert!(
        error
            .to_string()
            .contains("another filesystem is mounted there"),
        "{error}"
    );
    assert_eq!(place.names(), ["store"]);
}

#[test]
fn what_cannot_be_made_leaves_nothing() {
    let place = Place::new();
    for (size, said) in [
        (None, "no size was given"),
        (Some(1 << 20), "too small"),
        (Some(1 << 62), "less free space"),
    ] {
        let error = refused(place.init(size));
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(place.names(), Vec::<String>::new());
    }
    // A host without the program, and one where it or the mount fails.
    let programs = place.ground.path("programs");
    fs::create_dir(&programs).unwrap();
    let task = Task::InitOnImage { size: SIZE };
    let said = with_path(&task, &place.root(), &programs);
    assert!(said.contains("mkfs.btrfs is needed"), "{said}");
    assert_eq!(place.names(), ["programs"]);
    for (failing, said_so) in [("mkfs.btrfs", "no such luck"), ("mount", "no such luck")] {
        for program in ["mkfs.btrfs", "mount"] {
            let real = which(program);
            let script = match program == failing {
                true => "echo no such luck >&2\nexit 3".to_owned(),
                false => format!("exec {real} \"$@\""),
            };
            write_program(&programs.join(program), &script);
        }
        let said = with_path(&task, &place.root(), &programs);
        assert!(said.contains(failing) && said.contains(said_so), "{said}");
        assert_eq!(place.names(), ["programs"], "{failing}");
    }
}

fn write_program(path: &Utf8Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn which(program: &str) -> String {
    let path = std::env::var("PATH").unwrap() + ":/usr/sbin:/sbin";
    let found = path.split(':').map(|folder| format!("{folder}/{program}"));
    found
        .into_iter()
        .find(|path| Utf8Path::new(path).exists())
        .unwrap()
}

/// Killed anywhere, the next one makes a store; an image that was complete is not made again.
#[test]
fn a_killed_making_is_completed_by_the_next() {
    let task = Task::InitOnImage { size: SIZE };
    let usual = {
        let place = Place::new();
        let (usual, said) = Worker::begin(&task, &place.root()).finish();
        assert_eq!(said, "well");
        usual
    };
    for nth in 0..12_u32 {
        let place = Place::new();
        let worker = Worker::begin(&task, &place.root());
        worker.kill_after(usual * nth / 12);
        // A mkfs or mount that was under way when its parent was killed ends by itself.
        settle(&place);
        let complete = place.image().exists();
        let report = place.init(Some(SIZE)).unwrap();
        assert_eq!(report.made, !complete);
        Store::open(&place.root()).unwrap();
        assert_eq!(place.names(), ["store", "store.btrfs"]);
    }
}

/// A mount(8) that outlives whoever called it keeps the next one waiting.
#[test]
fn a_making_that_is_killed_while_it_mounts_mounts_once() {
    let place = Place::new();
    let programs = place.ground.path("programs");
    fs::create_dir(&programs).unwrap();
    let [begun, gate] = ["begun", "gate"].map(|name| programs.join(name));
    let [mkfs, mount, sleep] = ["mkfs.btrfs", "mount", "sleep"].map(which);
    write_program(&programs.join("mkfs.btrfs"), &format!("exec {mkfs} \"$@\""));
    let waits = format!("until test -e {gate}; do {sleep} 0.01; done");
    let script = format!(": > {begun}\n{waits}\nexec {mount} \"$@\"");
    write_program(&programs.join("mount"), &script);

    let task = Task::InitOnImage { size: SIZE };
    let worker = Worker::begin_with_path(&task, &place.root(), &programs);
    while !begun.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(matches!(worker.kill_after(Duration::ZERO), End::Killed));
    let folder = File::open(place.ground.root()).unwrap();
    let free = rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive);
    assert_eq!(free, Err(Errno::WOULDBLOCK), "the program holds the place");

    File::create(&gate).unwrap();
    let report = place.init(None).unwrap();
    assert!(!report.made && !report.mounted);
    assert!(place.unmount());
    assert!(!place.unmount(), "it was mounted once");
}

/// A session with root can say which subvolume is mounted where nobody names one.
#[test]
fn after_a_reboot_the_store_is_mounted_whatever_the_default_subvolume_is() {
    let place = Place::new();
    place.init(Some(SIZE)).unwrap();
    let root = File::open(place.root()).unwrap();
    subvolume::create(root.as_fd(), "evil".as_ref()).unwrap();
    let words = [
        "subvolume",
        "set-default",
        place.root().join("evil").as_str(),
    ]
    .map(str::to_owned);
    let set = Command::new("btrfs").args(words).status().unwrap();
    assert!(set.success());
    drop(root);
    assert!(place.unmount());
    place.init(None).unwrap();
    assert!(place.root().join("evil").exists());
    Store::open(&place.root()).unwrap();
}

/// Waits until no program works on the image.
fn settle(place: &Place) {
    let name = place.image();
    let is_open = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
            .any(|line| names_image(&line, name.as_str().as_bytes()))
    };
    while is_open() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a command line has the image, complete or being made, as an argument.
fn names_image(line: &[u8], name: &[u8]) -> bool {
    line.split(|byte| *byte == 0)
        .any(|word| word.starts_with(name))
}

#[test]
fn systemd_mounts_the_image_again() {
    let place = Place::new();
    let units = place.ground.path("units");
    fs::create_dir(&units).unwrap();
    let init = || {
        Store::init_on_image(&place.root(), Some(SIZE), Some(&units))
            .unwrap()
            .1
    };
    let unit = init().unit.unwrap();
    let text = fs::read_to_string(&unit).unwrap();
    for line in [
        format!("What={}", place.image()),
        format!("Where={}", place.root()),
        "WantedBy=local-fs.target".to_owned(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
    }
    let wanted = units
        .join("local-fs.target.wants")
        .join(unit.file_name().unwrap());
    assert_eq!(fs::read_link(wanted).unwrap(), unit.as_std_path());
    // What an operator has changed stays.
    fs::write(&unit, "changed").unwrap();
    assert_eq!(init().unit.unwrap(), unit);
    assert_eq!(fs::read_to_string(&unit).unwrap(), "changed");
    assert_eq!(fs::read_dir(&units).unwrap().count(), 2);
    // Where it cannot be written the store is made all the same.
    let other = Place::new();
    File::create(other.ground.path("file")).unwrap();
    let units = other.ground.path("file");
    let (_, report) = Store::init_on_image(&other.root(), Some(SIZE), Some(&units)).unwrap();
    assert_eq!(report.unit, None);
    Store::open(&other.root()).unwrap();
}
