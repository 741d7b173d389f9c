//! What a verification found damaged stays out of use: `layers/<layer>/quarantine.json` marks the
//! layer, and `golden/<project>/gen-….quarantine.json` each generation that needs it, so that
//! starting a session costs one look.
//!
//! A mark goes when a verification finds all well, or when a promotion brings the layer again with
//! contents that are verified. Marks change under the locks of their project and of the layers.

use std::collections::{BTreeMap, BTreeSet};

use cachecore::id::{Generation, LayerName, ProjectId};
use cachecore::layout::{QUARANTINE, generation_of_quarantine, generation_quarantine};
use cachecore::record::{GenerationQuarantine, LayerQuarantine};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::project;
use crate::records;
use crate::store::Store;

impl Store {
    /// Why no session may start from a generation; `None` if one may.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or the mark cannot be read.
    pub fn quarantine(
        &self,
        project: &ProjectId,
        generation: Generation,
    ) -> Result<Option<GenerationQuarantine>, StoreError> {
        of_generation(&self.project_folder(project)?, generation)
    }

    /// Refuses a generation that is quarantined.
    pub(crate) fn refuse_quarantined(
        &self,
        id: &ProjectId,
        project: &Handle,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let Some(quarantine) = of_generation(project, generation)? else {
            return Ok(());
        };
        let mut older = None;
        for other in generation::generations(project)? {
            if other < generation && of_generation(project, other)?.is_none() {
                older = Some(other);
            }
        }
        Err(StoreError::Quarantined {
            project: id.clone(),
            generation,
            reason: quarantine.reason(),
            older,
        })
    }

    /// Why nobody may use a layer; `None` if everybody may.
    pub(crate) fn layer_quarantine(
        &self,
        layer: &LayerName,
    ) -> Result<Option<LayerQuarantine>, StoreError> {
        match self.layers.folder_if_there(layer.as_str())? {
            Some(folder) => records::read(&folder, QUARANTINE),
            None => Ok(None),
        }
    }

    /// Marks layers, or takes their marks away where there are no findings. The caller holds the lock
    /// of the layers.
    pub(crate) fn mark_layers(
        &self,
        found: &BTreeMap<LayerName, Vec<String>>,
    ) -> Result<(), StoreError> {
        let now = jiff::Timestamp::now();
        for (layer, findings) in found {
            let Some(folder) = self.layers.folder_if_there(layer.as_str())? else {
                continue;
            };
            if findings.is_empty() {
                remove(&folder, QUARANTINE)?;
            } else {
                let mark = LayerQuarantine::new(findings.clone(), now);
                records::write(&folder, QUARANTINE, &mark)?;
            }
        }
        Ok(())
    }

    /// Takes the marks away from layers that are well by now, and from the generations that had no
    /// others. The caller holds no project and not the layers.
    pub(crate) fn lift(&self, layers: &BTreeSet<LayerName>) -> Result<(), StoreError> {
        if layers.is_empty() {
            return Ok(());
        }
        for id in self.projects()? {
            let project = self.project_folder(&id)?;
            if marked(&project)?.is_empty() {
                continue;
            }
            let _lock = project::lock_project(&project, &id)?;
            for generation in marked(&project)? {
                change(&project, generation, |mark| {
                    mark.layers.retain(|layer, _| !layers.contains(layer));
                })?;
            }
        }
        let _lock = self.lock_layers()?;
        let well = layers.iter().map(|layer| (layer.clone(), Vec::new()));
        self.mark_layers(&well.collect())
    }
}

/// The mark of a generation.
pub(crate) fn of_generation(
    project: &Handle,
    generation: Generation,
) -> Result<Option<GenerationQuarantine>, StoreError> {
    records::read(project, &generation_quarantine(generation))
}

/// The generations of a project that have a mark.
pub(crate) fn marked(project: &Handle) -> Result<Vec<Generation>, StoreError> {
    let names = project.names(usize::MAX)?;
    Ok(names
        .iter()
        .filter_map(|name| generation_of_quarantine(name.to_str()?))
        .collect())
}

/// The marks of generations that are gone: a later generation may get the number.
pub(crate) fn stale(project: &Handle) -> Result<Vec<Generation>, StoreError> {
    let mut marked = marked(project)?;
    if !marked.is_empty() {
        let there = generation::generations(project)?;
        marked.retain(|generation| !there.contains(generation));
    }
    Ok(marked)
}

/// Removes the marks of generations that are gone. The caller holds the project.
pub(crate) fn clear_stale(project: &Handle) -> Result<(), StoreError> {
    for generation in stale(project)? {
        remove(project, &generation_quarantine(generation))?;
    }
    Ok(())
}

/// Changes the mark of a generation; one without reasons is removed. The caller holds the project.
pub(crate) fn change(
    project: &Handle,
    generation: Generation,
    change: impl FnOnce(&mut GenerationQuarantine),
) -> Result<(), StoreError> {
    let name = generation_quarantine(generation);
    let old = of_generation(project, generation)?;
    let mut mark = match &old {
        Some(old) => old.clone(),
        None => GenerationQuarantine::new(jiff::Timestamp::now()),
    };
    change(&mut mark);
    // A mark without its generation would meet the next one of that number.
    let there = project.stat(generation.folder())?.is_some();
    if mark.is_empty() || !there {
        return forget(project, generation);
    }
    if old.as_ref() == Some(&mark) {
        return Ok(());
    }
    records::write(project, &name, &mark)
}

/// Removes the mark of a generation. The caller holds the project.
pub(crate) fn forget(project: &Handle, generation: Generation) -> Result<(), StoreError> {
    remove(project, &generation_quarantine(generation))
}

fn remove(folder: &Handle, name: &str) -> Result<(), StoreError> {
    // A filesystem that can only be read refuses to remove also what is not there.
    if folder.stat(name)?.is_none() {
        return Ok(());
    }
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => folder.sync(),
        Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(StoreError::io("remove", folder.path().join(name), e)),
    }
}
