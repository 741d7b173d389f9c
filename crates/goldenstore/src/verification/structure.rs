//! What can be verified without reading contents.

use std::collections::{BTreeMap, BTreeSet};

use cachecore::dataroot::{self, Immutable, Judgement};
use cachecore::id::{ChainId, Generation, LayerName, ProjectId};
use cachecore::layout::DOCKER;
use cachecore::record::{Contents, Form, Manifest};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::layers::measure;
use crate::parts::Parts;
use crate::reader;
use crate::store::Store;

/// What was seen of a generation.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<String>,
    /// Its layers, with how much its manifest says they hold, and the chain id that describes them.
    pub(super) layers: BTreeMap<LayerName, (Option<Contents>, Option<ChainId>)>,
}

impl Store {
    pub(super) fn look_at_generation(
        &self,
        id: &ProjectId,
        project: &Handle,
        number: Generation,
        in_store: &BTreeSet<LayerName>,
    ) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        let manifest = match self.manifest(id, number) {
            Ok(manifest) => Some(manifest),
            Err(e) => {
                seen.findings.push(e.to_string());
                None
            }
        };
        let parts = project
            .folder(number.folder())
            .and_then(|folder| parts_of(&folder, manifest.as_ref()));
        let listing = parts.and_then(|parts| reader::read(&parts));
        let listing = match listing {
            Ok(listing) => listing,
            Err(e) => {
                seen.findings.push(e.to_string());
                return Ok(seen);
            }
        };
        let root = dataroot::survey(&listing, &self.layout().layers());
        seen.findings
            .extend(root.problems.iter().map(ToString::to_string));
        let whole = |manifest: &Manifest| manifest.form == Form::Whole;
        if manifest.as_ref().is_some_and(whole) {
            // Its layers lie inside, read-only, and nobody else's.
            return Ok(seen);
        }
        for (folder, judged) in &root.folders {
            let chain = match &judged.judgement {
                Judgement::Immutable(Immutable::Committed { chain }) => Some(chain.clone()),
                _ => None,
            };
            match (&judged.linked, &judged.layer) {
                (Some(linked), _) => {
                    if !in_store.contains(linked) {
                        let what = format!(
                            "overlay2/{folder}/diff is a link to layer {linked}, which the store lacks"
                        );
                        seen.findings.push(what);
                    }
                    let chain = linked.chain().or(chain);
                    seen.layers.insert(linked.clone(), (None, chain));
                }
                (None, Some(layer)) => seen.findings.push(format!(
                    "overlay2/{folder}/diff is not a link to layer {layer}"
                )),
                (None, None) => {}
            }
        }
        if let Some(manifest) = manifest {
            compare_manifest(&mut seen, &manifest, id, number);
        }
        Ok(seen)
    }
}

/// The data root of a generation: what its manifest says that it is, or all that is there.
fn parts_of(generation: &Handle, manifest: Option<&Manifest>) -> Result<Parts, StoreError> {
    if let Some(manifest) = manifest {
        return Parts::of_generation(generation, manifest);
    }
    Parts::of_session(generation)?.ok_or_else(|| StoreError::Unexpected {
        path: generation.path().join(DOCKER),
        expected: "there",
    })
}

fn compare_manifest(seen: &mut Seen, manifest: &Manifest, id: &ProjectId, number: Generation) {
    if manifest.project != *id || manifest.generation != number {
        seen.findings.push(format!(
            "its manifest is that of generation {} of project {}",
            manifest.generation, manifest.project
        ));
    }
    let mut noted = BTreeSet::new();
    for record in &manifest.layers {
        noted.insert(&record.layer);
        match seen.layers.get_mut(&record.layer) {
            Some((contents, _)) => *contents = record.contents,
            None => seen.findings.push(format!(
                "its manifest has layer {}, and nothing in its data root is a link to it",
                record.layer
            )),
        }
    }
    let unknown = seen.layers.keys().find(|layer| !noted.contains(layer));
    if let Some(layer) = unknown {
        seen.findings.push(format!(
            "its data root has layer {layer}, which is not in its manifest"
        ));
    }
    for record in &manifest.layers {
        seen.layers
            .entry(record.layer.clone())
            .or_insert((record.contents, record.layer.chain()));
    }
}

/// What is wrong with how much a layer holds.
pub(super) fn size(diff: &Handle, noted: Option<Contents>) -> Result<Option<String>, StoreError> {
    let size = match measure(diff) {
        Ok(size) => size,
        // What cannot be walked to its end is no layer that anybody can use.
        Err(StoreError::Tree { source, .. }) => return Ok(Some(source.to_string())),
        Err(e) => return Err(e),
    };
    Ok(noted.and_then(|noted| {
        let now = (size.entries, size.apparent);
        (now != (noted.entries, noted.bytes)).then(|| {
            format!(
                "it holds {} names and {} bytes, and held {} and {} when it was promoted",
                now.0, now.1, noted.entries, noted.bytes
            )
        })
    }))
}
