//! Each kind of difference is found, at its place, and none is made up.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use treeclone::{Aspect, CompareOptions};

use crate::ground::Ground;
use crate::odd;

type Change = fn(&Path);

/// What is done to the copy, and the difference that must be found.
const CHANGES: &[(&str, Aspect, Change)] = &[
    ("dense", Aspect::OnlyInFirst, |path| {
        fs::remove_file(path).unwrap()
    }),
    ("links/extra", Aspect::OnlyInSecond, |path| {
        fs::write(path, "").unwrap()
    }),
    ("dense", Aspect::Kind, |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("suid", Aspect::Mode, |path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }),
    ("dangling", Aspect::Owner, |path| {
        lchown(path, Some(11), Some(13)).unwrap()
    }),
    ("open", Aspect::Owner, |path| {
        lchown(path, Some(1), None).unwrap()
    }),
    ("dense", Aspect::Size, |path| {
        fs::write(path, "short").unwrap();
        odd::age(path, 6_000_000_000, 1);
    }),
    ("dense", Aspect::Content, |path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[299_999] ^= 1;
        fs::write(path, bytes).unwrap();
        odd::age(path, 6_000_000_000, 1);
    }),
    ("dangling", Aspect::Target, |path| {
        fs::remove_file(path).unwrap();
        symlink("elsewhere", path).unwrap();
        lchown(path, Some(11), Some(12)).unwrap();
        odd::age(path, 1_000_000_000, 123_456_789);
    }),
    ("null", Aspect::Device, |path| {
        fs::remove_file(path).unwrap();
        let mode = Mode::from_raw_mode(0o666);
        mknodat(CWD, path, FileType::CharacterDevice, mode, makedev(1, 5)).unwrap();
        // The folder is setgid.
        lchown(path, Some(0), Some(0)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    }),
    ("dangling", Aspect::Time, |path| {
        odd::age(path, 1_000_000_000, 123_456_788)
    }),
    ("links/far", Aspect::Time, |path| {
        odd::age(path, 700_000_001, 77)
    }),
    ("", Aspect::Time, |path| odd::age(path, 1, 1)),
];

#[test]
fn finds_each_difference() {
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    for (name, what, change) in CHANGES {
        ground.copy("odd", "copy").unwrap();
        change(&ground.path("copy").join(name));
        let options = CompareOptions {
            sockets: false,
            // Changing an entry moves its folder's time, which comes first.
            times: *what == Aspect::Time,
            ..CompareOptions::exact()
        };
        let found = ground.difference_by("odd", "copy", &options).expect(name);
        assert_eq!(
            (found.path.as_path(), &found.what),
            (Path::new(name), what),
            "{found}"
        );
        ground.remove("copy").unwrap();
    }
}

#[test]
fn finds_attributes_by_name_and_only_those_that_count() {
    let ground = Ground::new();
    odd::make(&ground.path("odd"));
    for (name, attribute) in [
        ("attributes", "user.plain"),
        ("attributes", "security.any"),
        ("open", "user.more"),
        ("whiteout", "trusted.on.whiteout"),
        ("dangling", "trusted.other"),
    ] {
        ground.copy("odd", "copy").unwrap();
        odd::set(&ground.path("copy").join(name), attribute, b"changed");
        let found = ground.difference("odd", "copy").expect(attribute);
        assert_eq!(found.what, Aspect::Xattr(attribute.as_bytes().to_vec()));
        assert_eq!(found.path.as_path(), Path::new(name));
        let others = |other: &[u8]| other != attribute.as_bytes();
        let options = CompareOptions {
            xattrs: &others,
            sockets: false,
            ..CompareOptions::exact()
        };
        assert_eq!(ground.difference_by("odd", "copy", &options), None);
        ground.remove("copy").unwrap();
    }
}

