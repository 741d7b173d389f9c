//! One layer: what is looked at, and what becomes of it.

use std::collections::BTreeSet;

use cachecore::dataroot::Seat;
use cachecore::dataroot::images::Source;
use cachecore::id::{BlobId, ChainId, Generation, LayerName};
use cachecore::layout::DIFF;
use cachecore::record::Contents;
use rustix::fs::OFlags;
use treeclone::Observer;

use super::archive::Archive;
use super::contents::{self, Verdict};
use super::description::{self, Found};
use super::report::{Depth, LayerFindings};
use super::{VerifyOptions, structure};
use crate::error::StoreError;
use crate::handle::{Handle, Regular};
use crate::layers;
use crate::parts::Parts;
use crate::store::Store;

/// A layer that is looked at.
pub(super) struct Subject {
    pub(super) layer: LayerName,
    /// Where it lies if not in `layers/`.
    pub(super) inside: Option<(Generation, Seat)>,
    /// How much it held when it was promoted.
    pub(super) contents: Option<Contents>,
    /// The generations that say what it should be, and how.
    pub(super) described: Vec<(Generation, By)>,
}

/// What says what a layer should be.
#[derive(Debug, Clone)]
pub(super) enum By {
    /// Docker's record of this chain id.
    Record(ChainId),
    /// The blob that containerd has unpacked.
    Archive(Source),
}

/// What became of one layer.
pub(super) struct Looked {
    pub(super) findings: LayerFindings,
    /// Generations whose own description of the layer is unusable, and why.
    pub(super) bad: Vec<(Generation, String)>,
}

/// What one description led to.
enum Judged {
    Verdict(Verdict),
    /// There is nothing to compare with.
    Nothing(String),
    /// The generation's own description is not what an engine writes.
    Bad(String),
}

impl Store {
    pub(super) fn look_at_layer(
        &self,
        project: &Handle,
        subject: &Subject,
        options: VerifyOptions,
        in_store: &BTreeSet<LayerName>,
        observer: &dyn Observer,
    ) -> Result<Looked, StoreError> {
        let layer = &subject.layer;
        let mut looked = Looked {
            findings: LayerFindings {
                layer: layer.clone(),
                inside: subject.inside.as_ref().map(|(generation, _)| *generation),
                depth: Depth::Structure,
                because: None,
                findings: Vec::new(),
                needed_by: Vec::new(),
            },
            bad: Vec::new(),
        };
        let found = &mut looked.findings;
        if subject.inside.is_none() && !in_store.contains(layer) {
            found.findings.push("it is not in the store".to_owned());
            return Ok(looked);
        }
        let (home, name) = match &subject.inside {
            None => (self.layers.folder(layer.as_str())?, DIFF),
            Some((generation, seat)) => {
                let folder = project.folder(generation.folder())?;
                let parts = structure::parts_of(&folder, None)?;
                (parts.seat(seat)?, seat.name())
            }
        };
        let short = match layer.is_blob() {
            true => structure::blob_size(&home, name, subject.contents)?,
            // What lies in a subvolume is counted by nobody.
            false if subject.inside.is_some() => None,
            false => structure::size(&home.folder(name)?, subject.contents)?,
        };
        found.findings.extend(short);
        if observer.interrupted() {
            return Err(StoreError::Interrupted);
        }
        if !options.full {
            // Only reading it can say that it is well.
            let known = match &subject.inside {
                None => self.layer_quarantine(layer)?,
                Some(_) => None,
            };
            for finding in known.into_iter().flat_map(|known| known.findings) {
                if !found.findings.contains(&finding) {
                    found.findings.push(finding);
                }
            }
            return Ok(looked);
        }
        if let Some(blob) = layer.blob() {
            let digest = layers::blob::digest(&home, name, observer)?;
            found.depth = Depth::Contents;
            if digest != blob.as_str() {
                found
                    .findings
                    .push(format!("its bytes have the digest sha256:{digest}"));
            }
            return Ok(looked);
        }
        let folder = home.folder(name)?;
        let mut because = match layer.unpacked() {
            Some(_) => "the archive that it was unpacked from is not there",
            None => "it is a step of a build, and no image describes it",
        }
        .to_owned();
        for (number, by) in subject.described.iter().rev() {
            let generation = project.folder(number.folder())?;
            let parts = structure::parts_of(&generation, None)?;
            match self.judge_by(&parts, &folder, layer, by, observer)? {
                Judged::Nothing(why) | Judged::Verdict(Verdict::Apart(why)) => because = why,
                Judged::Bad(what) => {
                    because = "its description is damaged".to_owned();
                    looked.bad.push((*number, format!("layer {layer}: {what}")));
                }
                Judged::Verdict(Verdict::Matches) => {
                    found.depth = Depth::Contents;
                    return Ok(looked);
                }
                Judged::Verdict(Verdict::Differs(differences)) => {
                    found.depth = Depth::Contents;
                    found.findings.extend(differences);
                    return Ok(looked);
                }
            }
        }
        found.because = Some(because);
        Ok(looked)
    }

    fn judge_by(
        &self,
        parts: &Parts,
        folder: &Handle,
        layer: &LayerName,
        by: &By,
        observer: &dyn Observer,
    ) -> Result<Judged, StoreError> {
        Ok(match by {
            By::Record(chain) => match description::find(parts.docker(), chain)? {
                Found::Description(description) => Judged::Verdict(contents::compare(
                    folder,
                    *description,
                    layer.is_shifted(),
                    observer,
                )?),
                Found::None(why) => Judged::Nothing(why.to_owned()),
                Found::Bad(what) => Judged::Bad(what),
            },
            By::Archive(source) => match self.open_blob(parts, &source.blob)? {
                Some(blob) => {
                    let archive = Archive::open(blob, source.diff_id.clone())
                        .map_err(|e| StoreError::io("read a blob of", parts.docker().path(), e))?;
                    Judged::Verdict(contents::compare_archive(folder, archive, observer)?)
                }
                None => {
                    Judged::Nothing("the archive that it was unpacked from is not there".to_owned())
                }
            },
        })
    }

    /// Opens a blob of a generation's content store, wherever that keeps it.
    pub(super) fn open_blob(
        &self,
        parts: &Parts,
        blob: &BlobId,
    ) -> Result<Option<std::fs::File>, StoreError> {
        let mut has_store = false;
        for (part, folder) in parts.each() {
            let Some(place) = folder.descend(part.blobs().as_bytes())? else {
                continue;
            };
            has_store = true;
            if let Regular::File(file) = place.regular(blob.as_str(), OFlags::RDONLY)? {
                return Ok(Some(file));
            }
        }
        if !has_store {
            return Ok(None);
        }
        let layer = LayerName::of_blob(blob);
        let Some(home) = self.layers.folder_if_there(layer.as_str())? else {
            return Ok(None);
        };
        match home.regular(DIFF, OFlags::RDONLY)? {
            Regular::File(file) => Ok(Some(file)),
            Regular::Missing | Regular::Other => Ok(None),
        }
    }
}
