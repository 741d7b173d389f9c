//! What can be verified without reading contents.

use std::collections::{BTreeMap, BTreeSet};

use cachecore::dataroot::{self, DataRoot, Immutable, JudgedFolder, Judgement, Seat};
use cachecore::id::{Generation, LayerName, ProjectId};
use cachecore::layout::DOCKER;
use cachecore::record::{Contents, Form, Manifest};

use super::VerifyOptions;
use super::layer::By;
use super::sources::Sources;
use crate::error::StoreError;
use crate::handle::Handle;
use crate::layers::measure;
use crate::parts::Parts;
use crate::quarantine;
use crate::reader;
use crate::store::Store;

/// What was seen of a generation.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<String>,
    /// Its layers in the store, with how much its manifest says they hold, and what describes them.
    pub(super) layers: BTreeMap<LayerName, (Option<Contents>, Option<By>)>,
    /// Its layers inside of it, where it is whole.
    pub(super) inside: Vec<(LayerName, Seat, Option<By>)>,
}

impl Store {
    pub(super) fn look_at_generation(
        &self,
        id: &ProjectId,
        project: &Handle,
        number: Generation,
        options: VerifyOptions,
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
        let listing = parts.and_then(|parts| Ok((reader::read(&parts)?, parts)));
        let (listing, parts) = match listing {
            Ok(found) => found,
            Err(e) => {
                seen.findings.push(e.to_string());
                return Ok(seen);
            }
        };
        let root = dataroot::survey(&listing, &self.layout().layers());
        drop(listing);
        seen.findings
            .extend(root.problems.iter().map(ToString::to_string));
        let sources = match options.full {
            true => self.sources(&parts, &root)?,
            false => Sources::new(),
        };
        let whole = |manifest: &Manifest| manifest.form == Form::Whole;
        if manifest.as_ref().is_some_and(whole) {
            // Its layers lie inside, and are nobody else's.
            for (seat, layer, judged) in root.immutable() {
                let by = described(layer, judged, &sources);
                seen.inside.push((layer.clone(), seat, by));
            }
            if !options.full {
                // Only reading them can say that they are well.
                let known = quarantine::of_generation(project, number)?;
                seen.findings
                    .extend(known.into_iter().flat_map(|known| known.findings));
            }
            return Ok(seen);
        }
        self.look_at_links(&root, &sources, in_store, &mut seen);
        if let Some(manifest) = manifest {
            compare_manifest(&mut seen, &manifest, id, number);
        }
        Ok(seen)
    }

    fn look_at_links(
        &self,
        root: &DataRoot,
        sources: &Sources,
        in_store: &BTreeSet<LayerName>,
        seen: &mut Seen,
    ) {
        for (seat, judged) in root.seats() {
            match (&judged.linked, &judged.layer) {
                (Some(linked), _) => {
                    if !in_store.contains(linked) {
                        let what = format!(
                            "{} is a link to layer {linked}, which the store lacks",
                            seat.shown()
                        );
                        seen.findings.push(what);
                    }
                    let by = described(linked, judged, sources);
                    seen.layers.insert(linked.clone(), (None, by));
                }
                (None, Some(layer)) => seen
                    .findings
                    .push(format!("{} is not a link to layer {layer}", seat.shown())),
                (None, None) => {}
            }
        }
    }
}

/// What says what a layer should be.
fn described(layer: &LayerName, judged: &JudgedFolder, sources: &Sources) -> Option<By> {
    if let Some(chain) = layer.unpacked() {
        return sources.get(&chain).cloned().map(By::Archive);
    }
    let committed = match &judged.judgement {
        Judgement::Immutable(Immutable::Committed { chain }) => Some(chain.clone()),
        _ => None,
    };
    layer.chain().or(committed).map(By::Record)
}

/// The data root of a generation: what its manifest says that it is, or all that is there.
pub(super) fn parts_of(
    generation: &Handle,
    manifest: Option<&Manifest>,
) -> Result<Parts, StoreError> {
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
            .or_insert((record.contents, record.layer.chain().map(By::Record)));
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

/// What is wrong with how long a blob is.
pub(super) fn blob_size(
    folder: &Handle,
    name: &str,
    noted: Option<Contents>,
) -> Result<Option<String>, StoreError> {
    let Some(stat) = folder.stat(name)? else {
        return Ok(Some("it is not there".to_owned()));
    };
    let now = u64::try_from(stat.st_size).unwrap_or(0);
    Ok(noted.filter(|noted| noted.bytes != now).map(|noted| {
        format!(
            "it has {now} bytes, and had {} when it was promoted",
            noted.bytes
        )
    }))
}
