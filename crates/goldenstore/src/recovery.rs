//! Making good what a killed command left. Every command that changes the store begins with it.
//!
//! | left by a kill in | found as | made good by |
//! |---|---|---|
//! | `session start`, `import --copy` | `sessions/.starting-…` | discarded when nobody is starting |
//! | `build`, `run` | a session of theirs whose lock is free | discarded |
//! | `build` | a project that builds, whose build lock is free | marked as failed, or cancelled |
//! | a builder | a request that waits, and nobody builds | whoever asks next starts a builder |
//! | `promote`, after the rename | a generation that has its session's record | it begins to serve |
//! | `promote`, before the rename | a session that is promoting | the same promotion run again |
//! | `import` | its session | the same import run again |
//! | `rm`, `gc`, while they remove a golden | a project without `current`, or ready without a golden | the golden serves on, or its status is none |
//! | anything that writes a record | `.state.json.…`, `.current.…` beside it | removed |
//! | anything that removes | entries of `trash/` | deleted |

use std::time::Duration;

use cachecore::id::{Generation, ProjectId, SessionId};
use cachecore::layout::session_of_folder;
use cachecore::record::{BuildSummary, CutShort, LeaseEnd, Status};
use jiff::Timestamp;

use crate::error::{ErrorClass, StoreError};
use crate::generation;
use crate::handle::Handle;
use crate::interleave;
use crate::liveness;
use crate::parts::Parts;
use crate::project;
use crate::quarantine;
use crate::records;
use crate::session::STARTING;
use crate::store::Store;

/// How long to wait for the daemon of a killed command.
const LAST_BREATH: Duration = Duration::from_secs(3);

impl Store {
    /// Makes good what killed commands left in the store, as far as nobody works on it right now.
    /// Deletes nothing that takes long: that is left in the trash. Where nothing can be written, because
    /// the disk is full or read-only, it is left for later: who only looks is answered all the same.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or written.
    pub fn recover(&self) -> Result<(), StoreError> {
        self.collect_stagings().or_else(left_for_later)?;
        self.discard_orphans().or_else(left_for_later)?;
        for (project, error) in self.recover_projects()? {
            // One project's record, lost in a power cut, say, is no reason to stop all work.
            tracing::warn!(%project, %error, "left alone");
        }
        Ok(())
    }

    /// Makes good what killed commands left in the projects; gives those where it failed.
    pub(crate) fn recover_projects(&self) -> Result<Vec<(ProjectId, StoreError)>, StoreError> {
        let mut failed = Vec::new();
        for id in self.projects()? {
            let recovered = self
                .project_folder(&id)
                .and_then(|folder| self.recover_project(&id, &folder));
            if let Err(e) = recovered {
                failed.push((id, e));
            }
        }
        Ok(failed)
    }

    /// Discards what killed starts left.
    pub(crate) fn collect_stagings(&self) -> Result<(), StoreError> {
        let is_staging = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(STARTING);
        if !self.sessions.names(usize::MAX)?.iter().any(is_staging) {
            return Ok(());
        }
        // Whoever starts a session shares the store until its folder has its name.
        let Some(_nobody_starts) = self.try_exclude()? else {
            return Ok(());
        };
        for name in self
            .sessions
            .names(usize::MAX)?
            .iter()
            .filter(|name| is_staging(name))
        {
            tracing::info!(name = %name.to_string_lossy(), "discarding what a killed start left");
            self.discard(&self.sessions, name)?;
        }
        Ok(())
    }

    /// Discards sessions whose command is gone.
    pub(crate) fn discard_orphans(&self) -> Result<(), StoreError> {
        for name in self.sessions.names(usize::MAX)? {
            let Some(session) = name.to_str().and_then(session_of_folder) else {
                continue;
            };
            // A session of its own stays one. The lock of such a one is not taken even for an instant:
            // whoever wants to work in it does not wait for it long.
            if self
                .session(&session)
                .is_ok_and(|record| record.lease.ends != LeaseEnd::Command)
            {
                continue;
            }
            // Its command may be about to keep it, so what the record says counts under its lock.
            let Some(_hold) = self.try_hold(&session)? else {
                continue;
            };
            let record = match self.session(&session) {
                Ok(record) => record,
                Err(e) => {
                    // One session's record, lost in a power cut, say, is no reason to stop all work.
                    tracing::warn!(%session, error = %e, "left alone");
                    continue;
                }
            };
            if record.lease.ends != LeaseEnd::Command {
                continue;
            }
            if !self.daemon_is_gone(&session)? {
                tracing::warn!(%session, "left for later: its daemon has not ended yet");
                continue;
            }
            tracing::info!(%session, "discarding a session whose command is gone");
            self.discard(&self.sessions, &name)?;
        }
        Ok(())
    }