#[test]
fn finds_links_broken_and_links_too_many() {
    let ground = Ground::new();
    let tree = ground.folder("tree");
    for name in ["a", "b", "c", "d"] {
        fs::write(tree.join(name), "same").unwrap();
    }
    ground.folder("other");
    fs::hard_link(tree.join("a"), ground.path("other/outside")).unwrap();
    ground.copy("tree", "copy").unwrap();
    let options = CompareOptions {
        times: false,
        ..CompareOptions::exact()
    };
    // A name outside of the tree makes no group inside.
    assert_eq!(ground.difference_by("tree", "copy", &options), None);
    fs::remove_file(ground.path("copy/c")).unwrap();
    fs::hard_link(ground.path("copy/a"), ground.path("copy/c")).unwrap();
    for (first, second) in [("tree", "copy"), ("copy", "tree")] {
        let found = ground.difference_by(first, second, &options).unwrap();
        assert_eq!(
            (found.path.as_bytes(), found.what),
            (&b"c"[..], Aspect::HardLinks)
        );
        let options = CompareOptions {
            hard_links: false,
            ..options
        };
        assert_eq!(ground.difference_by(first, second, &options), None);
    }
    // As many links on both sides, but between others.
    fs::remove_file(tree.join("d")).unwrap();
    fs::hard_link(tree.join("b"), tree.join("d")).unwrap();
    let found = ground.difference_by("tree", "copy", &options).unwrap();
    assert_eq!(
        (found.path.as_bytes(), found.what),
        (&b"c"[..], Aspect::HardLinks)
    );
}

#[test]
fn finds_the_first_in_the_order_of_names_and_ignores_what_it_is_told_to() {
    let ground = Ground::new();
    for name in ["a", "a/x", "a-b", "b"] {
        ground.folder(&format!("tree/{name}"));
    }
    ground.copy("tree", "copy").unwrap();
    for name in ["tree/b/1", "tree/a-b/2", "copy/a/x/3"] {
        fs::write(ground.path(name), "").unwrap();
    }
    drop(std::os::unix::net::UnixListener::bind(ground.path("copy/b/socket")).unwrap());
    let options = CompareOptions {
        times: false,
        ..CompareOptions::exact()
    };
    let found = |options: &CompareOptions<'_>| {
        ground
            .difference_by("tree", "copy", options)
            .map(|found| found.to_string())
    };
    assert_eq!(found(&options).unwrap(), "a/x/3: only in the second tree");
    let skip = |path: &[u8]| path == b"a";
    let options = CompareOptions {
        skip: Some(&skip),
        ..options
    };
    assert_eq!(found(&options).unwrap(), "a-b/2: only in the first tree");
    let skip = |path: &[u8]| path.starts_with(b"a") || path == b"b/1";
    let options = CompareOptions {
        skip: Some(&skip),
        ..options
    };
    assert_eq!(
        found(&options).unwrap(),
        "b/socket: only in the second tree"
    );
    assert_eq!(
        found(&CompareOptions {
            sockets: false,
            ..options
        }),
        None
    );
}

/// More than the entries of a folder that are put in order.
const CROWD: usize = 9000;

#[test]
fn every_difference_is_found_in_a_folder_of_thousands() {
    let ground = Ground::new();
    for tree in ["tree", "copy"] {
        let crowd = ground.folder(tree).join("crowd");
        fs::create_dir_all(crowd.join("8999/below")).unwrap();
        for number in 0..CROWD - 1 {
            fs::File::create(crowd.join(number.to_string())).unwrap();
        }
    }
    let options = CompareOptions {
        times: false,
        sockets: false,
        ..CompareOptions::exact()
    };
    let difference = || {
        let (a, b) = ("tree", "copy");
        let both = [(a, b), (b, a)].map(|(a, b)| ground.difference_by(a, b, &options));
        both.map(|found| found.map(|found| (found.path.to_string(), found.what)))
    };
    assert_eq!(difference(), [None, None]);
    let crowd = ground.path("copy").join("crowd");
    let _socket = std::os::unix::net::UnixListener::bind(crowd.join("socket")).unwrap();
    assert_eq!(difference(), [None, None]);

    let found = |path: &str, what: Aspect| Some((format!("crowd/{path}"), what));
    fs::write(crowd.join("extra"), "").unwrap();
    let (here, there) = (Aspect::OnlyInFirst, Aspect::OnlyInSecond);
    assert_eq!(
        difference(),
        [found("extra", there.clone()), found("extra", here.clone())]
    );
    fs::remove_file(crowd.join("extra")).unwrap();
    fs::remove_file(crowd.join("7000")).unwrap();
    assert_eq!(difference(), [found("7000", here), found("7000", there)]);
    fs::write(crowd.join("7000"), "larger").unwrap();
    let size = || found("7000", Aspect::Size);
    assert_eq!(difference(), [size(), size()]);
    fs::write(crowd.join("7000"), "").unwrap();
    fs::set_permissions(crowd.join("8999/below"), fs::Permissions::from_mode(0o700)).unwrap();
    let mode = || found("8999/below", Aspect::Mode);
    assert_eq!(difference(), [mode(), mode()]);
}
