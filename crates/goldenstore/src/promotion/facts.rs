use std::collections::BTreeSet;

use cachecore::dataroot::{self, DataRoot};
use cachecore::id::LayerName;
use cachecore::promotion::{self, LayerAction, Plan, Volumes};

use crate::error::StoreError;
use crate::handle::Handle;
use crate::liveness::{self, NoDaemon};
use crate::reader;
use crate::store::Store;

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
    /// Reads and checks a data root. Changes nothing.
    pub(crate) fn examine(
        &self,
        docker: &Handle,
        volumes: &Volumes,
    ) -> Result<Examined, StoreError> {
        let no_daemon = liveness::prove_stopped(docker)?;
        let listing = reader::read(docker)?;
        let root = dataroot::survey(&listing, &self.layout().layers());
        let plan = promotion::plan(&listing, &root, volumes, &self.known_layers()?).map_err(
            |refusal| StoreError::Refused {
                data_root: docker.path().to_owned(),
                refusal,
            },
        )?;
        if let Some(volume) = plan.volumes_missing.first() {
            return Err(StoreError::UnknownVolume {
                volume: volume.clone(),
            });
        }
        if let Some(folders) = docker.folder_if_there("overlay2")? {
            for step in plan
                .layers
                .iter()
                .filter(|step| step.action == LayerAction::Replace)
            {
                if self.layer_quarantine(&step.layer)?.is_some() {
                    // Whether it is what the damaged one should be is for the verification to say.
                    continue;
                }
                self.compare_layer(&folders.folder(step.folder.as_str())?, &step.layer)?;
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
}
