use std::collections::{BTreeMap, BTreeSet};

use cachecore::dataroot::{self, DataRoot, Seat};
use cachecore::id::{CacheId, LayerName};
use cachecore::promotion::{self, LayerAction, LayerStep, Plan, Volumes};
use cachecore::record::Form;
use treeclone::Observer;

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

/// What was read of a data root's layers and found well, by what was to be done with each.
#[derive(Default)]
pub(crate) struct Proved {
    pub(crate) steps: BTreeSet<(Seat, LayerName, LayerAction)>,
    /// Folders whose layers cannot be verified and stay apart.
    pub(crate) apart: BTreeSet<CacheId>,
}

impl Proved {
    pub(crate) fn key(step: &LayerStep) -> (Seat, LayerName, LayerAction) {
        (step.folder.clone(), step.layer.clone(), step.action)
    }

    /// What is worth noting of it.
    pub(crate) fn note(&self) -> Option<String> {
        (!self.apart.is_empty()).then(|| {
            format!(
                "{} layers cannot be verified by their archives: they are kept apart, \
                 not shared by their chain ids",
                self.apart.len()
            )
        })
    }
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
        Ok(Examined {
            shift: listing.overlay2.as_ref().map_or(0, |facts| facts.owner_gid),
            well: BTreeSet::new(),
            root,
            plan,
            _no_daemon: no_daemon,
        })
    }

    /// Makes sure that what would come into the store, or be taken for what the store has, is what its
    /// name says; what `before` has proved is not read again. Changes the plan where a layer has to stay
    /// apart or takes the place of a damaged one, and nothing else.
    pub(crate) fn prove_layers(
        &self,
        parts: &Parts,
        examined: &mut Examined,
        before: &Proved,
        trusted: bool,
        observer: &dyn Observer,
    ) -> Result<Proved, StoreError> {
        let mut proved = Proved::default();
        // One containerd may have unpacked the same layer for several of its namespaces.
        let mut brought = BTreeMap::new();
        for step in &examined.plan.layers {
            if step.action == LayerAction::Adopt {
                brought.insert(&step.layer, &step.folder);
            }
            let known = match step.layer.is_blob() {
                true => step.action == LayerAction::Keep,
                false => step.action != LayerAction::Replace,
            };
            if known {
                continue;
            }
            if !step.layer.is_blob() && self.layer_quarantine(&step.layer)?.is_some() {
                // Whether it is what the damaged one should be is for the verification to say.
                continue;
            }
            if !before.steps.contains(&Proved::key(step)) {
                let folder = parts.seat(&step.folder)?;
                match brought.get(&step.layer).filter(|_| !step.layer.is_blob()) {
                    Some(twin) => {
                        let twin = parts.seat(twin)?.folder(twin.name())?;
                        let own = folder.folder(step.folder.name())?;
                        layers::compare(&twin, &own, &step.layer)?;
                    }
                    None => self.compare_layer(&folder, &step.folder, &step.layer)?,
                }
            }
            proved.steps.insert(Proved::key(step));
        }
        self.verify_new(
            parts.docker(),
            examined,
            before,
            &mut proved,
            trusted,
            observer,
        )?;
        Ok(proved)
    }
}
