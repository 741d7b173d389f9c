//! Promotion: a session's data root becomes the project's next generation.
//!
//! In this order, so that a kill between any two steps loses nothing and the same promotion run
//! again finishes the work:
//!
//! 1. Everything is checked: known layers are compared, new ones verified against their diff ids.
//!    Nothing has changed so far.
//! 2. The session is marked as promoting.
//! 3. New layers are swapped into `layers/`, one by one; each leaves a link behind.
//! 4. Known layers are swapped for links; containers, networks and identities go to the trash. A
//!    data root that is a subvolume keeps its layers, and is closed to every change instead.
//! 5. The manifest is written into the session's folder, and the filesystem is flushed.
//! 6. The session's folder is renamed to `gen-…`: **the generation exists**.
//! 7. `current` is swapped: **the generation serves**.
//! 8. The project's state says so, and the session's record leaves the generation's folder. As long
//!    as it is there the promotion is not finished, and the next command finishes it
//!    ([`Store::roll_forward`]).

mod facts;
mod steps;

pub(crate) use facts::{Examined, Proved};

use std::collections::{BTreeMap, BTreeSet};

use cachecore::id::{Generation, LayerName, ProjectId, SessionId};
use cachecore::layout::{self, session_folder};
use cachecore::promotion::{LayerAction, Plan, Volumes};
use cachecore::record::{
    Contents, FORMAT, Form, LayerRecord, Manifest, Origin, Other, Purpose, SessionRecord,
    SessionStage, Sizes,
};
use jiff::Timestamp;
use rustix::fs::RenameFlags;
use serde::Serialize;
use treeclone::Observer;

use crate::error::StoreError;
use crate::generation;
use crate::parts::Parts;
use crate::project;
use crate::quarantine;
use crate::records;
use crate::session::HeldSession;
use crate::store::Store;
use crate::subvolumes;

/// How to promote.
#[derive(Debug, Clone, Default)]
pub struct PromoteOptions {
    /// Whether to promote although the project has moved on to another generation.
    pub force: bool,
    /// Which volumes the generation keeps.
    pub volumes: Volumes,
    /// The source revision to note in the manifest.
    pub revision: Option<String>,
    /// The engine's version to note in the manifest.
    pub engine: Option<String>,
    /// The SHA-256 of the startup file to note in the manifest, in hex.
    pub startup_sha256: Option<String>,
    /// Whether to take new layers without reading them: whoever made the data root is trusted with
    /// every project that shares layers by their chain ids.
    pub trust_layers: bool,
}

/// What a promotion did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromoteReport {
    /// The project.
    pub project: ProjectId,
    /// The session that became the generation.
    pub session: SessionId,
    /// The generation.
    pub generation: Generation,
    /// How many layers it has.
    pub layers: u64,
    /// How many of them were new to the store.
    pub layers_moved: u64,
    /// Its sizes.
    pub sizes: Sizes,
    /// What was left out, and other things worth knowing.
    pub notes: Vec<String>,
}

impl Store {
    /// Promotes a session: its data root becomes the next generation, and the session is gone.
    ///
    /// A promotion that was cut short is finished when it is asked for again.
    ///
    /// # Errors
    /// [`StoreError`]; the golden that served before serves on. Refusals (a live daemon, a data root
    /// that is damaged or none, a project that moved on) leave the session as it was.
    pub fn promote_session(
        &self,
        session: &SessionId,
        options: &PromoteOptions,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        self.recover()?;
        let report = {
            let _shared = self.share()?;
            let _hold = match self.hold(session) {
                Ok(hold) => hold,
                Err(e @ StoreError::UnknownSession { .. }) => {
                    return self.promoted_before(session)?.ok_or(e);
                }
                Err(e) => return Err(e),
            };
            let record = self.session(session)?;
            let origin = match &record.purpose {
                Purpose::Session => Origin::Session {
                    session: session.clone(),
                },
                other => {
                    return Err(StoreError::NotPromotable {
                        session: session.clone(),
                        because: format!(
                            "it was made by `{}`, which promotes it itself",
                            other.name()
                        ),
                    });
                }
            };
            self.promote(&record, origin, options, observer)?
        };
        self.sweep(observer);
        Ok(report)
    }

