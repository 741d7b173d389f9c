use std::time::Duration;

use cachecore::id::SessionId;
use cachecore::layout::{self, session_folder};
use cachecore::record::{LeaseEnd, Purpose, SessionRecord};
use rustix::fs::Stat;

use super::StartReport;
use super::listing::read_record;
use crate::error::StoreError;
use crate::handle::Handle;
use crate::lock::{self, Lock, Mode};
use crate::records;
use crate::store::Store;

/// How long to wait for a session's lock: whoever lists the sessions takes it for an instant.
const GLANCE: Duration = Duration::from_millis(300);

/// A session that belongs to a running command. When the process ends, however it ends, the lock on
/// the session's folder goes with it, and the next command discards the session.
#[derive(Debug)]
pub struct HeldSession {
    /// How the session was started.
    pub report: StartReport,
    pub(crate) _lock: Lock,
}

impl Store {
    /// Takes a session for a piece of work, so that nobody else removes or promotes it meanwhile.
    pub(crate) fn hold(&self, session: &SessionId) -> Result<Lock, StoreError> {
        loop {
            let folder = self.session_handle(session)?;
            let stat = folder.own_stat()?;
            let held = lock::lock(
                folder.into_file(),
                Mode::Exclusive,
                &format!("session {session}"),
                GLANCE,
            )?;
            if self.is_session(session, &stat)? {
                return Ok(held);
            }
        }
    }

    /// Takes a session if it is there and nobody has it.
    pub(crate) fn try_hold(&self, session: &SessionId) -> Result<Option<Lock>, StoreError> {
        let Some(folder) = self.sessions.folder_if_there(session_folder(session))? else {
            return Ok(None);
        };
        let stat = folder.own_stat()?;
        let held = lock::try_lock(folder.into_file(), Mode::Exclusive)?;
        Ok(held.filter(|_| self.is_session(session, &stat).unwrap_or(false)))
    }

    /// Whether a folder is the session's still: while its lock was waited for, the session may have
    /// been removed and another started by the same id.
    fn is_session(&self, session: &SessionId, stat: &Stat) -> Result<bool, StoreError> {
        let now = self.sessions.stat(session_folder(session))?;
        Ok(now.is_some_and(|now| (now.st_dev, now.st_ino) == (stat.st_dev, stat.st_ino)))
    }

    /// Whether a command works in a session right now.
    pub(crate) fn is_held(&self, session: &SessionId) -> Result<bool, StoreError> {
        let file = self.session_handle(session)?.into_file();
        // Shared, because others who only look do not hold it.
        Ok(lock::try_lock(file, Mode::Shared)?.is_none())
    }

    /// A session's folder.
    pub(crate) fn session_handle(&self, session: &SessionId) -> Result<Handle, StoreError> {
        self.sessions
            .folder_if_there(session_folder(session))?
            .ok_or_else(|| StoreError::UnknownSession {
                session: session.clone(),
            })
    }

    /// A session's record.
    ///
    /// # Errors
    /// [`StoreError`] if the session is not known or its record cannot be used.
    pub fn session(&self, session: &SessionId) -> Result<SessionRecord, StoreError> {
        read_record(&self.session_handle(session)?)
    }

    /// Lets a held session live on after the command that started it, until it is removed.
    ///
    /// # Errors
    /// [`StoreError`] if its record cannot be written.
    pub fn keep_session(&self, held: HeldSession) -> Result<StartReport, StoreError> {
        let session = &held.report.session;
        let mut record = self.session(session)?;
        record.purpose = Purpose::Session;
        record.lease.ends = LeaseEnd::Removal;
        records::write(
            &self.session_handle(session)?,
            layout::SESSION_RECORD,
            &record,
        )?;
        Ok(held.report)
    }
}
