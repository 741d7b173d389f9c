//! How Docker notes the archive that a layer was unpacked from, so that it can make the very same
//! archive again: `layerdb/sha256/<chain>/tar-split.json.gz`.
//!
//! Uncompressed it is one JSON object a line. A *segment* holds bytes of the archive as they are
//! (headers and padding, base64); a *file* stands for the contents of one entry, which lie in the
//! layer's folder. Segments and contents one after the other are the archive, and its SHA-256 is the
//! layer's diff id. The format is that of tar-split's `tar/storage`, as moby's `layer` package uses it.
//!
//! The digest alone covers names and contents of files. What the headers say besides (kinds, modes,
//! owners, targets, capabilities) is under the digest too, but nothing compares it with the folder:
//! so [`Parser`] reads the headers in the segments, and gives with each [`Entry`] what must lie there.
//!
//! Nothing in it is trusted: lines, headers and totals have limits, and a name that would leave the
//! folder is no name.

pub mod archive;
mod base64;
pub mod crc64;
mod header;
mod line;
mod place;

use serde::Serialize;

pub use place::MAX_PATH;

/// Longest line, in bytes: a segment of 1 MiB, which is what tar-split writes at most of padding, and
/// what an archive's longest extended header has.
pub const MAX_LINE: usize = 2 << 20;
/// Most bytes between the contents of two entries.
const MAX_BETWEEN: usize = 4 << 20;
/// Most entries of one layer.
pub const MAX_ENTRIES: u64 = 20_000_000;

/// Why a description was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarSplitError {
    /// It is not what Docker writes.
    #[error("line {line} of tar-split.json.gz: {what}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// An archive is none.
    #[error("entry {entry} of the layer's archive: {what}")]
    NoArchive {
        /// The entry, from 1.
        entry: u64,
        /// What is wrong with it.
        what: String,
    },
    /// It may be right, but what it describes cannot be compared with a folder.
    #[error("the layer's archive has {what}")]
    Unsupported {
        /// What it has.
        what: String,
    },
}

/// What one line adds to the archive.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// These bytes.
    Raw(&'a [u8]),
    /// The contents of this entry: `size` bytes for a file, none for all else.
    Entry(Entry),
}

/// One entry of the archive, and so what must lie in the layer's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Path in the layer's folder, without `.`, `..` and slashes at its ends; empty for the folder
    /// itself. For a whiteout it is the path of what was deleted, for an opaque mark that of the
    /// marked folder.
    pub path: Vec<u8>,
    /// What it is.
    pub what: What,
    /// Bytes of content.
    pub size: u64,
    /// Permission bits, with set-id and sticky bits.
    pub mode: u32,
    /// User id of the owner.
    pub uid: u64,
    /// Group id of the owner.
    pub gid: u64,
    /// The attribute `security.capability`, if it has one.
    pub capability: Option<Vec<u8>>,
    /// [`crc64`] of its contents, if whoever described the archive noted it. Nothing vouches for it:
    /// where the digest says that something differs, it says what.
    pub checksum: Option<u64>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// Another name of the file at this path.
    HardLink(Vec<u8>),
    /// A symlink to these bytes.
    Symlink(Vec<u8>),
    /// A character device, major and minor.
    CharacterDevice(u32, u32),
    /// A block device, major and minor.
    BlockDevice(u32, u32),
    /// A fifo.
    Fifo,
    /// Something of the layers below was deleted.
    Whiteout,
    /// Nothing of the layers below is seen in the folder.
    Opaque,
    /// Nothing that lies in the folder: an archive-wide header, or bookkeeping of other drivers.
    Nothing,
}

/// Reads a description line by line.
#[derive(Debug, Default)]
pub struct Parser {
    lines: u64,
    entries: u64,
    /// The archive's bytes since the contents of the last entry.
    between: Vec<u8>,
    /// How many of them pad the contents of the last entry.
    padding: usize,
}

impl Parser {
    /// Takes a line, without its end.
    ///
    /// # Errors
    /// [`TarSplitError`]; nothing after it makes sense.
    pub fn line(&mut self, line: &[u8]) -> Result<Step<'_>, TarSplitError> {
        self.lines += 1;
        let lines = self.lines;
        let malformed = move |what: String| TarSplitError::Malformed { line: lines, what };
        match line::parse(line).map_err(malformed)? {
            line::Line::Segment(payload) => {
                let begin = self.between.len();
                base64::decode(&payload, &mut self.between)
                    .ok_or_else(|| malformed("its payload is not base64".to_owned()))?;
                if self.between.len() > MAX_BETWEEN {
                    return Err(malformed(format!(
                        "more than {MAX_BETWEEN} bytes between two entries"
                    )));
                }
                Ok(Step::Raw(&self.between[begin..]))
            }
            line::Line::File {
                name,
                size,
                checksum,
            } => {
                self.entries += 1;
                if self.entries > MAX_ENTRIES {
                    return Err(malformed(format!("more than {MAX_ENTRIES} entries")));
                }
                let headers = self
                    .between
                    .get(self.padding..)
                    .ok_or_else(|| malformed("the padding of the last file is missing".into()))?;
                let header = header::read(headers).map_err(|odd| odd.at(lines))?;
                // The digest covers the header; the line's own name and size say the same or lie.
                if header.name != name || header.size != size {
                    return Err(malformed("it differs from the header before it".to_owned()));
                }
                self.between.clear();
                self.padding = header::padding(size);
                let entry = place::entry(header).map_err(|odd| odd.at(lines))?;
                Ok(Step::Entry(Entry { checksum, ..entry }))
            }
        }
    }

    /// How many entries there were.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Takes the end of the description.
    ///
    /// # Errors
    /// [`TarSplitError`] if the archive is cut short, or something is left that is no padding.
    pub fn end(self) -> Result<(), TarSplitError> {
        let rest = self.between.get(self.padding..);
        if rest.is_some_and(|rest| rest.iter().all(|byte| *byte == 0)) {
            return Ok(());
        }
        Err(TarSplitError::Malformed {
            line: self.lines,
            what: "the archive has no proper end".to_owned(),
        })
    }
}

/// Something odd, still without where it is.
#[derive(Debug)]
enum Odd {
    Malformed(String),
    Unsupported(String),
}

impl Odd {
    fn at(self, line: u64) -> TarSplitError {
        match self {
            Self::Malformed(what) => TarSplitError::Malformed { line, what },
            Self::Unsupported(what) => TarSplitError::Unsupported { what },
        }
    }
}

#[cfg(test)]
mod tests;
