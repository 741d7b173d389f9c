use cachecore::layout::{self, session_of_folder};
use cachecore::record::SessionRecord;
use serde::Serialize;

use crate::error::StoreError;
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

impl Store {
    /// The store's sessions, in order of their ids. Those that vanish meanwhile are left out.
    ///
    /// # Errors
    /// [`StoreError`] if a session's record cannot be used.
    pub fn list_sessions(&self) -> Result<Vec<SessionInfo>, StoreError> {
        let mut found = Vec::new();
        for name in self.sessions.names(usize::MAX)? {
            let Some(session) = name.to_str().and_then(session_of_folder) else {
                continue;
            };
            let Some(folder) = self.sessions.folder_if_there(&name)? else {
                continue;
            };
            let Some(record) = records::read(&folder, layout::SESSION_RECORD)? else {
                continue;
            };
            let held = self.is_held(&session).unwrap_or(false);
            found.push(SessionInfo { record, held });
        }
        found.sort_by(|a, b| a.record.session.cmp(&b.record.session));
        Ok(found)
    }
}
