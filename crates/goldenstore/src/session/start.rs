use std::time::{Duration, Instant};

use cachecore::dataroot::Part;
use cachecore::id::{Generation, ProjectId, SessionId};
use cachecore::layout::{self, session_folder};
use cachecore::record::{
    FORMAT, Form, Lease, LeaseEnd, Manifest, Other, Purpose, SessionRecord, SessionStage,
};
use cachecore::strategy::{self, Facts, Requested, Strategy};
use camino::Utf8PathBuf;
use jiff::Timestamp;
use rustix::fs::RenameFlags;
use rustix::io::Errno;
use serde::Serialize;
use treeclone::Observer;

use super::{HeldSession, MountSpec};
use crate::clone::Cloned;
use crate::error::StoreError;
use crate::generation;
use crate::handle::Handle;
use crate::lock::{self, Lock, Mode};
use crate::nonce;
use crate::records;
use crate::store::Store;

/// What sessions that are being put together are called.
pub(crate) const STARTING: &str = ".starting-";

/// A session to start.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// Whose golden to clone.
    pub project: ProjectId,
    /// The session's id.
    pub session: SessionId,
    /// How to clone.
    pub strategy: Requested,
    /// Whether a project without a golden gives an empty data root instead of an error.
    pub or_empty: bool,
    /// How long the session may lie idle until a collection may remove it; `None` leaves that to
    /// whoever collects.
    pub expires: Option<Duration>,
    /// An earlier generation to clone instead of the one that serves.
    pub generation: Option<Generation>,
    /// Whether to start with an empty data root although there is a golden.
    pub fresh: bool,
    /// Whether the session gets a folder for a containerd that is a service of its own, also where the
    /// golden has none.
    pub containerd: bool,
}

impl StartRequest {
    /// A session from the project's golden, cloned in the best way there is.
    pub fn new(project: ProjectId, session: SessionId) -> Self {
        Self {
            project,
            session,
            strategy: Requested::Auto,
            or_empty: false,
            expires: None,
            generation: None,
            fresh: false,
            containerd: false,
        }
    }
}

/// How a session was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartReport {
    /// The session.
    pub session: SessionId,
    /// Whose golden was cloned.
    pub project: ProjectId,
    /// Which generation of it; `None` where the session started cold.
    pub generation: Option<Generation>,
    /// How it was cloned.
    pub strategy: Strategy,
    /// Why so, and why not better.
    pub why: Vec<String>,
    /// The session's own data root, on the host.
    pub data_root: Utf8PathBuf,
    /// The root of its containerd, on the host, where that lies outside the data root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containerd: Option<Utf8PathBuf>,
    /// What to mount into the session.
    pub mounts: Vec<MountSpec>,
    /// How many layers the golden has in the store; none where it has them inside.
    pub layers: u64,
    /// Bytes on disk that the session shares: layers by link, files by their blocks, or all of the
    /// golden by snapshot.
    pub bytes_shared: u64,
    /// Bytes that were copied.
    pub bytes_copied: u64,
    /// Files that were made for the session, whether they share their blocks or not.
    pub files_copied: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

impl Store {
    /// Starts a session: a private, writable, complete clone of the project's golden.
    ///
    /// # Errors
    /// [`StoreError`] if the project is not known or has no golden, if the session exists, or if
    /// the clone fails; then nothing of the session is left.
    pub fn start_session(
        &self,
        request: &StartRequest,
        observer: &dyn Observer,
    ) -> Result<StartReport, StoreError> {
        self.start(request, Purpose::Session, LeaseEnd::Removal, observer)
            .map(|held| held.report)
    }

    /// Starts a session that lives no longer than this process, unless it is promoted or kept.
    ///
    /// # Errors
    /// As [`Store::start_session`].
    pub fn start_held_session(
        &self,
        request: &StartRequest,
        purpose: Purpose,
        observer: &dyn Observer,
    ) -> Result<HeldSession, StoreError> {
        self.start(request, purpose, LeaseEnd::Command, observer)
    }

