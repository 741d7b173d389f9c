//! A tree with one of everything that makes copying hard.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, makedev, mknodat,
    utimensat,
};

/// What the copy of [`make`] must report.
pub(crate) const REPORT: treeclone::CopyReport = treeclone::CopyReport {
    directories: 10,
    files: 12,
    hard_links: 5,
    symlinks: 5,
    devices: 4,
    fifos: 1,
    sockets_left_out: 1,
    skipped: 0,
    bytes_copied: 8 * 4096 + 300_000 + 10 * 6,
    bytes_shared: 0,
    bytes_apparent: (64 << 20) + 300_000 + 10 * 6,
};

/// Entries of [`make`] that are not folders hold this unless they are about content.
const WORD: &[u8] = b"inside";

/// An access control list with one named user: version 2, then tag, permissions and id of each.
fn acl(user: u32) -> Vec<u8> {
    let none = u32::MAX;
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in [
        (1, 7, none),
        (2, 6, user),
        (4, 5, none),
        (0x10, 7, none),
        (0x20, 0, none),
    ] {
        bytes.extend(u16::to_le_bytes(tag));
        bytes.extend(u16::to_le_bytes(permissions));
        bytes.extend(u32::to_le_bytes(id));
    }
    bytes
}

/// The capability net_raw, permitted and effective, in the second format.
fn capability() -> Vec<u8> {
    let words = [0x0200_0001_u32, 1 << 13, 0, 0, 0];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub(crate) fn set(path: &Path, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

/// Gives the folder a list that new entries in it inherit.
pub(crate) fn set_default_acl(folder: &Path) {
    set(folder, "system.posix_acl_default", &acl(4321));
}

pub(crate) fn age(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = |tv_sec| Timespec {
        tv_sec,
        tv_nsec: nanoseconds,
    };
    let times = Timestamps {
        last_access: time(seconds + 5),
        last_modification: time(seconds),
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn owner(path: &Path, user: u32, group: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(group)).unwrap();
}

fn node(path: &Path, kind: FileType, bits: u32, device: (u32, u32)) {
    mknodat(
        CWD,
        path,
        kind,
        Mode::from_raw_mode(bits),
        makedev(device.0, device.1),
    )
    .unwrap();
    // Whatever the umask of who runs the tests.
    mode(path, bits);
}

/// Makes the tree at `root`, which must not exist.
pub(crate) fn make(root: &Path) {
    let at = |name: &str| root.join(name);
    let word = |path: PathBuf| {
        fs::write(&path, WORD).unwrap();
        path
    };
    for folder in [
        "",
        "links",
        "links/far",
        "open",
        "closed",
        "closed/in",
        "acl",
        "sticky",
    ] {
        fs::create_dir(at(folder)).unwrap();
    }

    // Names that are no text, and names that are trouble to text.
    fs::create_dir(root.join(OsStr::from_bytes(b"\xff\xfe folder"))).unwrap();
    word(root.join(OsStr::from_bytes(b"\xff\xfe folder/\xf0")));
    word(at("new\nline"));
    word(at(" -rf $(x) "));
    word(at(&"n".repeat(255)));

    // Modes, owners, and what a change of owner takes away.
    let suid = word(at("suid"));
    owner(&suid, 1234, 2345);
    mode(&suid, 0o6755);
    let capable = word(at("capable"));
    owner(&capable, 7, 8);
    set(&capable, "security.capability", &capability());
    let closed = word(at("closed/in/file"));
    mode(&closed, 0);
    fs::create_dir(at("closed/none")).unwrap();
    owner(&at("open"), 65_534, 100_000);
    mode(&at("open"), 0o2777);
    mode(&at("sticky"), 0o1777);

    // Attributes.
    let attributes = word(at("attributes"));
    set(&attributes, "user.plain", b"value\0with nul");
    set(&attributes, "user.empty", b"");
    set(&attributes, "trusted.overlay.metacopy", b"");
    set(&attributes, "security.any", &[7; 2000]);
    set(&at("open"), "trusted.overlay.opaque", b"y");
    set(&at("open"), "user.folder", b"f");
    set(&at("acl"), "system.posix_acl_access", &acl(1000));
    set(&at("acl"), "system.posix_acl_default", &acl(1001));
    let listed = word(at("acl/file"));
    set(&listed, "system.posix_acl_access", &acl(1002));

    // Hard links, across folders and of every kind that can have them.
    let first = word(at("links/first"));
    fs::hard_link(&first, at("links/second")).unwrap();
    fs::hard_link(&first, at("links/far/third")).unwrap();
    fs::hard_link(&first, at("acl/fourth")).unwrap();
    symlink("nowhere", at("links/pointer")).unwrap();
    fs::hard_link(at("links/pointer"), at("links/far/pointer")).unwrap();
    node(&at("links/gone"), FileType::CharacterDevice, 0, (0, 0));
    fs::hard_link(at("links/gone"), at("links/far/gone")).unwrap();

    // Symlinks: out of the tree, to nowhere, to themselves.
    symlink("/", at("to root")).unwrap();
    symlink("/etc/passwd", at("to passwd")).unwrap();
    symlink(OsStr::from_bytes(b"../\xff dangling"), at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    owner(&at("dangling"), 11, 12);
    set(&at("dangling"), "trusted.on.symlink", b"s");

    // Devices, a fifo, a socket.
    node(&at("whiteout"), FileType::CharacterDevice, 0, (0, 0));
    set(&at("whiteout"), "trusted.on.whiteout", b"w");
    node(&at("null"), FileType::CharacterDevice, 0o666, (1, 3));
    node(&at("disk"), FileType::BlockDevice, 0o640, (259, 200_000));
    owner(&at("disk"), 0, 6);
    node(&at("fifo"), FileType::Fifo, 0o4622, (0, 0));
    drop(UnixListener::bind(at("socket")).unwrap());

    // Content: eight islands in 64 MiB of holes that also ends in one, and a dense file.
    let sparse = File::create(at("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    for island in 0..8 {
        sparse
            .write_all_at(&[b'a' + island; 4096], u64::from(island) << 22)
            .unwrap();
    }
    let dense: Vec<u8> = (0..300_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    fs::write(at("dense"), dense).unwrap();
    // Delayed allocation would make the sizes on disk change while the tests look at them.
    sparse.sync_all().unwrap();
    File::open(at("dense")).unwrap().sync_all().unwrap();

    // Times, the folders' last: before the epoch, after 2038, nanoseconds.
    age(&at("suid"), -86_400, 999_999_999);
    age(&at("dense"), 6_000_000_000, 1);
    age(&at("dangling"), 1_000_000_000, 123_456_789);
    age(&at("fifo"), 900_000_000, 0);
    age(&at("whiteout"), 800_000_000, 5);
    age(&at("links/far"), 700_000_000, 77);
    age(&at("closed/in"), 650_000_000, 7);
    mode(&at("closed/in"), 0o500);
    mode(&at("closed"), 0);
    age(&at("closed"), 600_000_000, 42);
    age(root, 500_000_000, 4242);
    mode(root, 0o3751);
    owner(root, 21, 22);
}
