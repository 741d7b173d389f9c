//! The way without openat2, which no kernel that runs these tests takes by itself.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use rustix::mount::{UnmountFlags, mount_bind, unmount};

use super::*;

fn both() -> [Opener; 2] {
    let here = File::open(".").unwrap();
    let with = Opener::new(here.as_fd());
    assert!(
        with.openat2,
        "these tests need Linux 5.6 and no filter in front of it"
    );
    [with, Opener::without_openat2()]
}

#[test]
fn symlinks_and_what_is_no_folder_are_refused_either_way() {
    let ground = tempfile::tempdir().unwrap();
    fs::create_dir(ground.path().join("folder")).unwrap();
    fs::write(ground.path().join("file"), "x").unwrap();
    symlink("folder", ground.path().join("link")).unwrap();
    symlink("file", ground.path().join("link to file")).unwrap();
    let at = File::open(ground.path()).unwrap();
    for opener in both() {
        let folder = opener.folder(at.as_fd(), c"folder").unwrap();
        assert_eq!(
            Entry::of(&folder).unwrap().kind,
            rustix::fs::FileType::Directory
        );
        for name in [c"link", c"file", c"link to file"] {
            let refused = opener.folder(at.as_fd(), name);
            assert!(
                matches!(refused, Err(Failure::Changed)),
                "{name:?}: {refused:?}"
            );
        }
        let refused = opener.file(at.as_fd(), c"link to file");
        assert!(matches!(refused, Err(Failure::Changed)), "{refused:?}");
        let link = opener.node(at.as_fd(), c"link").unwrap();
        assert_eq!(
            Entry::of(&link).unwrap().kind,
            rustix::fs::FileType::Symlink
        );
    }
}

#[test]
fn mount_points_are_refused_either_way() {
    assert!(
        rustix::process::geteuid().is_root(),
        "run these tests as root: they mount"
    );
    let ground = tempfile::tempdir().unwrap();
    for name in ["what", "on"] {
        fs::create_dir(ground.path().join(name)).unwrap();
    }
    let on = ground.path().join("on");
    mount_bind(ground.path().join("what"), &on).unwrap();
    let at = File::open(ground.path()).unwrap();
    let refused = both().map(|opener| {
        [
            opener.folder(at.as_fd(), c"on"),
            opener.node(at.as_fd(), c"on"),
        ]
        .map(|opened| matches!(opened, Err(Failure::MountPoint)))
    });
    unmount(&on, UnmountFlags::DETACH).unwrap();
    assert_eq!(refused, [[true; 2]; 2]);
}

#[test]
fn descends_through_many_names_and_only_to_the_very_folder() {
    let ground = tempfile::tempdir().unwrap();
    // More than the kernel takes at once.
    let name = CString::new("n".repeat(200)).unwrap();
    let names = vec![name.as_c_str(); 50];
    let top = File::open(ground.path()).unwrap();
    let mut at = OwnedFd::from(top.try_clone().unwrap());
    for name in &names {
        rustix::fs::mkdirat(&at, *name, Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, *name, FOLDER, Mode::empty()).unwrap();
    }
    let id = Entry::of(&at).unwrap().id;
    for opener in both() {
        let reached = opener.descend(top.as_fd(), &names, id).unwrap();
        assert_eq!(Entry::of(reached).unwrap().id, id);
        let other = opener.descend(top.as_fd(), &names[1..], id);
        assert!(matches!(other, Err(Failure::Changed)), "{other:?}");
    }
    assert!(parent(at.as_fd(), id).is_err());
}
