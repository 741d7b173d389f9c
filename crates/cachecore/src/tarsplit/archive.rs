//! An archive as it is, block by block: what a content store keeps, unpacked.

use super::{Entry, MAX_BETWEEN, MAX_ENTRIES, Odd, TarSplitError, header, place};

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// Reads the headers of an archive. Contents are for the caller to skip: after an entry come its
/// `size` bytes, and [`padding`].
#[derive(Debug, Default)]
pub struct Headers {
    entries: u64,
    /// The blocks before an entry's own header, and that.
    blocks: Vec<u8>,
    /// How many bytes of them are still to come that are no headers.
    data: usize,
    /// Whether they are an archive-wide header, which is an entry of its own.
    wide: bool,
    /// Whether the last block was nothing but zeros.
    zeros: bool,
}

/// What a block was.
#[derive(Debug, PartialEq, Eq)]
pub enum Met {
    /// The last block of an entry's headers.
    Entry(Entry),
    /// A block that others have to follow.
    More,
    /// The second of the two that end an archive.
    End,
}

/// How many bytes fill up the last block of contents of this size.
pub fn padding(size: u64) -> usize {
    header::padding(size)
}

impl Headers {
    /// Takes the next block.
    ///
    /// # Errors
    /// [`TarSplitError`]; nothing after it makes sense.
    pub fn block(&mut self, block: &[u8; BLOCK]) -> Result<Met, TarSplitError> {
        let at = self.entries + 1;
        if self.blocks.is_empty() && block.iter().all(|byte| *byte == 0) {
            return Ok(match std::mem::replace(&mut self.zeros, true) {
                true => Met::End,
                false => Met::More,
            });
        }
        self.zeros = false;
        self.blocks.extend_from_slice(block);
        if self.data > 0 {
            self.data = self.data.saturating_sub(BLOCK);
        } else {
            let extension = header::extension(block).map_err(|odd| in_archive(odd, at))?;
            if let Some(extension) = extension {
                let room = MAX_BETWEEN.saturating_sub(self.blocks.len());
                self.data = match usize::try_from(extension.size) {
                    Ok(size) if size <= room => size,
                    _ => {
                        let what = format!("more than {MAX_BETWEEN} bytes between two entries");
                        return Err(in_archive(Odd::Malformed(what), at));
                    }
                };
                self.wide = extension.wide;
            } else {
                return self.entry(at).map(Met::Entry);
            }
        }
        if self.data == 0 && self.wide {
            return self.entry(at).map(Met::Entry);
        }
        Ok(Met::More)
    }

    fn entry(&mut self, at: u64) -> Result<Entry, TarSplitError> {
        self.entries = at;
        if self.entries > MAX_ENTRIES {
            let what = format!("more than {MAX_ENTRIES} entries");
            return Err(in_archive(Odd::Malformed(what), at));
        }
        self.wide = false;
        let blocks = std::mem::take(&mut self.blocks);
        header::read(&blocks)
            .and_then(place::entry)
            .map_err(|odd| in_archive(odd, at))
    }

    /// How many entries there were.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Whether an archive may end here: between two entries. Some have no blocks of zeros at their end.
    pub fn may_end(&self) -> bool {
        self.blocks.is_empty()
    }
}

fn in_archive(odd: Odd, entry: u64) -> TarSplitError {
    match odd {
        Odd::Malformed(what) => TarSplitError::NoArchive { entry, what },
        Odd::Unsupported(what) => TarSplitError::Unsupported { what },
    }
}

#[cfg(test)]
mod tests {
    use super::super::What;
    use super::super::tests::block;
    use super::*;

    /// What each block of an archive is.
    fn met(archive: &[u8]) -> Result<Vec<Met>, TarSplitError> {
        let mut headers = Headers::default();
        let (blocks, []) = archive.as_chunks::<BLOCK>() else {
            panic!("not whole blocks")
        };
        blocks.iter().map(|block| headers.block(block)).collect()
    }

    fn padded(data: &[u8]) -> Vec<u8> {
        let mut data = data.to_vec();
        data.resize(data.len().next_multiple_of(BLOCK), 0);
        data
    }

    #[test]
    fn headers_are_read_as_they_come() {
        let wide = b"19 comment=version\n";
        let long = [b"long/".repeat(120), b"name\0".to_vec()].concat();
        let archive = [
            block("pax_global_header", b'g', wide.len(), ""),
            padded(wide),
            block("././@LongLink", b'L', long.len(), ""),
            padded(&long),
            block("long", b'0', 0, ""),
            block("bin", b'5', 0, ""),
            vec![0; 1024],
        ]
        .concat();
        let met = met(&archive).unwrap();
        let entries: Vec<_> = met
            .iter()
            .filter_map(|met| match met {
                Met::Entry(entry) => Some((entry.path.len(), &entry.what)),
                _ => None,
            })
            .collect();
        assert_eq!(
            entries,
            [(0, &What::Nothing), (604, &What::File), (3, &What::Folder)]
        );
        assert_eq!(met.last(), Some(&Met::End));
    }

    #[test]
    fn what_is_no_archive_is_no_harm() {
        for (said, archive) in [
            ("a number that is none", vec![1; BLOCK]),
            ("wrong checksum", vec![b'1'; BLOCK]),
            ("bytes between", block("x", b'x', 0o77_777_777_777, "")),
            (
                "an extended header that is none",
                [
                    block("x", b'x', 512, ""),
                    vec![b'7'; BLOCK],
                    block("file", b'0', 0, ""),
                ]
                .concat(),
            ),
        ] {
            let error = met(&archive).map(|met| met.len()).unwrap_err();
            assert!(error.to_string().contains(said), "{said}: {error}");
        }
    }
}