    fn start(
        &self,
        request: &StartRequest,
        purpose: Purpose,
        ends: LeaseEnd,
        observer: &dyn Observer,
    ) -> Result<HeldSession, StoreError> {
        let begun = Instant::now();
        self.collect_stagings()?;
        let _shared = self.share()?;
        let folder = session_folder(&request.session);
        if self.sessions.stat(&folder)?.is_some() {
            return Err(StoreError::SessionExists {
                session: request.session.clone(),
            });
        }
        let golden = self.golden_of(request)?;
        let containerd = self.wants_containerd(request, golden.as_ref())?;
        let mut facts = Facts {
            golden: golden.as_ref().map(|golden| &golden.manifest.kind),
            form: golden
                .as_ref()
                .map_or(Form::Layered, |golden| golden.manifest.form),
            filesystem: self.filesystem()?,
            shares_blocks: false,
        };
        if strategy::depends_on_sharing(request.strategy, &facts) {
            facts.shares_blocks = self.shares_blocks()?;
        }
        let decision = strategy::choose(request.strategy, &facts)?;
        if let Some(golden) = &golden {
            self.prove_room_for(decision.strategy, &golden.manifest)?;
        }
        let staging = self.stage(&folder)?;
        let started = self
            .fill(&staging, golden.as_ref(), decision.strategy, observer)
            .and_then(|cloned| {
                if containerd && staging.folder.stat(Part::Containerd.name())?.is_none() {
                    self.make_empty(&staging.folder, Part::Containerd)?;
                }
                Ok(cloned)
            })
            .and_then(|cloned| {
                let now = Timestamp::now();
                let record = SessionRecord {
                    format: FORMAT,
                    session: request.session.clone(),
                    project: request.project.clone(),
                    generation: golden.as_ref().map(|golden| golden.manifest.generation),
                    purpose,
                    stage: SessionStage::Ready,
                    strategy: decision.strategy,
                    why: decision.why.clone(),
                    lease: Lease {
                        taken_at: now,
                        ends,
                        idle_seconds: request.expires.map(|idle| idle.as_secs()),
                    },
                    started_at: now,
                    other: Other::new(),
                };
                records::write_unflushed(&staging.folder, layout::SESSION_RECORD, &record)?;
                if let Some(golden) = &golden {
                    generation::touch_last_used(&golden.project)?;
                }
                self.publish(&staging, &folder, &request.session)?;
                Ok((cloned, record))
            });
        let (cloned, record) = match started {
            Ok(done) => done,
            Err(e) => {
                self.give_up(&staging);
                return Err(e);
            }
        };
        let report = StartReport {
            data_root: self.layout().session_data_root(&request.session),
            containerd: containerd.then(|| {
                self.layout()
                    .session_part(&request.session, Part::Containerd)
            }),
            mounts: self.mounts(&request.session, record.strategy, containerd),
            session: record.session,
            project: record.project,
            generation: record.generation,
            strategy: record.strategy,
            why: record.why,
            layers: cloned.layers,
            bytes_shared: cloned.bytes_shared,
            bytes_copied: cloned.bytes_copied,
            files_copied: cloned.files_copied,
            elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        Ok(HeldSession {
            report,
            _lock: staging.lock,
        })
    }

    /// The golden to clone; `None` for a session that starts cold.
    fn golden_of(&self, request: &StartRequest) -> Result<Option<Golden>, StoreError> {
        if request.fresh {
            return Ok(None);
        }
        let cold = |e: StoreError| if request.or_empty { Ok(None) } else { Err(e) };
        let project = match self.project_folder(&request.project) {
            Ok(project) => project,
            Err(e @ StoreError::UnknownProject { .. }) => return cold(e),
            Err(e) => return Err(e),
        };
        let Some(current) = generation::current(&project)? else {
            return cold(StoreError::NoGolden {
                project: request.project.clone(),
            });
        };
        let chosen = request.generation.unwrap_or(current);
        let folder = project.folder_if_there(chosen.folder())?.ok_or_else(|| {
            StoreError::UnknownGeneration {
                project: request.project.clone(),
                generation: chosen,
            }
        })?;
        self.refuse_quarantined(&request.project, &project, chosen)?;
        Ok(Some(Golden {
            manifest: generation::read_manifest(&folder)?,
            folder,
            project,
        }))
    }

    /// Clones into a staging folder.
    fn fill(
        &self,
        staging: &Staging,
        golden: Option<&Golden>,
        strategy: Strategy,
        observer: &dyn Observer,
    ) -> Result<Cloned, StoreError> {
        match golden {
            Some(golden) => self.clone_generation(
                strategy,
                &golden.manifest,
                &golden.folder,
                &staging.folder,
                observer,
            ),
            None => {
                self.make_empty(&staging.folder, Part::Docker)?;
                Ok(Cloned::default())
            }
        }
    }

    /// Makes a staging folder that is locked from the start.
    pub(crate) fn stage(&self, name: &str) -> Result<Staging, StoreError> {
        let name = format!("{STARTING}{name}-{}", nonce::fresh());
        let path = self.sessions.path().join(&name);
        self.sessions
            .make_folder(&name, 0o700)
            .map_err(|e| StoreError::io("make the folder", &path, e))?;
        let folder = self.sessions.folder(&name)?;
        let lock = lock::lock(
            self.sessions.folder(&name)?.into_file(),
            Mode::Exclusive,
            &name,
            lock::PATIENCE,
        )?;
        Ok(Staging { name, folder, lock })
    }

    /// Turns a staging folder into the session.
    pub(crate) fn publish(
        &self,
        staging: &Staging,
        folder: &str,
        session: &SessionId,
    ) -> Result<(), StoreError> {
        match self.sessions.rename(
            &staging.name,
            &self.sessions,
            folder,
            RenameFlags::NOREPLACE,
        ) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(StoreError::SessionExists {
                session: session.clone(),
            }),
            Err(e) => Err(StoreError::io(
                "publish",
                self.sessions.path().join(folder),
                e,
            )),
        }
    }

    /// Throws a staging folder away. What cannot be removed now is collected later.
    pub(crate) fn give_up(&self, staging: &Staging) {
        let name = staging.name.as_ref();
        let removed = self.remove_tree(&self.sessions, name, &treeclone::Silent);
        if let Err(e) = removed {
            tracing::warn!(folder = %staging.name, error = %e, "left for later");
        }
    }
}

/// The golden to clone, by the one look that is taken at it.
pub(super) struct Golden {
    pub(super) manifest: Manifest,
    pub(super) folder: Handle,
    pub(super) project: Handle,
}

/// A session that is being put together.
pub(crate) struct Staging {
    pub(crate) name: String,
    pub(crate) folder: Handle,
    pub(crate) lock: Lock,
}
