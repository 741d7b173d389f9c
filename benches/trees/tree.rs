//! Writes what is copied: many small files, and a large one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

const FILES_IN_A_FOLDER: usize = 100;
const FOLDERS_IN_A_FOLDER: usize = 32;

/// So many files of 0 to 4 kB, 100 to a folder.
pub(crate) fn small(root: &Path, files: usize) -> io::Result<()> {
    let pool = noise(1 << 16);
    for number in 0..files {
        let folder = number / FILES_IN_A_FOLDER;
        let path = root.join(format!("{}/{folder}", folder / FOLDERS_IN_A_FOLDER));
        if number % FILES_IN_A_FOLDER == 0 {
            fs::create_dir_all(&path)?;
        }
        let start = number % (pool.len() - 4096);
        let size = number.wrapping_mul(2_654_435_761) % 4096;
        fs::write(
            path.join(format!("file-{number}")),
            &pool[start..start + size],
        )?;
    }
    Ok(())
}

/// One file.
pub(crate) fn large(root: &Path, bytes: u64) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let block = noise(1 << 20);
    let mut file = File::create(root.join("large"))?;
    for _ in 0..bytes / block.len() as u64 {
        file.write_all(&block)?;
    }
    Ok(())
}

/// Bytes that look random and are the same in every run (xorshift64).
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count / 8).flat_map(|_| next().to_le_bytes()).collect()
}
