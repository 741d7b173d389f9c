//! Where an entry of an archive lies in a layer's folder, in the way moby's `archive.UnpackLayer`
//! puts it there.

use super::header::Header;
use super::{Entry, Odd, What};

/// Longest path of an entry, in bytes (`PATH_MAX` without its NUL): Docker unpacks by path and could
/// not make longer.
pub const MAX_PATH: usize = 4095;

/// Before the name of what was deleted (image specification, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// Before names in the layer itself that are other drivers' bookkeeping.
const BOOKKEEPING: &[u8] = b".wh..wh.";
/// Marks a folder as opaque.
const OPAQUE: &[u8] = b".wh..wh..opq";

pub(super) fn entry(header: Header) -> Result<Entry, Odd> {
    if header.kind == b'g' {
        return Ok(placed(header, Vec::new(), What::Nothing));
    }
    let path = inside(&header.name)?;
    let at = path
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |slash| slash + 1);
    let (parent, name) = (path[..at.saturating_sub(1)].to_vec(), &path[at..]);
    if name == OPAQUE {
        return Ok(placed(header, parent, What::Opaque));
    }
    if path.starts_with(BOOKKEEPING) {
        return Ok(placed(header, Vec::new(), What::Nothing));
    }
    // A file with such a name that is not empty is just that: Docker packs it like any other.
    if let Some(deleted) = name.strip_prefix(WHITEOUT)
        && !deleted.is_empty()
        && header.size == 0
    {
        let path = [&path[..at], deleted].concat();
        return Ok(placed(header, path, What::Whiteout));
    }
    let what = match header.kind {
        b'0' => What::File,
        b'1' => What::HardLink(inside(&header.link)?),
        b'2' => What::Symlink(header.link.clone()),
        b'3' => What::CharacterDevice(header.device.0, header.device.1),
        b'4' => What::BlockDevice(header.device.0, header.device.1),
        b'5' => What::Folder,
        b'6' => What::Fifo,
        b'S' => {
            return Err(Odd::Unsupported(
                "a file that is noted with its holes".into(),
            ));
        }
        other => {
            let kind = char::from(other).escape_default();
            return Err(Odd::Unsupported(format!(
                "an entry of the unknown kind '{kind}'"
            )));
        }
    };
    if what != What::File && header.size != 0 {
        return Err(Odd::Unsupported("contents where no file is".to_owned()));
    }
    if path.is_empty() && what != What::Folder {
        return Err(Odd::Malformed(
            "something else in the place of the layer itself".into(),
        ));
    }
    Ok(placed(header, path, what))
}

fn placed(header: Header, path: Vec<u8>, what: What) -> Entry {
    Entry {
        path,
        what,
        size: header.size,
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        capability: header.capability,
        checksum: None,
    }
}

/// A name as a path in the folder. Slashes in front are taken off, as Docker does.
fn inside(name: &[u8]) -> Result<Vec<u8>, Odd> {
    if name.len() > MAX_PATH {
        return Err(Odd::Unsupported(format!(
            "a name of more than {MAX_PATH} bytes"
        )));
    }
    let mut path = Vec::with_capacity(name.len());
    for component in name.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(Odd::Unsupported("a name with `..`".to_owned())),
            odd if odd.contains(&0) => {
                return Err(Odd::Malformed("a name with a NUL".to_owned()));
            }
            odd if odd.len() > 255 => {
                return Err(Odd::Unsupported(
                    "a name that no filesystem takes".to_owned(),
                ));
            }
            component => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(component);
            }
        }
    }
    Ok(path)
}
