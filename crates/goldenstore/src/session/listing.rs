use cachecore::id::SessionId;
use cachecore::layout::{self, session_of_folder};
use cachecore::record::SessionRecord;
use serde::Serialize;

use crate::error::StoreError;
use crate::handle::Handle;
use crate::records;
use crate::store::Store;

/// A session, as `session ls` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// Its record.
    pub record: SessionRecord,
    /// Whether a command works in it right now.
    pub held: bool,
}

/// A session whose record cannot be used: it can be removed, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusableSession {
    /// Its id.
    pub session: SessionId,
    /// What is wrong with it.
    pub unusable: String,
}

impl Store {
    /// The store's sessions, in order of their ids. Those that vanish meanwhile are left out, and so
    /// are those whose record cannot be used ([`Store::unusable_sessions`]).
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn list_sessions(&self) -> Result<Vec<SessionInfo>, StoreError> {
        let mut found = Vec::new();
        self.each_session(|session, record| {
            if let Ok(record) = record {
                let held = self.is_held(&session).unwrap_or(false);
                found.push(SessionInfo { record, held });
            }
        })?;
        found.sort_by(|a, b| a.record.session.cmp(&b.record.session));
        Ok(found)
    }

    /// The sessions whose records cannot be used, in order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn unusable_sessions(&self) -> Result<Vec<UnusableSession>, StoreError> {
        let mut found = Vec::new();
        self.each_session(|session, record| {
            if let Err(e) = record {
                let unusable = e.to_string();
                found.push(UnusableSession { session, unusable });
            }
        })?;
        found.sort_by(|a, b| a.session.cmp(&b.session));
        Ok(found)
    }

    fn each_session(
        &self,
        mut look: impl FnMut(SessionId, Result<SessionRecord, StoreError>),
    ) -> Result<(), StoreError> {
        for name in self.sessions.names(usize::MAX)? {
            let Some(session) = name.to_str().and_then(session_of_folder) else {
                continue;
            };
            let folder = match self.sessions.folder_if_there(&name) {
                Ok(None) => continue,
                Ok(Some(folder)) => folder,
                Err(e) => {
                    look(session, Err(e));
                    continue;
                }
            };
            match read_record(&folder) {
                // It was promoted or removed meanwhile.
                Err(_) if self.sessions.stat(&name)?.is_none() => {}
                record => look(session, record),
            }
        }
        Ok(())
    }
}

/// The record in a session's folder.
pub(crate) fn read_record(folder: &Handle) -> Result<SessionRecord, StoreError> {
    records::read(folder, layout::SESSION_RECORD)?.ok_or_else(|| StoreError::Unexpected {
        path: folder.path().join(layout::SESSION_RECORD),
        expected: "there",
    })
}
