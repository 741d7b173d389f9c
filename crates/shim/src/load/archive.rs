//! Writes an archive, with the layers as they come from the builder.

use std::io::{self, Read, Write};

use cachecore::load::{END, Entry, Source, header, padding};
use engine::buildkit::Connection;

use super::NotLoaded;

/// The largest manifest or configuration that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// How much of a layer is passed on at once, in bytes.
const PIECE: usize = 128 << 10;

/// A manifest or a configuration.
pub(super) fn small(builder: &mut Connection, digest: &str) -> Result<Vec<u8>, NotLoaded> {
    let mut bytes = Vec::new();
    let read = builder
        .blob(digest)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > LARGEST {
        return Err(NotLoaded::Blob(digest.to_owned()));
    }
    Ok(bytes)
}

/// Writes the archive to its end. A blob that is not what its digest says ends it before.
pub(super) fn write(
    to: &mut dyn Write,
    entries: &[Entry],
    builder: &mut Connection,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    for entry in entries {
        to.write_all(&header(&entry.name, entry.size))?;
        match &entry.source {
            Source::Bytes(bytes) => to.write_all(bytes)?,
            Source::Blob(digest) => {
                let mut blob = builder.blob(digest).map_err(io::Error::other)?;
                pass_on(&mut blob, to, entry, &mut piece)?;
            }
        }
        to.write_all(padding(entry.size))?;
    }
    to.write_all(&END)
}

/// Passes on exactly what the entry says. It is read to its end, which says whether it was all right.
fn pass_on(
    from: &mut dyn Read,
    to: &mut dyn Write,
    entry: &Entry,
    piece: &mut [u8],
) -> io::Result<()> {
    let mut left = entry.size;
    loop {
        let count = from.read(piece)?;
        let wrong = if count as u64 > left {
            "more"
        } else if count == 0 && left > 0 {
            "less"
        } else if count == 0 {
            return Ok(());
        } else {
            to.write_all(&piece[..count])?;
            left -= count as u64;
            continue;
        };
        let problem = format!("{} has {wrong} than {} bytes", entry.name, entry.size);
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_of_another_size_ends_the_archive() {
        let entry = |size| Entry {
            name: "blobs/sha256/a".to_owned(),
            size,
            source: Source::Blob("sha256:a".to_owned()),
        };
        let passed = |size| {
            let mut to = Vec::new();
            let passed = pass_on(&mut &b"abc"[..], &mut to, &entry(size), &mut [0; 2]);
            passed.map(|()| to).map_err(|error| error.to_string())
        };
        assert_eq!(passed(3).unwrap(), b"abc");
        assert!(passed(2).unwrap_err().contains("more than 2"));
        assert!(passed(4).unwrap_err().contains("less than 4"));
    }
}