    /// Promotes the session of a running command. Afterwards the session is gone, and `held` with it.
    ///
    /// # Errors
    /// As [`Store::promote_session`]; the session is still held.
    pub fn promote_held(
        &self,
        held: &HeldSession,
        options: &PromoteOptions,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        let report = {
            let _shared = self.share()?;
            let session = held.report.session.clone();
            let record = self.session(&session)?;
            let origin = match &record.purpose {
                Purpose::Build { build } => Origin::Build {
                    build: build.clone(),
                    session,
                },
                _ => Origin::Session { session },
            };
            self.promote(&record, origin, options, observer)?
        };
        self.sweep(observer);
        Ok(report)
    }

    /// The report of a promotion that an earlier, interrupted run has finished but could not tell.
    pub(crate) fn promoted_before(
        &self,
        session: &SessionId,
    ) -> Result<Option<PromoteReport>, StoreError> {
        for project in self.projects()? {
            let Some(manifest) = self.serving(&project)? else {
                continue;
            };
            if manifest.origin.session() == session {
                return Ok(Some(PromoteReport {
                    notes: vec!["an earlier run had promoted it already".to_owned()],
                    ..report(&manifest, 0)
                }));
            }
        }
        Ok(None)
    }

    /// The promotion itself. The caller shares the store and holds the session.
    fn promote(
        &self,
        record: &SessionRecord,
        origin: Origin,
        options: &PromoteOptions,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        self.promote_proved(record, origin, options, &Proved::default(), observer)
    }

    /// The same for layers of which some were proved already by this very command.
    pub(crate) fn promote_proved(
        &self,
        record: &SessionRecord,
        origin: Origin,
        options: &PromoteOptions,
        before: &Proved,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        let (report, well) = self.promote_locked(record, origin, options, before, observer)?;
        if let Err(e) = self.lift(&well) {
            tracing::warn!(error = %e, "a quarantine is left for the next verification to lift");
        }
        Ok(report)
    }

    /// Gives also the layers that are well now, whatever was found of them before.
    fn promote_locked(
        &self,
        record: &SessionRecord,
        origin: Origin,
        options: &PromoteOptions,
        before: &Proved,
        observer: &dyn Observer,
    ) -> Result<(PromoteReport, BTreeSet<LayerName>), StoreError> {
        let session = &record.session;
        let folder = self.session_handle(session)?;
        let parts = Parts::of_session(&folder)?.ok_or_else(|| StoreError::Unexpected {
            path: folder.path().join(layout::DOCKER),
            expected: "there",
        })?;
        let standing = match self.current(&record.project) {
            Err(StoreError::UnknownProject { .. }) => None,
            current => current?,
        };
        not_moved_on(record, standing, options)?;
        // Before the project is locked, which others wait for, and before it is made: a refusal
        // leaves no trace.
        let form = subvolumes::form_of(&parts)?;
        let mut examined = self.examine(&parts, form, &options.volumes)?;
        let trusted = options.trust_layers;
        let proved = self.prove_layers(&parts, &mut examined, before, trusted, observer)?;
        let project = self.make_project_folder(&record.project)?;
        let _lock = project::lock_project(&project, &record.project)?;
        let current = self.roll_forward(&record.project, &project)?;
        not_moved_on(record, current, options)?;

        let mut promoting = record.clone();
        promoting.stage = SessionStage::Promoting;
        records::write(&folder, layout::SESSION_RECORD, &promoting)?;
        if form == Form::Whole {
            // Received, or closed by an earlier run.
            for (_, folder) in parts.each() {
                subvolumes::set_read_only(folder, false)?;
            }
        }
        let moved = self.settle_layers(&parts, &examined.plan)?;
        self.drop_what_is_not_kept(parts.docker(), form, &examined.plan)?;

        let next = Generation::after(generation::generations(&project)?.pop());
        let layers = self.layer_records(&examined.plan, &record.project, current)?;
        let own = parts.measure()?;
        let manifest = Manifest {
            format: FORMAT,
            project: record.project.clone(),
            generation: next,
            base: record.generation,
            kind: examined.root.kind,
            sizes: match form {
                Form::Layered => Sizes {
                    shared_bytes: layers.iter().map(|layer| layer.bytes).sum(),
                    mutable_bytes: own.allocated,
                    mutable_entries: own.entries,
                },
                Form::Whole => Sizes {
                    shared_bytes: own.allocated,
                    mutable_bytes: 0,
                    mutable_entries: 0,
                },
            },
            form,
            containerd: parts.containerd().is_some(),
            layers,
            origin,
            engine: options.engine.clone(),
            revision: options.revision.clone(),
            startup_sha256: options.startup_sha256.clone(),
            nested: examined.root.nested,
            promoted_at: Timestamp::now(),
            other: Other::new(),
        };
        records::write(&folder, layout::MANIFEST, &manifest)?;
        quarantine::forget(&project, next)?;
        if form == Form::Whole {
            for (_, folder) in parts.each() {
                subvolumes::set_read_only(folder, true)?;
            }
        }
        parts.docker().sync_filesystem()?;
        self.sessions
            .rename(
                session_folder(session),
                &project,
                next.folder(),
                RenameFlags::NOREPLACE,
            )
            .map_err(|e| StoreError::io("promote", folder.path(), e))?;
        project.sync()?;
        self.sessions.sync()?;
        self.finish_promotion(&record.project, &project, next)?;
        let mut notes = notes(&manifest, &examined.plan);
        notes.extend(proved.note());
        notes.extend(examined.root.notes);
        let report = PromoteReport {
            notes,
            ..report(&manifest, moved)
        };
        Ok((report, examined.well))
    }

