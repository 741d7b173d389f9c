//! A btrfs in a file that is mounted where the store is: any host gets snapshots so.
//!
//! ```text
//! /var/lib/cachecore          the store's root, where the image is mounted
//! /var/lib/cachecore.btrfs    the image, a sparse file
//! ```

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

/// The smallest image, in bytes. `mkfs.btrfs` refuses below 109 MiB, and a store should hold something.
pub const SMALLEST: u64 = 256 << 20;

/// How the image is mounted. Times of last access are nobody's concern here, and each would cost a
/// block of its own. The top of the filesystem is named (`BTRFS_FS_TREE_OBJECTID`): what is mounted
/// otherwise is the default subvolume, and a session with root may have made itself that.
pub const MOUNT_OPTIONS: &str = "loop,noatime,subvolid=5";

/// Where the image of a store lies: beside its root.
pub fn image_of(root: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{root}.btrfs"))
}

/// What lies at the store's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtRoot {
    /// Nothing.
    Nothing,
    /// An empty folder.
    EmptyFolder,
    /// A folder that holds something of this name.
    Holds(String),
    /// The image is mounted there.
    TheImage,
    /// Something else is mounted there.
    AnotherMount,
}

/// What lies where the image should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtImage {
    /// Nothing.
    Nothing,
    /// A file with a btrfs in it.
    Btrfs,
    /// Something else.
    Other,
}

/// What has to be done so that the image is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Bytes of the image to make, if it has to be made.
    pub make: Option<u64>,
    /// Whether the folder at the root has to be made.
    pub make_root: bool,
    /// Whether the image has to be mounted.
    pub mount: bool,
}

/// Decides what to do. `size` is what was asked for, in bytes, and `free` what the disk has.
///
/// # Errors
/// Why a store cannot be made so, as a part of a sentence about the root.
pub fn plan(
    root: &AtRoot,
    image: AtImage,
    size: Option<u64>,
    free: u64,
) -> Result<Plan, &'static str> {
    match root {
        AtRoot::TheImage => {
            return Ok(Plan {
                make: None,
                make_root: false,
                mount: false,
            });
        }
        AtRoot::AnotherMount => return Err("another filesystem is mounted there already"),
        AtRoot::Holds(_) => return Err("it holds something already, which the image would hide"),
        AtRoot::Nothing | AtRoot::EmptyFolder => {}
    }
    let make = match (image, size) {
        (AtImage::Btrfs, _) => None,
        (AtImage::Other, _) => return Err("what lies where its image should be is no btrfs"),
        (AtImage::Nothing, None) => {
            return Err("its image is not there, and no size was given, such as 200G");
        }
        (AtImage::Nothing, Some(size)) if size < SMALLEST => {
            return Err("an image of less than 256 MiB is too small for a btrfs");
        }
        (AtImage::Nothing, Some(size)) if size > free => {
            return Err("the disk has less free space than the image may come to take");
        }
        (AtImage::Nothing, Some(size)) => Some(size),
    };
    Ok(Plan {
        make,
        make_root: *root == AtRoot::Nothing,
        mount: true,
    })
}

/// The name of the systemd unit that mounts something at a path (systemd.mount(5): the path, escaped
/// as in systemd.unit(5)).
pub fn unit_name(root: &Utf8Path) -> String {
    let mut name = String::new();
    for (at, byte) in root.as_str().trim_matches('/').bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if at == 0 => name.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b':' => {
                name.push(char::from(byte));
            }
            other => name.push_str(&format!("\\x{other:02x}")),
        }
    }
    if name.is_empty() {
        name.push('-');
    }
    name + ".mount"
}

/// The systemd unit that mounts the image again after a reboot. Wanted, not required: a host whose
/// image is damaged still starts.
pub fn unit(root: &Utf8Path) -> String {
    let image = image_of(root);
    let folder = image.parent().unwrap_or(Utf8Path::new("/"));
    let escaped = |path: &Utf8Path| path.as_str().replace('%', "%%");
    format!(
        "# Made by `goldenctl init --btrfs-image`.\n\
         [Unit]\n\
         Description=Golden store {}\n\
         RequiresMountsFor=\"{}\"\n\
         \n\
         [Mount]\n\
         What={}\n\
         Where={}\n\
         Type=btrfs\n\
         Options={MOUNT_OPTIONS}\n\
         \n\
         [Install]\n\
         WantedBy=local-fs.target\n",
        escaped(root),
        escaped(folder),
        escaped(&image),
        escaped(root),
    )
}

