//! What is hard to copy, and lies in real layers all the same.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, makedev, mknodat};

use super::put;

/// `cap_net_raw` permitted and effective, as the kernel stores it (linux/capability.h,
/// `vfs_cap_data` of revision 2).
const NET_RAW: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Length of the file that is one hole.
pub const HOLE: u64 = 64 << 10;

pub(super) fn write(diff: &Path) {
    let at = |name: &str| diff.join(name);
    let mode = |name: &str, mode| {
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let xattr = |name: &str, key: &str, value: &[u8]| {
        lsetxattr(at(name), key, value, XattrFlags::empty()).unwrap();
    };

    // What overlayfs writes for a file that was deleted, and for a folder that was replaced.
    std::fs::create_dir_all(at("var/cache")).unwrap();
    node(
        &at("var/cache/deleted"),
        FileType::CharacterDevice,
        makedev(0, 0),
    );
    put(at("var/replaced/new"), "new");
    xattr("var/replaced", "trusted.overlay.opaque", b"y");

    put(at("usr/bin/su"), "root for a while");
    mode("usr/bin/su", 0o4755);
    put(at("usr/bin/ping"), "echo");
    xattr("usr/bin/ping", "security.capability", &NET_RAW);
    put(at("usr/bin/noted"), "noted");
    xattr("usr/bin/noted", "user.note", b"kept");
    put(at("usr/bin/secret"), "nobody reads this");
    mode("usr/bin/secret", 0o000);
    std::fs::create_dir(at("tmp")).unwrap();
    mode("tmp", 0o1777);

    put(at("usr/lib/git-core/git"), "one file, three names");
    for name in ["git-add", "git-commit"] {
        std::fs::hard_link(
            at("usr/lib/git-core/git"),
            at("usr/lib/git-core").join(name),
        )
        .unwrap();
    }
    put(at("home/user/mail"), "");
    for name in ["home/user/mail", "home/user"] {
        lchown(at(name), Some(1000), Some(1001)).unwrap();
    }

    symlink("/etc/passwd", at("usr/absolute")).unwrap();
    symlink("../../../../../../..", at("usr/upwards")).unwrap();
    symlink("nothing/here", at("usr/dangling")).unwrap();
    lchown(at("usr/dangling"), Some(1000), Some(1000)).unwrap();
    node(&at("run-fifo"), FileType::Fifo, 0);
    node(&at("dev-null"), FileType::CharacterDevice, makedev(1, 3));

    let sparse = std::fs::File::create(at("usr/sparse")).unwrap();
    sparse.set_len(HOLE).unwrap();

    let long = vec![b'n'; 255];
    for name in [
        b"white space".as_slice(),
        b"new\nline",
        b"-rf",
        b"\xff\xfe not utf-8",
        b"\x1b[2J",
        b"*",
        b".wh.looks-like-a-whiteout",
        b"link",
        &long,
    ] {
        put(at("usr/odd").join(OsStr::from_bytes(name)), "odd");
    }
}

fn node(path: &Path, kind: FileType, device: rustix::fs::Dev) {
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device).unwrap();
}