    /// The layers with their sizes: known from the serving generation, or measured.
    fn layer_records(
        &self,
        plan: &Plan,
        project: &ProjectId,
        current: Option<Generation>,
    ) -> Result<Vec<LayerRecord>, StoreError> {
        let mut sizes: BTreeMap<LayerName, (u64, Option<Contents>)> = BTreeMap::new();
        if let Some(current) = current {
            let manifest = self.manifest(project, current)?;
            sizes.extend(
                manifest
                    .layers
                    .into_iter()
                    .map(|layer| (layer.layer, (layer.bytes, layer.contents))),
            );
        }
        plan.layers
            .iter()
            .map(|step| {
                let known = sizes.get(&step.layer);
                let (bytes, contents) = match known.filter(|_| step.action != LayerAction::Repair) {
                    Some(known) => *known,
                    None => {
                        let size = self.layer_size(&step.layer)?;
                        let contents = Contents {
                            entries: size.entries,
                            bytes: size.apparent,
                        };
                        (size.allocated, Some(contents))
                    }
                };
                Ok(LayerRecord {
                    folder: step.folder.clone(),
                    layer: step.layer.clone(),
                    bytes,
                    contents,
                })
            })
            .collect()
    }
}

/// Compare and swap: the project must stand where the session was cloned from.
fn not_moved_on(
    record: &SessionRecord,
    current: Option<Generation>,
    options: &PromoteOptions,
) -> Result<(), StoreError> {
    if current == record.generation || options.force {
        return Ok(());
    }
    Err(StoreError::MovedOn {
        session: record.session.clone(),
        project: record.project.clone(),
        base: record.generation,
        current,
    })
}

/// The note about volumes that a plan drops, if it drops any.
pub(crate) fn volumes_left_out(plan: &Plan) -> Option<String> {
    let volumes = plan
        .drops
        .iter()
        .filter(|drop| drop.path.starts_with(b"volumes/"))
        .count();
    (volumes > 0).then(|| format!("{volumes} volumes were left out"))
}

fn report(manifest: &Manifest, layers_moved: u64) -> PromoteReport {
    PromoteReport {
        project: manifest.project.clone(),
        session: manifest.origin.session().clone(),
        generation: manifest.generation,
        layers: manifest.layers.len() as u64,
        layers_moved,
        sizes: manifest.sizes,
        notes: Vec::new(),
    }
}

fn notes(manifest: &Manifest, plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    let replaced = plan
        .layers
        .iter()
        .filter(|step| step.action == LayerAction::Replace)
        .count();
    if replaced > 0 {
        notes.push(format!(
            "{replaced} layers were in the store already and became links"
        ));
    }
    notes.extend(volumes_left_out(plan));
    notes.extend(manifest.nested.iter().map(|nested| {
        format!(
            "volume {} holds a data root of its own: sessions copy it, they cannot link it",
            nested.volume
        )
    }));
    notes
}
