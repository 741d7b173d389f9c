//! A store on a btrfs of its own, in a file beside its root.
//!
//! The image appears under its name when it is complete, so an image that is there is mounted, never
//! made again. Whatever fails undoes what this run has made; what a killed run left is used or
//! replaced by the next.

use std::fs::File;
use std::io::Read;
use std::process::Command;

use cachecore::image::{self, AtImage, AtRoot, Plan};
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::mount::UnmountFlags;
use serde::Serialize;

use crate::error::StoreError;
use crate::lock::{self, Lock};
use crate::store::{InitReport, Store};

/// Where a btrfs has its first superblock's magic, and what it is (btrfs-disk-format, `_BHRfS_M`).
const MAGIC: (u64, &[u8; 8]) = (0x1_0040, b"_BHRfS_M");
/// Between an image's name and a word, while it is being made.
const ASIDE: &str = ".new-";
/// Most names of a root that are looked at; one is enough to refuse it.
const FEW: usize = 2;

/// What was done for the image of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// The image.
    pub image: Utf8PathBuf,
    /// Whether it was made now, or was there already.
    pub made: bool,
    /// Whether it was mounted now, or was so already.
    pub mounted: bool,
    /// The systemd unit that mounts it again after a reboot, where one was written or is there.
    pub unit: Option<Utf8PathBuf>,
    /// The line of /etc/fstab that does the same.
    pub fstab: String,
}

impl Store {
    /// Makes a store at `root` on a btrfs of its own: an image of `size` bytes beside it, or the one
    /// that is there, mounted at the root. Doing it again changes nothing and mounts what is not
    /// mounted. `units` is the folder of systemd's own units, where there is systemd: the unit that
    /// mounts the image again after a reboot is written there.
    ///
    /// # Errors
    /// [`StoreError`] if this is not root, if `root` holds something or has something else mounted,
    /// if the disk is too small, or if a program or loop device is lacking. Then nothing that was
    /// made is left.
    pub fn init_on_image(
        root: &Utf8Path,
        size: Option<u64>,
        units: Option<&Utf8Path>,
    ) -> Result<(InitReport, ImageReport), StoreError> {
        crate::store::require_root()?;
        let root = standing(root)?;
        let image = image::image_of(&root);
        let folder = File::open(parent(&root))
            .map_err(|e| StoreError::io("open the folder", parent(&root), e))?;
        let what = format!("the making of {root}");
        let alone = lock::lock(folder, lock::Mode::Exclusive, &what, lock::PATIENCE)?;
        let plan = decide(&root, &image, size)?;
        let mut undo = Undo::default();
        let done =
            carry_out(&root, &image, plan, &alone, &mut undo).and_then(|()| Self::init(&root));
        let report = match done {
            Ok(report) => report,
            Err(e) => {
                undo.all(&root, &image);
                return Err(e);
            }
        };
        let report_of_image = ImageReport {
            made: plan.make.is_some(),
            mounted: plan.mount,
            unit: units.and_then(|units| match write_unit(&root, units) {
                Ok(unit) => Some(unit),
                Err(e) => {
                    tracing::warn!(error = %e, "the store is made, but not mounted after a reboot");
                    None
                }
            }),
            fstab: image::fstab_line(&root),
            image,
        };
        Ok((report, report_of_image))
    }
}

/// Whether a root has an image that is not mounted there.
pub(crate) fn unmounted_image(root: &Utf8Path) -> Option<Utf8PathBuf> {
    let root = standing(root).ok()?;
    let image = image::image_of(&root);
    let there = look_at_image(&image).ok()? == AtImage::Btrfs;
    (there && look_at_root(&root, &image).ok()? != AtRoot::TheImage).then_some(image)
}

/// The root without symlinks on the way. It may not be there yet; the folder that it lies in must be.
fn standing(root: &Utf8Path) -> Result<Utf8PathBuf, StoreError> {
    if let Ok(there) = root.canonicalize_utf8() {
        return Ok(there);
    }
    let absolute = camino::absolute_utf8(root).map_err(|e| StoreError::io("find", root, e))?;
    let above = parent(&absolute);
    let above = above
        .canonicalize_utf8()
        .map_err(|e| StoreError::io("open the folder", above, e))?;
    Ok(above.join(absolute.file_name().unwrap_or_default()))
}

fn parent(root: &Utf8Path) -> &Utf8Path {
    root.parent().unwrap_or(Utf8Path::new("/"))
}

fn decide(root: &Utf8Path, image: &Utf8Path, size: Option<u64>) -> Result<Plan, StoreError> {
    let disk = rustix::fs::statvfs(parent(root).as_std_path())
        .map_err(|e| StoreError::io("look at the filesystem of", root, e))?;
    let free = disk.f_bavail * disk.f_frsize;
    let at_root = look_at_root(root, image)?;
    image::plan(&at_root, look_at_image(image)?, size, free).map_err(|because| {
        StoreError::UnsuitableRoot {
            root: root.into(),
            because: because.to_owned(),
        }
    })
}

fn look_at_root(root: &Utf8Path, image: &Utf8Path) -> Result<AtRoot, StoreError> {
    let table = std::path::Path::new("/proc/self/mountinfo");
    let mounts = std::fs::read(table).map_err(|e| StoreError::io("read", table, e))?;
    if let Some(source) = image::mounted_at(&mounts, root.as_std_path()) {
        let device = source.rsplit('/').next().unwrap_or_default();
        let backing = std::fs::read_to_string(format!("/sys/block/{device}/loop/backing_file"));
        return Ok(match backing {
            Ok(backing) if backing.trim_end() == image.as_str() => AtRoot::TheImage,
            _ => AtRoot::AnotherMount,
        });
    }
    let listed = match std::fs::read_dir(root) {
        Ok(listed) => listed,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(AtRoot::Nothing),
        Err(e) => return Err(StoreError::io("list", root, e)),
    };
    let first = listed.flatten().take(FEW).next();
    Ok(first.map_or(AtRoot::EmptyFolder, |entry| {
        AtRoot::Holds(entry.file_name().to_string_lossy().into_owned())
    }))
}