    /// Whether the daemon of a killed command is gone. It was killed with its command, but ending its
    /// containers can take it a moment.
    fn daemon_is_gone(&self, session: &SessionId) -> Result<bool, StoreError> {
        let Some(parts) = Parts::of_session(&self.session_handle(session)?)? else {
            return Ok(true);
        };
        let mut patience = interleave::Patience::of(LAST_BREATH);
        loop {
            match liveness::prove_stopped(&parts) {
                Ok(_) => return Ok(true),
                Err(e) if e.class() != ErrorClass::Busy => return Err(e),
                Err(_) if patience.is_left() => interleave::wait(Duration::from_millis(10)),
                Err(_) => return Ok(false),
            }
        }
    }

    fn recover_project(&self, id: &ProjectId, folder: &Handle) -> Result<(), StoreError> {
        let died = self.build_died(id, folder)?;
        let unfinished = match generation::generations(folder)?.pop() {
            Some(newest) => generation::is_unfinished(folder, newest)?,
            None => false,
        };
        let says_ready = || -> Result<bool, StoreError> {
            Ok(project::read_state(folder, id)?.status == Status::Ready)
        };
        let lost = says_ready()? && generation::generations(folder)?.is_empty();
        let marks = !quarantine::stale(folder)?.is_empty();
        if !died && !unfinished && !lost && !marks && !records::has_asides(folder)? {
            return Ok(());
        }
        let Ok(_lock) = project::lock_project(folder, id) else {
            return Ok(());
        };
        records::clear_asides(folder)?;
        quarantine::clear_stale(folder)?;
        let serving = self.roll_forward(id, folder)?;
        // Whoever has removed it may have said so by now.
        if lost && serving.is_none() && says_ready()? {
            project::update_state(folder, id, |state| {
                state.lost_golden("its golden was removed");
            })?;
        }
        // Meanwhile it may have ended by itself, and another may have begun.
        if !self.build_died(id, folder)? {
            return Ok(());
        }
        self.note_dead_build(id, folder, serving)
    }

    fn build_died(&self, id: &ProjectId, folder: &Handle) -> Result<bool, StoreError> {
        let builds = project::read_state(folder, id)?.status == Status::Building;
        Ok(builds && !self.builds_now(folder)?)
    }

    /// Marks the build that the state names as ended: the command that ran it is gone. The caller
    /// holds the project's lock, and knows that nobody builds.
    pub(crate) fn note_dead_build(
        &self,
        id: &ProjectId,
        folder: &Handle,
        serving: Option<Generation>,
    ) -> Result<(), StoreError> {
        project::update_state(folder, id, |state| {
            let Some(building) = state.building.clone() else {
                state.status = if serving.is_some() {
                    Status::Ready
                } else {
                    Status::None
                };
                return;
            };
            let promoted = serving.filter(|generation| {
                self.manifest(id, *generation)
                    .is_ok_and(|manifest| *manifest.origin.session() == building.session)
            });
            let (cut_short, reason) = match (promoted, building.cancelled_at) {
                (Some(_), _) => (
                    None,
                    "the build was promoted; the command that ran it was killed just after"
                        .to_owned(),
                ),
                (None, Some(_)) => (
                    Some(CutShort::Cancelled),
                    format!("build {} was cancelled", building.build),
                ),
                (None, None) => (
                    Some(CutShort::Killed),
                    "the command that ran the build was killed".to_owned(),
                ),
            };
            let summary = BuildSummary {
                build: building.build,
                generation: promoted,
                reason,
                revision: building.revision,
                cut_short,
                started_at: building.started_at,
                ended_at: Timestamp::now(),
            };
            state.end(summary, serving);
        })?;
        Ok(())
    }
}

fn left_for_later(error: StoreError) -> Result<(), StoreError> {
    if !error.nothing_can_be_written() {
        return Err(error);
    }
    tracing::warn!(%error, "what killed commands left is left for later");
    Ok(())
}
