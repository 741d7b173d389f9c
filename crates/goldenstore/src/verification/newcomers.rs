//! New layers before they come into the store.
//!
//! A layer is shared by its chain id between projects that know nothing of each other. Whoever has
//! root in a session could put anything into a folder that `layerdb` gives a chain id, and the first
//! to bring it would decide for all. So a layer that comes in by its chain id is what the chain id
//! says, and what cannot be shown to be that comes in by the name of its folder.

use cachecore::dataroot::{Immutable, Judgement, Seat};
use cachecore::id::{CacheId, ChainId, LayerName};
use cachecore::layout::DIFF;
use cachecore::promotion::LayerAction;
use treeclone::Observer;

use super::contents::{self, Verdict};
use super::crew;
use super::description::{self, Found};
use crate::error::StoreError;
use crate::handle::Handle;
use crate::promotion::{Examined, Proved};
use crate::store::Store;

/// What is to be verified, and how it ended.
struct Newcomer {
    at: usize,
    folder: CacheId,
    layer: LayerName,
    chain: ChainId,
    /// The store has the layer, and it is in quarantine.
    damaged: bool,
}

enum Outcome {
    Sound,
    Apart,
    /// The newcomer is not what it should be, but what the store has is, by now.
    StoreIsWell,
    Unsound(String),
}

impl Store {
    /// Verifies what a promotion would bring into the store, and changes its plan where a layer has to
    /// stay apart or takes the place of a damaged one.
    pub(crate) fn verify_new(
        &self,
        docker: &Handle,
        examined: &mut Examined,
        before: &Proved,
        proved: &mut Proved,
        trusted: bool,
        observer: &dyn Observer,
    ) -> Result<(), StoreError> {
        let newcomers = self.newcomers(examined, trusted)?;
        let Some(folders) = docker.folder_if_there("overlay2")? else {
            return Ok(());
        };
        let outcomes = crew::each(&newcomers, observer, |newcomer, observer| {
            let step = &examined.plan.layers[newcomer.at];
            // What the store has for it may be another by now.
            if !newcomer.damaged && before.steps.contains(&Proved::key(step)) {
                return Ok(match before.apart.contains(&newcomer.folder) {
                    true => Outcome::Apart,
                    false => Outcome::Sound,
                });
            }
            let diff = folders.folder(newcomer.folder.as_str())?.folder(DIFF)?;
            self.judge(docker, &diff, newcomer, observer)
        })?;
        for (newcomer, outcome) in newcomers.iter().zip(outcomes) {
            let step = &mut examined.plan.layers[newcomer.at];
            if !newcomer.damaged {
                proved.steps.insert(Proved::key(step));
            }
            match outcome {
                Outcome::Sound => {
                    if newcomer.damaged {
                        step.action = LayerAction::Repair;
                    }
                    examined.well.insert(newcomer.layer.clone());
                }
                Outcome::StoreIsWell => {
                    examined.well.insert(newcomer.layer.clone());
                }
                Outcome::Apart => {
                    proved.apart.insert(newcomer.folder.clone());
                }
                Outcome::Unsound(difference) => {
                    return Err(StoreError::LayerUnsound {
                        layer: newcomer.layer.clone(),
                        difference,
                    });
                }
            }
        }
        examined
            .plan
            .set_apart(&proved.apart, examined.shift, &self.known_layers()?);
        Ok(())
    }

    fn newcomers(&self, examined: &Examined, trusted: bool) -> Result<Vec<Newcomer>, StoreError> {
        let mut newcomers = Vec::new();
        for (at, step) in examined.plan.layers.iter().enumerate() {
            let damaged = match step.action {
                LayerAction::Adopt => None,
                _ => match self.layer_quarantine(&step.layer)? {
                    None => continue,
                    Some(quarantine) => Some(quarantine),
                },
            };
            let folder = match &step.folder {
                Seat::Overlay2(folder) => Some(folder),
                // Blobs are proved by their names, and snapshots of containerd have no description.
                Seat::Snapshot(..) | Seat::Blob(..) => None,
            };
            let judged = folder.and_then(|folder| examined.root.folders.get(folder));
            let chain = match judged.map(|judged| &judged.judgement) {
                Some(Judgement::Immutable(Immutable::Committed { chain })) => {
                    step.layer.chain().or_else(|| Some(chain.clone()))
                }
                _ => None,
            };
            let damaged = match (damaged, &chain) {
                (Some(_), Some(_)) if step.action != LayerAction::Keep => true,
                (Some(quarantine), _) => {
                    return Err(StoreError::LayerQuarantined {
                        layer: step.layer.clone(),
                        finding: quarantine.findings.first().cloned().unwrap_or_default(),
                    });
                }
                (None, _) => false,
            };
            // Without a chain id nobody else can have it by its name, whatever is in it.
            let Some((chain, folder)) = chain.zip(folder) else {
                continue;
            };
            if damaged || !trusted {
                newcomers.push(Newcomer {
                    at,
                    folder: folder.clone(),
                    layer: step.layer.clone(),
                    chain,
                    damaged,
                });
            }
        }
        Ok(newcomers)
    }

    fn judge(
        &self,
        docker: &Handle,
        diff: &Handle,
        newcomer: &Newcomer,
        observer: &dyn Observer,
    ) -> Result<Outcome, StoreError> {
        let compare = |folder: &Handle| match description::find(docker, &newcomer.chain)? {
            Found::Description(description) => {
                let remapped = newcomer.layer.is_shifted();
                contents::compare(folder, *description, remapped, observer)
            }
            Found::None(why) => Ok(Verdict::Apart(why.to_owned())),
            Found::Bad(what) => Ok(Verdict::Differs(vec![what])),
        };
        Ok(match compare(diff)? {
            Verdict::Matches => Outcome::Sound,
            Verdict::Apart(why) => {
                tracing::info!(layer = %newcomer.layer, %why, "kept apart");
                Outcome::Apart
            }
            Verdict::Differs(differences) => {
                if newcomer.damaged {
                    let ours = self.layers.folder(newcomer.layer.as_str())?.folder(DIFF)?;
                    if compare(&ours)? == Verdict::Matches {
                        return Ok(Outcome::StoreIsWell);
                    }
                }
                Outcome::Unsound(differences.into_iter().next().unwrap_or_default())
            }
        })
    }
}