fn look_at_image(image: &Utf8Path) -> Result<AtImage, StoreError> {
    let failed = |e: std::io::Error| StoreError::io("read", image, e);
    match image.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(AtImage::Nothing),
        Err(e) => return Err(failed(e)),
        Ok(meta) if !meta.is_file() => return Ok(AtImage::Other),
        Ok(_) => {}
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(image.as_std_path(), flags, Mode::empty())
        .map_err(|e| failed(e.into()))?;
    let mut file = File::from(file);
    let mut magic = [0; 8];
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(MAGIC.0)).map_err(failed)?;
    Ok(match file.read_exact(&mut magic) {
        Ok(()) if magic == *MAGIC.1 => AtImage::Btrfs,
        _ => AtImage::Other,
    })
}

/// What was done and can be undone.
#[derive(Default)]
struct Undo {
    image: bool,
    root: bool,
    mounted: bool,
}

impl Undo {
    fn all(self, root: &Utf8Path, image: &Utf8Path) {
        let mut failed = Vec::new();
        if self.mounted {
            let unmounted = rustix::mount::unmount(root.as_std_path(), UnmountFlags::DETACH);
            failed.extend(unmounted.err().map(std::io::Error::from));
        }
        if self.image {
            failed.extend(std::fs::remove_file(image).err());
        }
        if self.root {
            failed.extend(std::fs::remove_dir(root).err());
        }
        for error in failed {
            tracing::warn!(%root, %error, "something is left of what failed");
        }
    }
}

fn carry_out(
    root: &Utf8Path,
    image: &Utf8Path,
    plan: Plan,
    alone: &Lock,
    undo: &mut Undo,
) -> Result<(), StoreError> {
    if let Some(size) = plan.make {
        make(image, size, alone)?;
        undo.image = true;
    }
    if plan.make_root {
        std::fs::create_dir(root).map_err(|e| StoreError::io("make the folder", root, e))?;
        undo.root = true;
    }
    if plan.mount {
        let mut mount = Command::new("mount");
        mount.args(["-t", "btrfs", "-o", image::MOUNT_OPTIONS]);
        run(mount.arg(image).arg(root), "mount", alone)?;
        undo.mounted = true;
    }
    Ok(())
}

/// Makes the image under another name, which it leaves when it is complete.
fn make(image: &Utf8Path, size: u64, alone: &Lock) -> Result<(), StoreError> {
    clear_asides(image)?;
    // A name of its own: the mkfs of a killed run may still be about to open the other one.
    let aside = Utf8PathBuf::from(format!("{image}{ASIDE}{}", crate::nonce::fresh()));
    let failed = |e: std::io::Error| StoreError::io("make the image", &aside, e);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(aside.as_std_path(), flags, Mode::from_raw_mode(0o600))
        .map_err(|e| failed(e.into()))?;
    let made = rustix::fs::ftruncate(&file, size)
        .map_err(|e| failed(e.into()))
        .and_then(|()| {
            run(
                Command::new("mkfs.btrfs").arg("-q").arg(&aside),
                "btrfs-progs",
                alone,
            )
        })
        .and_then(|()| {
            rustix::fs::fsync(&file).map_err(|e| failed(e.into()))?;
            let (from, to) = (aside.as_std_path(), image.as_std_path());
            rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
                .map_err(|e| failed(e.into()))
        });
    if made.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    made
}

/// Removes what killed runs were making. The caller is alone.
fn clear_asides(image: &Utf8Path) -> Result<(), StoreError> {
    let folder = parent(image);
    let ours = format!("{}{ASIDE}", image.file_name().unwrap_or_default());
    let failed = |e: std::io::Error| StoreError::io("remove a half-made image in", folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(&ours) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Runs a program that has nothing to say where it succeeds. While it runs the next command waits,
/// though this one be killed: two at once would each mount the image.
fn run(command: &mut Command, package: &'static str, alone: &Lock) -> Result<(), StoreError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let held = alone.held_by_a_program_too();
    let ended = held.and_then(|held| command.stdin(held).output());
    match ended {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(StoreError::Program {
            said: String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
            status: ended.status.to_string(),
            program,
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(StoreError::NoProgram { program, package })
        }
        Err(e) => Err(StoreError::io("run", program, e)),
    }
}

/// Writes the unit and has local-fs.target want it, as `systemctl enable` would.
fn write_unit(root: &Utf8Path, units: &Utf8Path) -> Result<Utf8PathBuf, StoreError> {
    let name = image::unit_name(root);
    let unit = units.join(&name);
    let text = image::unit(root);
    // What somebody has changed stays as it is.
    if !unit.exists() {
        let aside = units.join(format!(".{name}.{}", crate::nonce::fresh()));
        let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, &unit));
        written.map_err(|e| StoreError::io("write", &unit, e))?;
    }
    let wants = units.join("local-fs.target.wants");
    let linked = std::fs::create_dir_all(&wants)
        .and_then(|()| std::os::unix::fs::symlink(&unit, wants.join(&name)));
    match linked {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::io("link", wants.join(name), e))
        }
        _ => Ok(unit),
    }
}
