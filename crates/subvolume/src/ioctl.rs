//! The calls to the kernel that btrfs subvolumes take, and all of the unsafe code of this crate.
//!
//! Numbers and layouts are those of `linux/btrfs.h` and `linux/btrfs_tree.h`; they are part of the
//! kernel's promise to programs and the same on every architecture that packs these structures
//! alike, which all 64-bit ones do.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::ioctl::{Getter, Setter, Updater, ioctl, opcode};

const MAGIC: u8 = 0x94;

/// `BTRFS_SUBVOL_RDONLY`.
const READ_ONLY: u64 = 1 << 1;
/// `BTRFS_ROOT_TREE_OBJECTID`: the tree in which the subvolumes are listed.
const ROOT_TREE: u64 = 1;
/// `BTRFS_ROOT_REF_KEY`: in the root tree, that a subvolume has another one inside.
const ROOT_REF: u32 = 156;
/// `BTRFS_ROOT_TREE_DIR_OBJECTID`: what has, in the root tree, the name of the default subvolume.
const ROOT_TREE_DIR: u64 = 6;
/// `BTRFS_DIR_ITEM_KEY`: an entry of a folder.
const DIR_ITEM: u32 = 84;
/// `BTRFS_FS_TREE_OBJECTID`: the subvolume that every btrfs has, in which all others lie.
const TOP: u64 = 5;
/// `BTRFS_FIRST_FREE_OBJECTID`: the inode number of every subvolume's root.
pub(crate) const ROOT_INODE: u64 = 256;
/// `FILEID_BTRFS_WITHOUT_PARENT` of `linux/exportfs.h`: a handle of subvolume and inode.
const HANDLE_TYPE: libc::c_int = 0x4d;

/// `struct btrfs_ioctl_vol_args`.
#[repr(C)]
struct VolArgs {
    fd: i64,
    name: [u8; 4088],
}

/// `struct btrfs_ioctl_vol_args_v2`.
#[repr(C)]
struct VolArgsV2 {
    fd: i64,
    transid: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

/// `struct btrfs_ioctl_ino_lookup_args`.
#[repr(C)]
struct InoLookup {
    tree: u64,
    object: u64,
    name: [u8; 4080],
}

/// `struct btrfs_ioctl_search_args`.
#[repr(C)]
struct Search {
    tree: u64,
    min_object: u64,
    max_object: u64,
    min_offset: u64,
    max_offset: u64,
    min_transid: u64,
    max_transid: u64,
    min_type: u32,
    max_type: u32,
    items: u32,
    unused: u32,
    reserved: [u64; 4],
    found: [u8; FOUND],
}

const FOUND: usize = 4096 - 104;
/// Bytes of `struct btrfs_ioctl_search_header`: transid, objectid, offset, type, len.
const HEADER: usize = 32;
/// Bytes of `struct btrfs_root_ref`, before the name: dirid, sequence, name_len.
const REF: usize = 18;

/// `struct btrfs_fid` without its second half, in a `struct file_handle`.
#[repr(C)]
struct FileHandle {
    bytes: libc::c_uint,
    kind: libc::c_int,
    /// The fid is packed: inode (64 bits), subvolume (64 bits), generation (32 bits, 0 for any).
    fid: [u8; FID],
}

const FID: usize = 20;

const _: () = assert!(size_of::<VolArgs>() == 4096);
const _: () = assert!(size_of::<VolArgsV2>() == 4096);
const _: () = assert!(size_of::<InoLookup>() == 4096);
const _: () = assert!(size_of::<Search>() == 4096);

/// A subvolume that lies directly in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    /// Its id.
    pub(crate) id: u64,
    /// The inode, in the outer subvolume, of the folder that has its name.
    pub(crate) folder: u64,
    /// Its name, without the final NUL.
    pub(crate) name: Vec<u8>,
}

/// Makes the empty subvolume `name` in a folder.
pub(crate) fn create(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    make::<{ opcode::write::<VolArgsV2>(MAGIC, 24) }>(parent, 0, name)
}

