//! A layer's folder against the archive that it came from.
//!
//! What the engine kept decides how:
//!
//! - Docker's classic store keeps a description of the archive ([`super::description`]): the archive
//!   is put together again of it and of the contents of the folder, and must have the diff id.
//! - containerd keeps the archive itself, a blob: what it unpacks to must have the diff id, and every
//!   file in it the contents that the folder's has ([`unpacked`]).
//!
//! What the digest does not cover is compared on the way: kinds, modes, owners, devices, targets,
//! capabilities, as the archive's headers give them ([`check`]). Then the folder is walked for what the
//! archive does not name ([`walk`]).
//!
//! In memory is one line or block, one block of a file, and eight bytes for each name ([`names`]).

mod check;
mod culprit;
mod names;
mod node;
mod place;
mod progress;
mod unpacked;
mod walk;

use cachecore::tarsplit::{Parser, Step, TarSplitError};
use sha2::{Digest, Sha256};
use treeclone::Observer;

use super::description::Description;
use super::hex;
use crate::error::StoreError;
use crate::handle::Handle;
use check::{Against, Check};
pub(super) use unpacked::compare_archive;

/// Most differences that are named. One is enough for a refusal.
const MAX_DIFFERENCES: usize = 20;

const LIES_BELOW: &str = "some of its contents lie in a layer below";

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The folder is what the archive holds.
    Matches,
    /// An honest engine may have written it, but its archive cannot be made of this folder alone.
    Apart(String),
    /// It is something else. Never empty.
    Differs(Vec<String>),
}

/// What of an archive's headers is on the disk.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Whether users are remapped: then the archive has other owners than the disk.
    remapped: bool,
    /// Whether the engine gives the layer's own folder what the archive says of it.
    own_folder: bool,
}

impl Against for Sha256 {
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.update(bytes);
        true
    }
}

/// Compares a layer's contents with its description. Owners are compared unless users are remapped.
pub(crate) fn compare(
    folder: &Handle,
    description: Description,
    remapped: bool,
    observer: &dyn Observer,
) -> Result<Verdict, StoreError> {
    let Description { diff_id, mut lines } = description;
    let rules = Rules {
        remapped,
        own_folder: true,
    };
    let mut check = Check::new(folder, rules, observer);
    let mut digest = Sha256::new();
    let mut parser = Parser::default();
    let described = loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break parser.end().map_err(Fault::from),
            Err(what) => break Err(Fault::Differs(what)),
        };
        match parser.line(line) {
            Ok(Step::Raw(bytes)) => digest.update(bytes),
            Ok(Step::Entry(entry)) => check.entry(&entry, &mut digest)?,
            Err(error) => break Err(error.into()),
        }
        if check.lies_below {
            return Ok(Verdict::Apart(LIES_BELOW.to_owned()));
        }
        if check.differences.len() >= MAX_DIFFERENCES {
            return Ok(Verdict::Differs(check.differences));
        }
    };
    match described {
        Ok(()) => {}
        Err(Fault::Apart(what)) if check.differences.is_empty() => return Ok(Verdict::Apart(what)),
        Err(Fault::Apart(_)) => return Ok(Verdict::Differs(check.differences)),
        Err(Fault::Differs(what)) => {
            check.differences.push(what);
            return Ok(Verdict::Differs(check.differences));
        }
    }
    check.walk()?;
    check.progress.tell()?;
    let digest = hex(&digest.finalize());
    if check.differences.is_empty() && digest != diff_id {
        if let Some(apart) = check.apart {
            return Ok(Verdict::Apart(apart));
        }
        if let Some(again) = lines.again()
            && let Some(path) = culprit::find(folder, again, observer)?
        {
            let what = format!("{path} has other contents than in its archive");
            check.differences.push(what);
        }
        check.differences.push(format!(
            "its contents make an archive with the digest sha256:{digest}, and should make sha256:{diff_id}"
        ));
    }
    Ok(check.verdict())
}

impl Check<'_> {
    fn verdict(self) -> Verdict {
        match (self.differences.is_empty(), self.apart) {
            (true, None) => Verdict::Matches,
            (true, Some(apart)) => Verdict::Apart(apart),
            (false, _) => Verdict::Differs(self.differences),
        }
    }
}

enum Fault {
    Apart(String),
    Differs(String),
}

impl From<TarSplitError> for Fault {
    fn from(error: TarSplitError) -> Self {
        match error {
            TarSplitError::Unsupported { .. } => Self::Apart(error.to_string()),
            TarSplitError::Malformed { .. } | TarSplitError::NoArchive { .. } => {
                Self::Differs(error.to_string())
            }
        }
    }
}
