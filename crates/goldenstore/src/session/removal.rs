use cachecore::id::SessionId;
use cachecore::layout::session_folder;
use serde::Serialize;
use treeclone::Observer;

use super::HeldSession;
use crate::error::StoreError;
use crate::liveness;
use crate::parts::Parts;
use crate::store::Store;

/// What a removal did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovalReport {
    /// The session that is gone.
    pub session: SessionId,
    /// Files and folders that were deleted, left-overs of earlier removals included.
    pub entries: u64,
}

impl Store {
    /// Removes a session and everything in it. The golden and its layers stay.
    ///
    /// # Errors
    /// [`StoreError`] if the session is not known, if a command works in it, or if a daemon still
    /// runs on its data root.
    pub fn remove_session(
        &self,
        session: &SessionId,
        observer: &dyn Observer,
    ) -> Result<RemovalReport, StoreError> {
        let own = {
            let _shared = self.share()?;
            let _hold = self.hold(session)?;
            if let Some(parts) = Parts::of_session(&self.session_handle(session)?)? {
                liveness::prove_stopped(&parts)?;
            }
            self.discard(&self.sessions, session_folder(session))?
        };
        let entries = match self.empty_trash(observer) {
            Ok(entries) => entries,
            Err(e) => {
                // Something else that cannot be deleted is not this session's failure.
                let gone = match own {
                    Some(own) => self.trash.stat(own)?.is_none(),
                    None => true,
                };
                if !gone {
                    return Err(e);
                }
                tracing::warn!(error = %e, "the trash is left for later");
                0
            }
        };
        Ok(RemovalReport {
            session: session.clone(),
            entries,
        })
    }

    /// Throws away a held session, whatever state it is in.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be removed; it is out of sight all the same once it was renamed.
    pub fn discard_session(
        &self,
        held: HeldSession,
        observer: &dyn Observer,
    ) -> Result<(), StoreError> {
        self.discard(&self.sessions, session_folder(&held.report.session))?;
        drop(held);
        self.empty_trash(observer).map(drop)
    }
}