/// Makes the writable subvolume `name` in a folder, a snapshot of the one whose root is `of`.
pub(crate) fn snapshot(
    of: BorrowedFd<'_>,
    parent: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(), Errno> {
    make::<{ opcode::write::<VolArgsV2>(MAGIC, 23) }>(parent, i64::from(of.as_raw_fd()), name)
}

fn make<const OPCODE: rustix::ioctl::Opcode>(
    parent: BorrowedFd<'_>,
    of: i64,
    name: &CStr,
) -> Result<(), Errno> {
    let args = VolArgsV2 {
        fd: of,
        transid: 0,
        flags: 0,
        unused: [0; 4],
        name: padded(name)?,
    };
    // SAFETY: SUBVOL_CREATE_V2 and SNAP_CREATE_V2 read one `struct btrfs_ioctl_vol_args_v2`, which
    // `VolArgsV2` is, and write nothing. The descriptor in it is borrowed for the whole call.
    unsafe { ioctl(parent, Setter::<OPCODE, VolArgsV2>::new(args)) }
}

/// Destroys the subvolume `name` of a folder, with all files in it. It must have no subvolume inside.
pub(crate) fn destroy(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    const OPCODE: rustix::ioctl::Opcode = opcode::write::<VolArgs>(MAGIC, 15);
    let args = VolArgs {
        fd: 0,
        name: padded(name)?,
    };
    // SAFETY: SNAP_DESTROY reads one `struct btrfs_ioctl_vol_args`, which `VolArgs` is, and writes
    // nothing.
    unsafe { ioctl(parent, Setter::<OPCODE, VolArgs>::new(args)) }
}

/// Whether the subvolume whose root this is cannot be written to.
pub(crate) fn is_read_only(root: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(flags(root)? & READ_ONLY != 0)
}

/// Makes the subvolume whose root this is read-only, or writable.
pub(crate) fn set_read_only(root: BorrowedFd<'_>, read_only: bool) -> Result<(), Errno> {
    const OPCODE: rustix::ioctl::Opcode = opcode::write::<u64>(MAGIC, 26);
    let others = flags(root)? & !READ_ONLY;
    let flags = if read_only {
        others | READ_ONLY
    } else {
        others
    };
    // SAFETY: SUBVOL_SETFLAGS reads one `__u64` and writes nothing.
    unsafe { ioctl(root, Setter::<OPCODE, u64>::new(flags)) }
}

fn flags(root: BorrowedFd<'_>) -> Result<u64, Errno> {
    const OPCODE: rustix::ioctl::Opcode = opcode::read::<u64>(MAGIC, 25);
    // SAFETY: SUBVOL_GETFLAGS writes one `__u64`.
    unsafe { ioctl(root, Getter::<OPCODE, u64>::new()) }
}

/// The id of the subvolume that a file or folder lies in.
pub(crate) fn id(file: BorrowedFd<'_>) -> Result<u64, Errno> {
    const OPCODE: rustix::ioctl::Opcode = opcode::read_write::<InoLookup>(MAGIC, 18);
    let mut args = InoLookup {
        tree: 0,
        object: ROOT_INODE,
        name: [0; 4080],
    };
    // SAFETY: INO_LOOKUP reads and writes one `struct btrfs_ioctl_ino_lookup_args`, which
    // `InoLookup` is and which any bytes are valid for.
    unsafe { ioctl(file, Updater::<OPCODE, InoLookup>::new(&mut args)) }?;
    Ok(args.tree)
}

/// Some of the subvolumes directly in the subvolume `outer`, in order of their ids and from `first`
/// on; none if there are no more. `any` is any file of the filesystem.
pub(crate) fn children(any: BorrowedFd<'_>, outer: u64, first: u64) -> Result<Vec<Child>, Errno> {
    let found = search(any, outer, ROOT_REF, first)?;
    Ok(found.iter().filter_map(child).collect())
}

/// Whether a subvolume is the one that is mounted where nobody names another.
pub(crate) fn is_default(any: BorrowedFd<'_>, id: u64) -> Result<bool, Errno> {
    let found = search(any, ROOT_TREE_DIR, DIR_ITEM, 0)?;
    // An entry begins with the key of what it names, and a key with the number of the object.
    Ok(found
        .iter()
        .any(|entry| little_endian(&entry.bytes) == Some(id)))
}

/// Makes the top of the filesystem what is mounted where nobody names another, as `mkfs.btrfs` does.
pub(crate) fn reset_default(any: BorrowedFd<'_>) -> Result<(), Errno> {
    const OPCODE: rustix::ioctl::Opcode = opcode::write::<u64>(MAGIC, 19);
    // SAFETY: DEFAULT_SUBVOL reads one `__u64` and writes nothing.
    unsafe { ioctl(any, Setter::<OPCODE, u64>::new(TOP)) }
}

/// What a search has found.
struct Item {
    offset: u64,
    bytes: Vec<u8>,
}

/// Items of one kind and object in the root tree, from an offset on: as many as one answer holds.
fn search(any: BorrowedFd<'_>, object: u64, kind: u32, first: u64) -> Result<Vec<Item>, Errno> {
    const OPCODE: rustix::ioctl::Opcode = opcode::read_write::<Search>(MAGIC, 17);
    let mut search = Search {
        tree: ROOT_TREE,
        min_object: object,
        max_object: object,
        min_offset: first,
        max_offset: u64::MAX,
        min_transid: 0,
        max_transid: u64::MAX,
        min_type: kind,
        max_type: kind,
        items: u32::MAX,
        unused: 0,
        reserved: [0; 4],
        found: [0; FOUND],
    };
    // SAFETY: TREE_SEARCH reads and writes one `struct btrfs_ioctl_search_args`, which `Search` is
    // and which any bytes are valid for.
    unsafe { ioctl(any, Updater::<OPCODE, Search>::new(&mut search)) }?;
    let mut rest = search.found.as_slice();
    let mut found = Vec::new();
    for _ in 0..search.items {
        let (this, item, behind) = item(rest).ok_or(Errno::IO)?;
        if this == kind {
            found.push(item);
        }
        rest = behind;
    }
    Ok(found)
}

/// Takes one item, with its kind before it, from what a search has found; `None` if it is cut short.
fn item(found: &[u8]) -> Option<(u32, Item, &[u8])> {
    let (header, rest) = found.split_at_checked(HEADER)?;
    let offset = u64::from_ne_bytes(header.get(16..24)?.try_into().ok()?);
    let kind = u32::from_ne_bytes(header.get(24..28)?.try_into().ok()?);
    let length = u32::from_ne_bytes(header.get(28..32)?.try_into().ok()?);
    let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let bytes = bytes.to_vec();
    Some((kind, Item { offset, bytes }, rest))
}

/// The subvolume that a `ROOT_REF` says to be inside; `None` if it is cut short.
fn child(item: &Item) -> Option<Child> {
    let length = u16::from_le_bytes(item.bytes.get(16..REF)?.try_into().ok()?);
    let name = item.bytes.get(REF..REF + usize::from(length))?.to_vec();
    Some(Child {
        id: item.offset,
        folder: little_endian(&item.bytes)?,
        name,
    })
}

/// The number that an item begins with. What lies in the tree itself is little-endian everywhere.
fn little_endian(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}

/// Opens a folder by its subvolume and inode. `any` is any file of the filesystem. No path is walked,
/// so it makes no difference how deep the folder lies and what is above it.
pub(crate) fn open(any: BorrowedFd<'_>, subvolume: u64, inode: u64) -> Result<OwnedFd, Errno> {
    let mut handle = FileHandle {
        bytes: FID as libc::c_uint,
        kind: HANDLE_TYPE,
        fid: [0; FID],
    };
    handle.fid[..8].copy_from_slice(&inode.to_ne_bytes());
    handle.fid[8..16].copy_from_slice(&subvolume.to_ne_bytes());
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: `FileHandle` begins as `struct file_handle` does and has as many bytes behind it as it
    // says; it lives until the call returns.
    let fd = unsafe { libc::open_by_handle_at(any.as_raw_fd(), (&raw mut handle).cast(), flags) };
    if fd < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A name with NULs behind it, at least one.
fn padded<const SIZE: usize>(name: &CStr) -> Result<[u8; SIZE], Errno> {
    let name = name.to_bytes_with_nul();
    let mut padded = [0; SIZE];
    let place = padded.get_mut(..name.len()).ok_or(Errno::NAMETOOLONG)?;
    place.copy_from_slice(name);
    Ok(padded)
}
