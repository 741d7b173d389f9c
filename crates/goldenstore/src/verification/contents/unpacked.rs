use std::io;

use cachecore::tarsplit::What;
use cachecore::tarsplit::archive::{BLOCK, Headers, Met, padding};
use treeclone::Observer;

use super::super::archive::Archive;
use super::check::{Against, Check};
use super::{Fault, LIES_BELOW, MAX_DIFFERENCES, Rules, Verdict};
use crate::error::StoreError;
use crate::handle::Handle;

/// Bytes that are compared at once.
const CHUNK: usize = 128 << 10;

/// The contents of the current entry of an archive.
struct Contents<'a> {
    archive: &'a mut Archive,
    left: u64,
    chunk: &'a mut [u8],
    broken: Option<io::Error>,
}

impl Contents<'_> {
    /// Reads the next bytes of the archive, which must not end here.
    fn next(&mut self, count: usize) -> bool {
        let filled = match &self.broken {
            Some(_) => return false,
            None => self.archive.fill(&mut self.chunk[..count]),
        };
        self.left -= count as u64;
        let filled = filled.and_then(|filled| match filled {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        });
        self.broken = filled.err();
        self.broken.is_none()
    }

    /// Takes what nobody has asked for.
    fn skip(mut self) -> io::Result<()> {
        while self.left > 0 {
            let count = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
            if !self.next(count) {
                break;
            }
        }
        self.broken.map_or(Ok(()), Err)
    }
}

impl Against for Contents<'_> {
    fn take(&mut self, bytes: &[u8]) -> bool {
        bytes.chunks(CHUNK).all(|bytes| {
            // An archive that ends here is for the caller to see: it says nothing of the folder.
            !self.next(bytes.len()) || self.chunk[..bytes.len()] == *bytes
        })
    }
}

/// Compares a layer's contents with the archive that it was unpacked from. What the folder is can only
/// be said if the archive is what it should be itself.
pub(in super::super) fn compare_archive(
    folder: &Handle,
    mut archive: Archive,
    observer: &dyn Observer,
) -> Result<Verdict, StoreError> {
    let rules = Rules {
        remapped: false,
        own_folder: false,
    };
    let mut check = Check::new(folder, rules, observer);
    let unusable = |why: String| Verdict::Apart(format!("its archive cannot be used: {why}"));
    match entries(&mut check, &mut archive)? {
        Ok(()) => {}
        Err(End::Unusable(why)) => return Ok(unusable(why)),
        Err(End::Apart(why)) if check.differences.is_empty() => return Ok(Verdict::Apart(why)),
        Err(End::Apart(_)) => {}
    }
    let mut chunk = vec![0; CHUNK];
    loop {
        match archive.rest(&mut chunk) {
            Ok(0) => break,
            Ok(read) => check.progress.bytes(read)?,
            Err(e) => return Ok(unusable(e.to_string())),
        }
    }
    let expected = archive.diff_id.to_string();
    let digest = archive.digest();
    if digest != expected {
        let why = format!("it has the digest sha256:{digest}, and should have sha256:{expected}");
        return Ok(unusable(why));
    }
    if check.differences.is_empty() {
        check.walk()?;
    }
    check.progress.tell()?;
    Ok(check.verdict())
}

/// Why not all of an archive was compared.
enum End {
    Unusable(String),
    Apart(String),
}

fn entries(check: &mut Check<'_>, archive: &mut Archive) -> Result<Result<(), End>, StoreError> {
    let mut headers = Headers::default();
    let mut block = [0; BLOCK];
    let mut chunk = vec![0; CHUNK];
    loop {
        match archive.fill(&mut block) {
            Ok(true) => {}
            Ok(false) if headers.may_end() => return Ok(Ok(())),
            Ok(false) => return Ok(Err(End::Unusable("it ends within a header".to_owned()))),
            Err(e) => return Ok(Err(End::Unusable(e.to_string()))),
        }
        let entry = match headers.block(&block) {
            Ok(Met::Entry(entry)) => entry,
            Ok(Met::More) => continue,
            Ok(Met::End) => return Ok(Ok(())),
            Err(error) => {
                return Ok(Err(match error.into() {
                    Fault::Apart(what) => End::Apart(what),
                    Fault::Differs(what) => End::Unusable(what),
                }));
            }
        };
        let size = if entry.what == What::File {
            entry.size
        } else {
            0
        };
        let mut contents = Contents {
            archive,
            left: size,
            chunk: &mut chunk,
            broken: None,
        };
        // Further differences are not looked for; the archive is still read, for its digest.
        if check.differences.len() < MAX_DIFFERENCES {
            check.entry(&entry, &mut contents)?;
        }
        if check.lies_below {
            return Ok(Err(End::Apart(LIES_BELOW.to_owned())));
        }
        let read = contents
            .skip()
            .and_then(|()| archive.fill(&mut block[..padding(size)]));
        if let Err(e) = read {
            return Ok(Err(End::Unusable(e.to_string())));
        }
        check.progress.entry()?;
    }
}
