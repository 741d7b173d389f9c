use std::collections::BTreeSet;

use cachecore::dataroot::{self, DataRoot, Seat};
use cachecore::id::LayerName;
use cachecore::promotion::{self, LayerAction, Plan, Volumes};
use cachecore::record::Form;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::liveness::{self, NoDaemon};
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
        docker: &Handle,
        form: Form,
        volumes: &Volumes,
    ) -> Result<Examined, StoreError> {
        let no_daemon = liveness::prove_stopped(docker)?;
        let listing = reader::read(docker)?;
        let root = dataroot::survey(&listing, &self.layout().layers());
        let plan = promotion::plan(&listing, &root, form, volumes, &self.known_layers()?).map_err(
            |refusal| StoreError::Refused {
                data_root: docker.path().to_owned(),
                refusal,
            },
        )?;
        // After the plan: a driver that keeps layers in subvolumes is refused by its name.
        subvolumes::refuse_nested(docker)?;
        if let Some(volume) = plan.volumes_missing.first() {
            return Err(StoreError::UnknownVolume {
                volume: volume.clone(),
            });
        }
        for step in &plan.layers {
            if step.action == LayerAction::Replace && !step.layer.is_blob() {
                let folder = seat_folder(docker, &step.folder)?;
                if !step.layer.is_blob() && self.layer_quarantine(&step.layer)?.is_some() {
                    // Whether it is what the damaged one should be is for the verification to say.
                    continue;
                }
                self.compare_layer(&folder, &step.folder, &step.layer)?;
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
    pub(crate) fn prove_blobs(&self, docker: &Handle, plan: &Plan) -> Result<(), StoreError> {
        let mut folder = None;
        for step in &plan.layers {
            if !step.layer.is_blob() || step.action == LayerAction::Keep {
                continue;
            }
            let folder = match &folder {
                Some(folder) => folder,
                None => folder.insert(seat_folder(docker, &step.folder)?),
            };
            self.compare_layer(folder, &step.folder, &step.layer)?;
        }
        Ok(())
    }
}

/// The folder of a data root that a layer's link lies in.
pub(crate) fn seat_folder(docker: &Handle, seat: &Seat) -> Result<Handle, StoreError> {
    let path = seat.folder();
    docker
        .descend(path.as_bytes())?
        .ok_or_else(|| StoreError::Unexpected {
            path: docker.path().join(path.as_ref()),
            expected: "there",
        })
}