/// The line of /etc/fstab that does the same (fstab(5)).
pub fn fstab_line(root: &Utf8Path) -> String {
    let escaped = |path: &Utf8Path| {
        let path = path.as_str().replace('\\', "\\134");
        path.replace(' ', "\\040").replace('\t', "\\011")
    };
    format!(
        "{} {} btrfs {MOUNT_OPTIONS},nofail 0 0",
        escaped(&image_of(root)),
        escaped(root)
    )
}

/// What a mount table says about a folder: the source of the last filesystem mounted right there.
pub fn mounted_at(table: &[u8], folder: &Path) -> Option<String> {
    crate::mountinfo::parse(table)
        .filter(|mount| mount.point == folder)
        .last()
        .map(|mount| mount.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    fn planned(root: &AtRoot, image: AtImage, size: Option<u64>) -> Result<Plan, &'static str> {
        plan(root, image, size, 10 * GB)
    }

    #[test]
    fn what_is_there_is_never_made_again() {
        let plan = |make, make_root, mount| {
            Ok(Plan {
                make,
                make_root,
                mount,
            })
        };
        for (root, image, size, expected) in [
            (
                AtRoot::Nothing,
                AtImage::Nothing,
                Some(GB),
                plan(Some(GB), true, true),
            ),
            (
                AtRoot::EmptyFolder,
                AtImage::Nothing,
                Some(GB),
                plan(Some(GB), false, true),
            ),
            (
                AtRoot::Nothing,
                AtImage::Btrfs,
                Some(GB),
                plan(None, true, true),
            ),
            (
                AtRoot::EmptyFolder,
                AtImage::Btrfs,
                None,
                plan(None, false, true),
            ),
            (
                AtRoot::TheImage,
                AtImage::Btrfs,
                Some(GB),
                plan(None, false, false),
            ),
        ] {
            assert_eq!(planned(&root, image, size), expected, "{root:?} {image:?}");
        }
    }

    #[test]
    fn what_stands_in_the_way_is_refused() {
        for (root, image, size, said) in [
            (
                AtRoot::Holds("x".into()),
                AtImage::Nothing,
                Some(GB),
                "holds something",
            ),
            (
                AtRoot::Holds("x".into()),
                AtImage::Btrfs,
                Some(GB),
                "holds something",
            ),
            (
                AtRoot::AnotherMount,
                AtImage::Btrfs,
                None,
                "is mounted there",
            ),
            (AtRoot::Nothing, AtImage::Other, Some(GB), "is no btrfs"),
            (AtRoot::Nothing, AtImage::Nothing, None, "no size"),
            (AtRoot::Nothing, AtImage::Nothing, Some(GB / 5), "too small"),
            (
                AtRoot::Nothing,
                AtImage::Nothing,
                Some(11 * GB),
                "less free space",
            ),
        ] {
            let refused = planned(&root, image, size).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn units_are_named_as_systemd_wants_it() {
        for (root, name) in [
            ("/var/lib/cachecore", "var-lib-cachecore.mount"),
            ("/data/golden-store", "data-golden\\x2dstore.mount"),
            ("/.hidden/ä b", "\\x2ehidden-\\xc3\\xa4\\x20b.mount"),
        ] {
            assert_eq!(unit_name(root.into()), name);
        }
        let unit = unit("/var/lib/cachecore".into());
        assert!(unit.contains("\nWhat=/var/lib/cachecore.btrfs\nWhere=/var/lib/cachecore\n"));
        assert_eq!(
            fstab_line("/my store".into()),
            "/my\\040store.btrfs /my\\040store btrfs loop,noatime,subvolid=5,nofail 0 0"
        );
    }

    #[test]
    fn of_two_mounts_at_one_point_the_later_is_seen() {
        let table =
            b"22 1 254:0 / /s rw - ext4 /dev/a rw\n23 1 0:40 / /s rw - btrfs /dev/loop7 rw\n";
        assert_eq!(
            mounted_at(table, Path::new("/s")),
            Some("/dev/loop7".to_owned())
        );
        assert_eq!(mounted_at(table, Path::new("/s/t")), None);
    }
}
