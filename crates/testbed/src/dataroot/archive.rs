//! The archive that a layer would have come from, and the description of it that Docker keeps: an
//! implementation of its own, which shares no code with what reads them.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::lgetxattr;
use serde_json::json;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::{Layer, MTIME};
use crate::checksum::hex;
use crate::ground::Ground;

/// What is known of a layer's archive.
#[derive(Debug)]
pub(super) struct Archive {
    /// Its digest, `sha256:<hex>`.
    pub(super) diff_id: String,
    /// `tar-split.json.gz`.
    pub(super) tar_split: Vec<u8>,
    /// The archive itself, compressed.
    pub(super) blob: Vec<u8>,
}

/// The archive of a layer. Made once for all data roots of a test run that have the layer.
pub(super) fn of(layer: &Layer) -> Arc<Archive> {
    static KNOWN: Mutex<Option<HashMap<String, Arc<Archive>>>> = Mutex::new(None);
    let name = format!("{layer:?}");
    if let Some(archive) = KNOWN.lock().unwrap().get_or_insert_default().get(&name) {
        return Arc::clone(archive);
    }
    let ground = Ground::new();
    layer.write(ground.path("diff").as_std_path(), 0);
    let archive = Arc::new(pack(ground.path("diff").as_std_path()));
    let mut known = KNOWN.lock().unwrap();
    known
        .get_or_insert_default()
        .insert(name, Arc::clone(&archive));
    archive
}

struct Packer {
    digest: Sha256,
    blob: GzEncoder<Vec<u8>>,
    lines: GzEncoder<Vec<u8>>,
    position: u64,
}

impl Packer {
    fn archive(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.blob.write_all(bytes).unwrap();
    }

    fn segment(&mut self, bytes: &[u8]) {
        self.archive(bytes);
        self.line(json!({"type": 2, "payload": base64(bytes), "position": self.position}));
    }

    fn contents(&mut self, name: &[u8], bytes: &[u8]) {
        self.archive(bytes);
        let checksum = base64(&crc64(bytes).to_be_bytes());
        let mut line = json!({"type": 1, "payload": checksum, "position": self.position});
        if !bytes.is_empty() {
            line["size"] = json!(bytes.len());
        }
        match std::str::from_utf8(name) {
            Ok(name) => line["name"] = json!(name),
            Err(_) => line["name_raw"] = json!(base64(name)),
        }
        self.line(line);
        let padding = bytes.len().next_multiple_of(512) - bytes.len();
        if padding > 0 {
            self.segment(&vec![0; padding]);
        }
    }

    fn line(&mut self, line: serde_json::Value) {
        self.position += 1;
        writeln!(self.lines, "{line}").unwrap();
    }
}

fn pack(diff: &Path) -> Archive {
    let mut packer = Packer {
        digest: Sha256::new(),
        blob: GzEncoder::new(Vec::new(), Compression::fast()),
        lines: GzEncoder::new(Vec::new(), Compression::fast()),
        position: 0,
    };
    let mut first_names: HashMap<u64, Vec<u8>> = HashMap::new();
    for entry in WalkDir::new(diff).min_depth(1).sort_by_file_name() {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        let path = entry
            .path()
            .strip_prefix(diff)
            .unwrap()
            .as_os_str()
            .as_bytes();
        let mut header = Header::new(path, &meta);
        let mut bytes = Vec::new();
        let kind = meta.file_type();
        if kind.is_dir() {
            header.kind = b'5';
            header.name.push(b'/');
        } else if kind.is_symlink() {
            header.kind = b'2';
            let target = std::fs::read_link(entry.path()).unwrap();
            header.link = target.as_os_str().as_bytes().to_vec();
        } else if kind.is_char_device() && meta.rdev() == 0 {
            let at = path
                .iter()
                .rposition(|b| *b == b'/')
                .map_or(0, |slash| slash + 1);
            header.name = [&path[..at], b".wh.", &path[at..]].concat();
        } else if kind.is_char_device() || kind.is_block_device() {
            header.kind = if kind.is_char_device() { b'3' } else { b'4' };
            header.device = (
                rustix::fs::major(meta.rdev()),
                rustix::fs::minor(meta.rdev()),
            );
        } else if kind.is_fifo() {
            header.kind = b'6';
        } else if let Some(first) = first_names.get(&meta.ino()) {
            header.kind = b'1';
            header.link = first.clone();
        } else {
            if meta.nlink() > 1 {
                first_names.insert(meta.ino(), path.to_vec());
            }
            bytes = std::fs::read(entry.path()).unwrap();
            let mut value = [0; 64];
            let length = lgetxattr(entry.path(), "security.capability", &mut value);
            header.capability = length.map_or_else(|_| Vec::new(), |n| value[..n].to_vec());
        }
        packer.segment(&header.render(bytes.len()));
        packer.contents(&header.name, &bytes);
        let mut mark = [0; 4];
        if kind.is_dir() && lgetxattr(entry.path(), "trusted.overlay.opaque", &mut mark) == Ok(1) {
            let mut opaque = Header::new(&[path, b"/.wh..wh..opq"].concat(), &meta);
            opaque.mode = 0o600;
            packer.segment(&opaque.render(0));
            packer.contents(&opaque.name, b"");
        }
    }
    packer.segment(&[0; 1024]);
    Archive {
        diff_id: format!("sha256:{}", hex(&packer.digest.finalize())),
        tar_split: packer.lines.finish().unwrap(),
        blob: packer.blob.finish().unwrap(),
    }
}

