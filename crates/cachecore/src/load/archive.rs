//! A tar archive whose files come from elsewhere, header by header (POSIX.1-1988 ustar, and GNU's form of
//! large numbers).

use serde::Serialize;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its path, at most 100 bytes.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Where they come from.
    pub source: Source,
}

/// Where the bytes of a file come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// From here.
    Bytes(Vec<u8>),
    /// From the builder's blob with this digest.
    Blob(String),
}

impl Entry {
    pub(super) fn of_bytes(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            size: bytes.len() as u64,
            source: Source::Bytes(bytes),
        }
    }
}

const BLOCK: u64 = 512;

/// What an archive ends with.
pub const END: [u8; 1024] = [0; 1024];

/// Zeros that follow so many bytes of a file.
pub fn padding(size: u64) -> &'static [u8] {
    let over = (size % BLOCK) as usize;
    &END[..(BLOCK as usize - over) % BLOCK as usize]
}

/// What stands before a file. Everything but its name and size is the same for all.
pub fn header(name: &str, size: u64) -> [u8; 512] {
    let mut header = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    let name = &name.as_bytes()[..name.len().min(100)];
    put(0, name);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
