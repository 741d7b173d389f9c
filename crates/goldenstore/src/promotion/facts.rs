use std::collections::{BTreeMap, BTreeSet};

use cachecore::dataroot::{self, DataRoot, Seat};
use cachecore::id::LayerName;
use cachecore::promotion::{self, LayerAction, Plan, Volumes};
use cachecore::record::Form;

use crate::error::StoreError;
use crate::layers;
use crate::liveness::{self, NoDaemon};
use crate::parts::Parts;
use crate::reader;
use crate::store::Store;
use crate::subvolumes;

/// A data root that may become a generation, and what has to be done for it.
pub(crate) struct Examined {
    pub(crate) root: DataRoot,
    pub(crate) plan: Plan,
    /// How far owners are shifted by a user-namespace remapping.
    pub(crate) shift: u32,
    /// Layers with a quarantine that is lifted when the promotion is through.
    pub(crate) well: BTreeSet<LayerName>,
    /// Keeps daemons away while the plan is carried out.
    pub(crate) _no_daemon: NoDaemon,
}

impl Store {
    /// Reads and checks a data root, which is to become a generation of this form. Changes nothing.
    pub(crate) fn examine(
        &self,
        parts: &Parts,
        form: Form,
        volumes: &Volumes,
    ) -> Result<Examined, StoreError> {
        let no_daemon = liveness::prove_stopped(parts)?;
        let listing = reader::read(parts)?;
        let root = dataroot::survey(&listing, &self.layout().layers());
        let plan = promotion::plan(&listing, &root, form, volumes, &self.known_layers()?).map_err(
            |refusal| StoreError::Refused {
                data_root: parts.docker().path().to_owned(),
                refusal,
            },
        )?;
        // After the plan: a driver that keeps layers in subvolumes is refused by its name.
        for (_, folder) in parts.each() {
            subvolumes::refuse_nested(folder)?;
        }
        if let Some(volume) = plan.volumes_missing.first() {
            return Err(StoreError::UnknownVolume {
                volume: volume.clone(),
            });
        }
        // One containerd may have unpacked the same layer for several of its namespaces.
        let mut brought = BTreeMap::new();
        for step in plan.layers.iter().filter(|step| !step.layer.is_blob()) {
            let open = |seat: &Seat| parts.seat(seat)?.folder(seat.name());
            match step.action {
                LayerAction::Adopt => {
                    brought.insert(&step.layer, &step.folder);
                }
                LayerAction::Replace => {
                    if self.layer_quarantine(&step.layer)?.is_some() {
                        // Whether it is what the damaged one should be is for the verification to say.
                        continue;
                    }
                    match brought.get(&step.layer) {
                        Some(twin) => {
                            layers::compare(&open(twin)?, &open(&step.folder)?, &step.layer)?
                        }
                        None => {
                            let folder = parts.seat(&step.folder)?;
                            self.compare_layer(&folder, &step.folder, &step.layer)?;
                        }
                    }
                }
                LayerAction::Keep | LayerAction::Repair => {}
            }
        }
        Ok(Examined {
            shift: listing.overlay2.as_ref().map_or(0, |facts| facts.owner_gid),
            well: BTreeSet::new(),
            root,
            plan,
            _no_daemon: no_daemon,
        })
    }

    /// Makes sure that every blob that comes in is what its name says. Changes nothing.
    pub(crate) fn prove_blobs(&self, parts: &Parts, plan: &Plan) -> Result<(), StoreError> {
        for step in &plan.layers {
            if step.layer.is_blob() && step.action != LayerAction::Keep {
                let folder = parts.seat(&step.folder)?;
                self.compare_layer(&folder, &step.folder, &step.layer)?;
            }
        }
        Ok(())
    }
}
