//! What Docker noted about a layer: its diff id, its parent, and the archive it came from.

use std::io::{BufRead, BufReader, Read, Seek};

use cachecore::dataroot::chain;
use cachecore::id::ChainId;
use cachecore::tarsplit::MAX_LINE;
use flate2::bufread::GzDecoder;
use rustix::fs::OFlags;

use crate::error::StoreError;
use crate::handle::{Handle, Regular, Small};

/// Longest `diff` and `parent`: one digest.
const MAX_WORD: usize = 256;

/// What `layerdb/sha256/<chain>` says of a layer, checked as far as it goes without the contents.
pub(crate) struct Description {
    /// The digest that the layer's archive must have, 64 hex digits.
    pub(crate) diff_id: String,
    /// The archive's description, unpacked as it is read.
    pub(crate) lines: Lines,
}

/// What became of looking for a description.
pub(crate) enum Found {
    Description(Box<Description>),
    /// There is none to compare with.
    None(&'static str),
    /// It contradicts the chain id, or is not what a daemon writes.
    Bad(String),
}

/// Reads the description of a chain id in a data root.
pub(crate) fn find(docker: &Handle, chain: &ChainId) -> Result<Found, StoreError> {
    let Some(layer) =
        docker.descend(format!("image/overlay2/layerdb/sha256/{chain}").as_bytes())?
    else {
        return Ok(Found::None("the data root has no record of it"));
    };
    let Some(diff) = digest(&layer, "diff")?.flatten() else {
        return Ok(Found::Bad("its record has no usable diff id".to_owned()));
    };
    let parent = match digest(&layer, "parent")? {
        None => None,
        Some(Some(parent)) => Some(parent),
        Some(None) => return Ok(Found::Bad("its record has no usable parent".to_owned())),
    };
    if chain::chain_id(parent.as_ref(), &diff).as_ref() != Some(chain) {
        return Ok(Found::Bad(
            "the diff ids in its records do not make its chain id".to_owned(),
        ));
    }
    match layer.regular("tar-split.json.gz", OFlags::RDONLY)? {
        Regular::Missing => Ok(Found::None("the engine kept no tar-split.json.gz for it")),
        Regular::Other => Ok(Found::Bad("its tar-split.json.gz is no file".to_owned())),
        Regular::File(file) => Ok(Found::Description(Box::new(Description {
            diff_id: diff.as_str().to_owned(),
            lines: Lines::of(file),
        }))),
    }
}

/// A digest in a file: `None` if the file is not there, `Some(None)` if it holds no digest.
fn digest(layer: &Handle, name: &str) -> Result<Option<Option<ChainId>>, StoreError> {
    Ok(match layer.small(name, MAX_WORD)? {
        Small::Missing => None,
        Small::Unreadable => Some(None),
        Small::Bytes(bytes) => Some(
            std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.trim().strip_prefix("sha256:"))
                .and_then(|hex| ChainId::new(hex).ok()),
        ),
    })
}

/// The lines of a compressed file, one at a time: whatever it unpacks to, no more than one line of
/// it is in memory.
pub(crate) struct Lines {
    from: BufReader<GzDecoder<BufReader<std::fs::File>>>,
    line: Vec<u8>,
}

impl Lines {
    fn of(file: std::fs::File) -> Self {
        let file = BufReader::with_capacity(64 << 10, file);
        Self {
            from: BufReader::new(GzDecoder::new(file)),
            line: Vec::new(),
        }
    }

    /// The same lines from the first. These are over then; `None` if they cannot be had again.
    pub(crate) fn again(self) -> Option<Self> {
        let mut file = self.from.into_inner().into_inner().into_inner();
        file.rewind().ok()?;
        Some(Self::of(file))
    }

    /// The next line, without its end; `None` after the last.
    ///
    /// # Errors
    /// What is wrong with the file, as a sentence.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, String> {
        self.line.clear();
        let read = (&mut self.from)
            .take(MAX_LINE as u64 + 2)
            .read_until(b'\n', &mut self.line)
            .map_err(|e| format!("tar-split.json.gz cannot be unpacked: {e}"))?;
        if read == 0 {
            return Ok(None);
        }
        match self.line.strip_suffix(b"\n") {
            Some(line) => Ok(Some(line)),
            None if self.line.len() > MAX_LINE => Err(format!(
                "a line of tar-split.json.gz is longer than {MAX_LINE} bytes"
            )),
            None => Ok(Some(&self.line)),
        }
    }
}
