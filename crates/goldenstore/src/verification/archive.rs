//! The archive that containerd keeps of a layer, unpacked as it is read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use cachecore::id::ChainId;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sha2::{Digest, Sha256};

/// Bytes of a blob that are read at once.
const BUFFER: usize = 128 << 10;
/// The largest window of zstd that is given memory: twice what builders ask for by default.
const MAX_WINDOW: u64 = 16 << 20;

/// An archive, and what its digest must be.
pub(crate) struct Archive {
    /// 64 hex digits.
    pub(super) diff_id: ChainId,
    from: Box<dyn Read>,
    digest: Sha256,
}

impl Archive {
    /// Takes a blob, compressed in whatever way its first bytes say.
    pub(crate) fn open(mut blob: File, diff_id: ChainId) -> io::Result<Self> {
        let mut magic = [0; 4];
        let mut filled = 0;
        while filled < magic.len() {
            match blob.read(&mut magic[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        blob.rewind()?;
        let blob = BufReader::with_capacity(BUFFER, blob);
        let from: Box<dyn Read> = match magic {
            [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(blob)),
            // A frame, or one to skip (RFC 8878, section 3.1).
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                Box::new(Frames::new(blob))
            }
            _ => Box::new(blob),
        };
        Ok(Self {
            diff_id,
            from,
            digest: Sha256::new(),
        })
    }

    /// Fills a block; `false` if the archive is over before its first byte.
    pub(super) fn fill(&mut self, block: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < block.len() {
            match self.from.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.digest.update(&*block);
        Ok(true)
    }

    /// Takes what follows the archive's end, which the digest covers too.
    pub(super) fn rest(&mut self, block: &mut [u8]) -> io::Result<u64> {
        match self.from.read(block) {
            Ok(read) => {
                self.digest.update(&block[..read]);
                Ok(read as u64)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// The digest of all that was read, 64 hex digits.
    pub(super) fn digest(self) -> String {
        super::hex(&self.digest.finalize())
    }
}

/// Frames of zstd one after the other, and others between them that hold nothing.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    begun: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self {
            source,
            decoder,
            begun: false,
        }
    }

    /// Begins the next frame; `false` if there is none.
    fn next(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.source).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let over = !self.begun || self.decoder.is_finished();
            if self.begun && self.decoder.can_collect() > 0 {
                return self.decoder.read(into);
            }
            if over {
                self.begun = self.next()?;
                if !self.begun {
                    return Ok(0);
                }
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn unpacked(blob: &[u8]) -> io::Result<Vec<u8>> {
        let mut file = tempfile::tempfile()?;
        file.write_all(blob)?;
        file.rewind()?;
        let mut archive = Archive::open(file, ChainId::new(&"0".repeat(64)).unwrap())?;
        let mut bytes = Vec::new();
        archive.from.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_blob_is_unpacked_however_it_is_packed_and_in_how_many_parts() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
        let (first, second) = text.split_at(700_001);
        let gzip = |part: &[u8]| {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(part).unwrap();
            packer.finish().unwrap()
        };
        let zstd = |part: &[u8]| compress_to_vec(part, CompressionLevel::Fastest);
        let nothing = [&[0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        for (how, blob) in [
            ("not", text.clone()),
            ("by gzip", [gzip(first), gzip(second)].concat()),
            (
                "by zstd",
                [
                    nothing.clone(),
                    zstd(first),
                    nothing.clone(),
                    zstd(second),
                    nothing,
                ]
                .concat(),
            ),
        ] {
            assert!(unpacked(&blob).unwrap() == text, "packed {how}");
        }
        assert_eq!(unpacked(b"").unwrap(), b"");
        assert!(unpacked(&gzip(first)[..1000]).is_err());
        assert!(unpacked(&zstd(first)[..1000]).is_err());
        assert!(unpacked(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff]).is_err());
    }

    #[test]
    fn a_frame_that_wants_much_memory_is_refused() {
        // A window of 2 to the power of 10 + 31, without an end.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8];
        let error = unpacked(&frame).unwrap_err();
        assert!(
            error.to_string().to_lowercase().contains("window"),
            "{error}"
        );
    }
}
