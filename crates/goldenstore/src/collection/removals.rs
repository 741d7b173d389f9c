use cachecore::collection::{CollectionPlan, Item, Removal, Unjudged};
use cachecore::id::{Generation, ProjectId, SessionId};
use cachecore::layout::{SHARING_RECORD, session_folder, session_of_folder};
use treeclone::Observer;

use crate::error::{ErrorClass, StoreError};
use crate::liveness;
use crate::parts::Parts;
use crate::project;
use crate::quarantine;
use crate::records;
use crate::store::Store;

/// What would not go. Since the plan was made, a builder may have begun, say.
pub(super) fn stays(what: String, error: &StoreError) -> Unjudged {
    Unjudged {
        what,
        because: error.to_string(),
        busy: error.class() == ErrorClass::Busy,
    }
}

impl Store {
    /// Renames what a plan removes into the trash, and gives what would not go. The caller has the
    /// store to itself.
    pub(super) fn carry_out(
        &self,
        plan: &CollectionPlan,
        observer: &dyn Observer,
    ) -> Result<Vec<Unjudged>, StoreError> {
        let mut failed = Vec::new();
        let interrupted = |removed| StoreError::CollectionInterrupted {
            removed,
            planned: plan.removals.len(),
        };
        let is_layer = |removal: &&Removal| matches!(removal.item, Item::Layer { .. });
        let others = || plan.removals.iter().filter(|removal| !is_layer(removal));
        for (tried, removal) in others().enumerate() {
            if observer.interrupted() {
                return Err(interrupted(tried - failed.len()));
            }
            if let Err(e) = self.remove_item(removal) {
                failed.push(stays(removal.item.to_string(), &e));
            }
        }
        let layers: Vec<&Removal> = plan.removals.iter().filter(is_layer).collect();
        if layers.is_empty() {
            return Ok(failed);
        }
        if !failed.is_empty() {
            // Whatever stayed may link to them.
            failed.push(Unjudged {
                what: format!("{} layers", layers.len()),
                because: "they stay until all of the above goes".to_owned(),
                busy: failed.iter().all(|failed| failed.busy),
            });
            return Ok(failed);
        }
        // A power cut must not bring back a generation whose layers it does not bring back.
        self.trash.sync()?;
        for (tried, removal) in layers.into_iter().enumerate() {
            if observer.interrupted() {
                return Err(interrupted(others().count() + tried - failed.len()));
            }
            if let Err(e) = self.remove_item(removal) {
                failed.push(stays(removal.item.to_string(), &e));
            }
        }
        Ok(failed)
    }

    /// Removes records of sessions, and of what they can share, that killed commands have written
    /// aside. One that a command holds may be writing. The caller has the store to itself.
    pub(super) fn clear_sessions(&self) -> Result<(), StoreError> {
        records::clear_asides_of(&self.root, SHARING_RECORD)?;
        for name in self.sessions.names(usize::MAX)? {
            let Some(session) = name.to_str().and_then(session_of_folder) else {
                continue;
            };
            if let Some(_hold) = self.try_hold(&session)? {
                records::clear_asides(&self.session_handle(&session)?)?;
            }
        }
        Ok(())
    }

    fn remove_item(&self, removal: &Removal) -> Result<(), StoreError> {
        match &removal.item {
            Item::Trash { .. } => Ok(()),
            Item::Session { session } => self.remove_ended(session),
            Item::Staging { name } => self.discard(&self.sessions, name).map(drop),
            Item::Generation {
                project,
                generation,
            } => self.remove_superseded(project, *generation),
            Item::Golden {
                project,
                generations,
            } => {
                let why = format!("its golden was collected: {}", removal.reason);
                self.retire(project, generations, &why)
            }
            Item::Layer { layer } | Item::Placeholder { layer } => {
                self.discard(&self.layers, layer.as_str()).map(drop)
            }
            Item::Build { build } => self.discard(&self.builds, build.as_str()).map(drop),
        }
    }

    /// Removes a session that nobody uses. Since that was found out, a command may have taken it, or
    /// a daemon have started.
    fn remove_ended(&self, session: &SessionId) -> Result<(), StoreError> {
        let _hold = match self.hold(session) {
            Err(StoreError::UnknownSession { .. }) => return Ok(()),
            held => held?,
        };
        let parts = Parts::of_session(&self.session_handle(session)?)?;
        let _no_daemon = parts.as_ref().map(liveness::prove_no_daemon).transpose()?;
        self.discard(&self.sessions, session_folder(session))
            .map(drop)
    }

    fn remove_superseded(
        &self,
        project: &ProjectId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let folder = self.project_folder(project)?;
        let _build = project::lock_build(&folder, project)?;
        let _lock = project::lock_project_at_once(&folder, project)?;
        self.discard(&folder, generation.folder())?;
        quarantine::clear_stale(&folder)
    }
}