struct Header {
    name: Vec<u8>,
    link: Vec<u8>,
    kind: u8,
    mode: u32,
    owner: (u32, u32),
    device: (u32, u32),
    capability: Vec<u8>,
}

impl Header {
    fn new(name: &[u8], meta: &std::fs::Metadata) -> Self {
        Self {
            name: name.to_vec(),
            link: Vec::new(),
            kind: b'0',
            mode: meta.mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            device: (0, 0),
            capability: Vec::new(),
        }
    }

    fn render(&self, size: usize) -> Vec<u8> {
        let mut records = Vec::new();
        for (key, value, long) in [
            ("path", &self.name, 100),
            ("linkpath", &self.link, 100),
            ("SCHILY.xattr.security.capability", &self.capability, 0),
        ] {
            if value.len() > long {
                records.extend(record(key, value));
            }
        }
        let mut bytes = Vec::new();
        if !records.is_empty() {
            bytes = self.block(b"PaxHeaders.0/extended", b"", b'x', records.len());
            records.resize(records.len().next_multiple_of(512), 0);
            bytes.extend(records);
        }
        bytes.extend(self.block(&self.name, &self.link, self.kind, size));
        bytes
    }

    fn block(&self, name: &[u8], link: &[u8], kind: u8, size: usize) -> Vec<u8> {
        let mut block = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8], most: usize| {
            let length = bytes.len().min(most);
            block[at..at + length].copy_from_slice(&bytes[..length]);
        };
        put(0, name, 100);
        put(100, format!("{:07o}", self.mode).as_bytes(), 8);
        put(108, format!("{:07o}", self.owner.0).as_bytes(), 8);
        put(116, format!("{:07o}", self.owner.1).as_bytes(), 8);
        put(124, format!("{size:011o}").as_bytes(), 12);
        put(136, format!("{MTIME:011o}").as_bytes(), 12);
        put(148, b"        ", 8);
        put(156, &[kind], 1);
        put(157, link, 100);
        put(257, b"ustar\x0000", 8);
        put(329, format!("{:07o}", self.device.0).as_bytes(), 8);
        put(337, format!("{:07o}", self.device.1).as_bytes(), 8);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

/// A record of an extended header, whose length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length += 1;
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// CRC-64 as ISO 3309 has it, four bits at a time.
fn crc64(bytes: &[u8]) -> u64 {
    let table: [u64; 16] = std::array::from_fn(|at| {
        (0..4).fold(u64::try_from(at).unwrap(), |rest, _| {
            rest >> 1 ^ ((rest & 1) * 0xd800_0000_0000_0000)
        })
    });
    let nibble = |rest: u64| usize::try_from(rest & 15).unwrap();
    let mut rest = u64::MAX;
    for byte in bytes {
        rest ^= u64::from(*byte);
        rest = rest >> 4 ^ table[nibble(rest)];
        rest = rest >> 4 ^ table[nibble(rest)];
    }
    !rest
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(padded);
        for place in 0..4 {
            let value = bits >> (18 - 6 * place) & 63;
            text.push(match place > three.len() {
                true => '=',
                false => char::from(ALPHABET[usize::try_from(value).unwrap()]),
            });
        }
    }
    text
}
